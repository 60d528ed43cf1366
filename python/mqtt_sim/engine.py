"""The compiled core as Python sees it: JSON documents in and out, its exceptions turned into those of `errors`.

The only module that imports `_core`, and it does so on first use: a help text needs no engine.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mqtt_sim.errors import NOTHING, CorpusError, CouldNotRun, Fault, ScenarioError
from mqtt_sim.scenario.plan import scenario_path

if TYPE_CHECKING:
    from types import ModuleType

    from mqtt_sim.scenario.model import Scenario


def load_core() -> ModuleType:
    """The compiled module. Raises CouldNotRun when this installation has none."""
    try:
        from mqtt_sim import _core
    except ImportError as error:
        text = f"the compiled part of mqtt-sim cannot be loaded ({error}); install the package again: pip install ."
        raise CouldNotRun(text, kind="installation") from error
    return _core


def core_version() -> str:
    """Of the compiled module."""
    return str(load_core().__version__)


def check_plan(plan: dict[str, Any], scenario: Scenario, file: str | None) -> dict[str, Any]:
    """Lets the core judge the plan: {"clients", "streams", "planned_messages"}. Raises ScenarioError."""
    core = load_core()
    try:
        answer: dict[str, Any] = json.loads(core.check_plan(json.dumps(plan)))
    except core.PlanError as error:
        path = scenario_path(error.path, scenario)
        raise ScenarioError([Fault(path, f"should be {error.message}", _value(error.value))], file=file) from None
    return answer


def _value(text: str) -> object:
    """What the core found, as it stands in the plan."""
    try:
        return json.loads(text)
    except ValueError:
        return NOTHING if text == "nothing" else text


def load_corpus(path: str, *, header: str, parser: str, strict: bool) -> tuple[list[tuple[str, str]], list[str]]:
    """Rows of (character, text), and warnings. Raises CorpusError with file:line:column."""
    core = load_core()
    try:
        rows, warnings = core.load_corpus(path, header, parser, strict)
    except core.CorpusError as error:
        raise CorpusError(str(error), file=path, line=error.line, column=error.column) from None
    return [(str(character), str(text)) for character, text in rows], [str(warning) for warning in warnings]


class EngineRun:
    """One run of a plan inside the core. Not started by making it; one thread at a time."""

    def __init__(self, plan: dict[str, Any]) -> None:
        core = load_core()
        self._run_error = core.RunError
        self._run = core.Run(json.dumps(plan))

    def start(self) -> None:
        """Begins. Raises CouldNotRun, as when a port is taken, and ScenarioError for a wrong users or ACL file."""
        try:
            self._run.start()
        except self._run_error as error:
            if getattr(error, "kind", "") == "broker":
                raise ScenarioError([Fault("broker", str(error))]) from None
            raise could_not_run(error) from None

    def poll(self, timeout_s: float) -> dict[str, Any] | None:
        """The next snapshot, if one comes within the time; about one a second of the run's time."""
        text = self._run.poll(timeout_s)
        return json.loads(text) if text else None

    def is_done(self) -> bool:
        """Whether result() will answer at once."""
        return bool(self._run.is_done())

    def interrupt(self) -> None:
        """Orderly stop: no more sending, a short drain, a partial result."""
        self._run.interrupt()

    def abort(self) -> None:
        """Stops now."""
        self._run.abort()

    def result(self) -> dict[str, Any]:
        """Waits for the end. Raises CouldNotRun when the core has no result to give."""
        try:
            document: dict[str, Any] = json.loads(self._run.result())
        except self._run_error as error:
            raise could_not_run(error) from None
        return document


class EngineBroker:
    """The embedded broker inside the core, by options in the core's units. Not started by making it."""

    def __init__(self, options: dict[str, Any]) -> None:
        core = load_core()
        self._run_error = core.RunError
        try:
            self._broker = core.Broker(json.dumps(options))
        except core.PlanError as error:
            raise ScenarioError([Fault(error.path, f"should be {error.message}", _value(error.value))]) from None
        except core.RunError as error:
            raise ScenarioError([Fault("", str(error))]) from None

    def start(self) -> list[int]:
        """Listens; the port of each listener. Raises CouldNotRun, for example when one is taken."""
        try:
            return [int(port) for port in self._broker.start()]
        except self._run_error as error:
            raise could_not_run(error) from None

    def stop(self) -> None:
        """Ends in good order."""
        self._broker.stop()

    def reload(self) -> None:
        """Reads the files that say who may do what. Raises ScenarioError."""
        try:
            self._broker.reload()
        except self._run_error as error:
            raise ScenarioError([Fault("", str(error))]) from None

    def stats(self) -> str:
        """JSON."""
        return str(self._broker.stats())


def could_not_run(error: Exception) -> CouldNotRun:
    """A RunError of the core as ours; it carries a kind and a text."""
    return CouldNotRun(str(getattr(error, "text", error)), kind=str(getattr(error, "kind", "internal")))
