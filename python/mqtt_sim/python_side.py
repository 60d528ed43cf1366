"""What of a run is Python: the scripts of its devices, and the functions that say what messages carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mqtt_sim.content.group import ContentGroup, content_groups
from mqtt_sim.content.writer import ContentWriter
from mqtt_sim.device.group import ScriptedGroup, scripted_groups
from mqtt_sim.device.stage import DeviceStage
from mqtt_sim.engine import EngineRun
from mqtt_sim.scenario.model import Scenario
from mqtt_sim.scenario.user_function import UserFunctions


@dataclass(frozen=True)
class PythonParts:
    """The user's functions of a scenario, found and checked."""

    scripts: Sequence[ScriptedGroup] = ()
    contents: Mapping[int, ContentGroup] = field(default_factory=dict)

    @classmethod
    def of(cls, scenario: Scenario, origin: str | None) -> PythonParts:
        """Raises ScenarioError for a function that is not there, ScriptError for a file that raises."""
        functions = UserFunctions(origin)
        return cls(scripted_groups(scenario, functions), content_groups(scenario, functions))


class PythonSide:
    """Goes along with one run, on threads of its own; none without a function."""

    def __init__(self, engine: EngineRun, parts: PythonParts, scenario: Scenario, *, is_virtual: bool) -> None:
        self._is_virtual = is_virtual
        self._stage: DeviceStage | None = None
        self._writer: ContentWriter | None = None
        if parts.scripts:
            self._stage = DeviceStage(
                engine, parts.scripts, duration=scenario.duration, seed=scenario.seed, is_virtual=is_virtual
            )
        if parts.contents:
            self._writer = ContentWriter(engine, parts.contents, is_virtual=is_virtual)

    def start(self, engine: EngineRun) -> None:
        """Starts it and the run, in the order that they need. Raises CouldNotRun as EngineRun.start does."""
        if self._writer is not None:
            self._writer.start()
        if self._stage is not None and not self._is_virtual:
            self._stage.start()
        engine.start()
        if self._stage is not None and self._is_virtual:
            self._stage.start()

    @property
    def has_ended(self) -> bool:
        """Whether a run that Python drives can go on no more."""
        return self._stage is not None and self._stage.is_over

    def watch(self) -> None:
        """To be called several times a second: ends the run when a function blocks."""
        for part in (self._stage, self._writer):
            if part is not None:
                part.watch()

    def give_up(self) -> None:
        """There will be no run, or no more of it."""
        if self._stage is not None:
            self._stage.give_up()

    def join(self) -> None:
        """After the run."""
        if self._writer is not None:
            self._writer.stop()
        if self._stage is not None:
            self._stage.join()

    def report(self, measured: Mapping[str, Any]) -> dict[str, Any]:
        """The part of a report that Python adds."""
        if self._stage is None and self._writer is None:
            return {"python": False}
        parts = [part for part in (self._stage, self._writer) if part is not None]
        firsts = [part.failures.first for part in parts if part.failures.first is not None]
        report: dict[str, Any] = {"python": True}
        if self._stage is not None:
            report["devices"] = self._stage.report()
        if self._writer is not None:
            report["functions"] = functions = self._writer.report(measured)
            late = sum(group["late"] for group in functions["groups"])
            report["counts"] = {**measured.get("counts", {}), "content_late": late}
        counted = [error for part in parts for error in part.failures.counted()]
        report["script_error"] = firsts[0].document if firsts else None
        report["errors"] = [*measured.get("errors", []), *counted]
        return report

    def warnings(self) -> list[str]:
        """What a reader of the figures should know of it."""
        return [text for part in (self._stage, self._writer) if part is not None for text in part.warnings()]
