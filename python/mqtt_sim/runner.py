"""run(): a scenario in, a Result out. Everything that can be refused is refused before the first connection."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mqtt_sim import corpus as corpora
from mqtt_sim.engine import EngineRun, check_plan, core_version
from mqtt_sim.errors import Fault, ScenarioError, UsageError
from mqtt_sim.judgement import EXIT_CODES, decide_status, evaluate, find_warnings
from mqtt_sim.machine import describe_machine, describe_versions, require_descriptors
from mqtt_sim.report.json_file import check_writable, write_report
from mqtt_sim.result import REPORT_SCHEMA, Result
from mqtt_sim.scenario.broker_url import split_broker_url
from mqtt_sim.scenario.load import load_scenario
from mqtt_sim.scenario.model import Scenario, Target
from mqtt_sim.scenario.plan import resolved_document
from mqtt_sim.scenario.promise import thresholds_of
from mqtt_sim.thresholds import Threshold
from mqtt_sim.version import __version__

POLL_S = 0.2
"""Longest wait inside the core, so that Ctrl-C is heard."""

OnSnapshot = Callable[[dict[str, Any]], object]


def run(
    scenario: Scenario | Mapping[str, Any] | str | Path,
    *,
    sim: bool = False,
    seed: int | None = None,
    broker: str | None = None,
    set: Mapping[str, Any] | None = None,
    corpus: str | Path | None = None,
    json: str | Path | None = None,
    on_snapshot: OnSnapshot | None = None,
) -> Result:
    """Runs a scenario to its end and returns what it measured.

    scenario     a Scenario, a dictionary, a .json or .py file, or the name of one that ships
    sim          in virtual time: no socket, no waiting; same seed, same result
    seed         in place of the scenario's
    broker       URL of an outside broker in place of the scenario's: mqtt://user:password@host:1883
    set          single fields by path: {"duration": "5s", "producers.0.qos": 1}
    corpus       file of dialogues, before MQTT_SIM_CORPUS and the scenario's own
    json         file for the report
    on_snapshot  called about once a second with a snapshot of the run (a dictionary)

    Raises ScenarioError, ScriptError, CorpusError or UsageError for what the caller got wrong, and CouldNotRun when
    nothing could be started. A run that began always gives a Result: look at `passed`, `status` and `failure`, or call
    `raise_for_status()`. The first Ctrl-C stops in an orderly way (status "interrupted"), the second at once.
    """
    if json is not None:
        check_writable(json)
    result = prepare(scenario, sim=sim, seed=seed, broker=broker, settings=set, corpus=corpus).execute(on_snapshot)
    if json is not None:
        write_report(result, json)
    return result


@dataclass(frozen=True)
class PreparedRun:
    """A scenario that has passed every check, with its Plan."""

    scenario: Scenario
    plan: dict[str, Any]
    thresholds: list[Threshold]
    clients: int
    warnings: list[str] = field(default_factory=list)

    @property
    def is_virtual(self) -> bool:
        """Whether it runs in virtual time."""
        return bool(self.plan["driver"] == "sim")

    def execute(self, on_snapshot: OnSnapshot | None = None) -> Result:
        """Runs it. Raises CouldNotRun when it cannot start."""
        if not self.is_virtual:
            require_descriptors(self.clients, embedded_broker=self.plan["broker"] is not None)
        started = None if self.is_virtual else datetime.now(UTC).isoformat(timespec="milliseconds")
        return self._make_result(self._drive(EngineRun(self.plan), on_snapshot), started)

    def _drive(self, engine: EngineRun, on_snapshot: OnSnapshot | None) -> dict[str, Any]:
        with _stopped_by_signals(engine):
            engine.start()
            try:
                is_done = False
                while not is_done:
                    is_done = engine.is_done()  # asked first: what a quick run has reached is told too
                    snapshot = engine.poll(POLL_S)
                    if snapshot and on_snapshot:
                        on_snapshot(self._with_verdicts(snapshot))
            except BaseException:
                engine.abort()
                raise
        return engine.result()

    def _with_verdicts(self, snapshot: dict[str, Any]) -> dict[str, Any]:
        verdicts = [verdict.to_dict() for verdict in evaluate(self.thresholds, snapshot)]
        return {"name": self.scenario.name, **snapshot, "thresholds": verdicts}

    def _make_result(self, measured: dict[str, Any], started: str | None) -> Result:
        health = self.scenario.generator
        verdicts = evaluate(self.thresholds, measured)
        status = decide_status(measured, verdicts, health)
        return Result(
            {
                "schema": REPORT_SCHEMA,
                "tool": {"name": "mqtt-sim", "version": __version__},
                "machine": {"clock": "virtual"} if self.is_virtual else describe_machine(),
                "versions": describe_versions(core_version()),
                "scenario": resolved_document(self.scenario),
                "started": started,
                "status": status,
                "exit_code": EXIT_CODES[status],
                "thresholds": [verdict.to_dict() for verdict in verdicts],
                "warnings": self.warnings + find_warnings(measured, verdicts, health),
                **measured,
            }
        )


def prepare(
    scenario: Scenario | Mapping[str, Any] | str | Path,
    *,
    sim: bool = False,
    seed: int | None = None,
    broker: str | None = None,
    settings: Mapping[str, Any] | None = None,
    corpus: str | Path | None = None,
) -> PreparedRun:
    """Reads, resolves and checks everything that can be checked without a connection."""
    file = str(scenario) if isinstance(scenario, str | Path) else None
    loaded = load_scenario(scenario, settings)
    if broker is not None:
        loaded = _aimed_at(loaded, broker)
    if sim and loaded.target is not None:
        raise UsageError(
            "virtual time (--sim) has its own broker and cannot reach an outside one: leave out --sim, or the target"
        )
    if seed is not None:
        loaded = _seeded(loaded, seed)
    path, warnings = _read_corpus(loaded, None if corpus is None else str(corpus))
    plan = loaded.to_plan(sim=sim, corpus_path=path)
    answer = check_plan(plan, loaded, file)
    return PreparedRun(loaded, plan, thresholds_of(loaded), int(answer.get("clients", loaded.client_count)), warnings)


def _aimed_at(scenario: Scenario, url: str) -> Scenario:
    try:
        split_broker_url(url)
    except ValueError as error:
        raise UsageError(f"--broker: {error}") from None
    return scenario.model_copy(update={"broker": None, "target": Target(url=url)})


def _seeded(scenario: Scenario, seed: int) -> Scenario:
    if not 0 <= seed < 2**64:
        raise ScenarioError([Fault("seed", "should be from 0 to 18446744073709551615", seed)], file="--seed")
    return scenario.model_copy(update={"seed": seed})


def _read_corpus(scenario: Scenario, given: str | None) -> tuple[str | None, list[str]]:
    if not scenario.needs_corpus:
        return None, []
    source = scenario.corpus
    path = corpora.resolve_path(given, source.path)
    corpus = corpora.load(path, header=source.header, parser=source.parser, strict=source.strict)
    return path, list(corpus.warnings)


@contextmanager
def _stopped_by_signals(engine: EngineRun) -> Iterator[None]:
    """SIGINT and SIGTERM end the run: once orderly, twice at once; a third time as if we were not here."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    times = 0

    def stop(number: int, frame: object) -> None:
        nonlocal times
        times += 1
        if times == 1:
            engine.interrupt()
        elif times == 2:
            engine.abort()
        else:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
