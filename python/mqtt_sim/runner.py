"""run(): a scenario in, a Result out. Everything that can be refused is refused before the first connection."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mqtt_sim import corpus as corpora
from mqtt_sim.broker_url import parse_broker_url
from mqtt_sim.engine import EngineRun, check_plan, core_version
from mqtt_sim.errors import Fault, ScenarioError, UsageError
from mqtt_sim.judgement import EXIT_CODES, decide_status, evaluate, find_warnings
from mqtt_sim.machine import describe_machine, describe_versions, require_descriptors
from mqtt_sim.python_side import PythonParts, PythonSide
from mqtt_sim.report.json_file import check_writable, write_report
from mqtt_sim.resident_memory import ResidentMemory
from mqtt_sim.result import REPORT_SCHEMA, Result
from mqtt_sim.scenario.check import check_scenario
from mqtt_sim.scenario.embedded_broker import EmbeddedBroker
from mqtt_sim.scenario.load import load_scenario
from mqtt_sim.scenario.model import Scenario, Target
from mqtt_sim.scenario.page import page_listener, page_url, topics_of, with_page
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
    broker: str | Sequence[str] | None = None,
    set: Mapping[str, Any] | None = None,
    corpus: str | Path | None = None,
    json: str | Path | None = None,
    on_snapshot: OnSnapshot | None = None,
) -> Result:
    """Runs a scenario to its end and returns what it measured.

    scenario     a Scenario, a dictionary, a .json or .py file, or the name of one that ships
    sim          in virtual time: no socket, no waiting; same seed, same result
    seed         in place of the scenario's
    broker       URL of an outside broker in place of the scenario's: mqtt://user:password@host:1883; several, one
                 for each transport that groups choose
    set          single fields by path: {"duration": "5s", "producers.0.qos": 1}
    corpus       file of dialogues, before MQTT_SIM_CORPUS and the scenario's own
    json         file for the report
    on_snapshot  called about once a second with a snapshot of the run (a dictionary)

    Raises ScenarioError, ScriptError, CorpusError or UsageError for what the caller got wrong, and CouldNotRun when
    nothing could be started. A run that began always gives a Result: look at `passed`, `status` and `failure`, or call
    `raise_for_status()`. The first Ctrl-C stops in an orderly way (status "interrupted"), the second at once.
    """
    _check_arguments(broker=broker, settings=set, corpus=corpus, json=json, on_snapshot=on_snapshot)
    if json is not None:
        check_writable(json)
    result = prepare(scenario, sim=sim, seed=seed, broker=broker, settings=set, corpus=corpus).execute(on_snapshot)
    if json is not None:
        write_report(result, json)
    return result


def _check_arguments(*, broker: Any, settings: Any, corpus: Any, json: Any, on_snapshot: Any) -> None:
    def refuse(name: str, remedy: str, value: object) -> None:
        raise UsageError(f"run: {name} should be {remedy}, found {value!r}")

    urls = [broker] if isinstance(broker, str) else broker
    if urls is not None and not (isinstance(urls, Sequence) and urls and all(isinstance(url, str) for url in urls)):
        refuse("broker", "the URL of a broker, or several", broker)
    if settings is not None and not isinstance(settings, Mapping):
        refuse("set", 'a dictionary such as {"duration": "5s"}', settings)
    for name, file in (("corpus", corpus), ("json", json)):
        if file is not None and not isinstance(file, str | os.PathLike):
            refuse(name, "the name of a file", file)
    if on_snapshot is not None and not callable(on_snapshot):
        refuse("on_snapshot", "a function", on_snapshot)


@dataclass(frozen=True)
class PreparedRun:
    """A scenario that has passed every check, with its Plan."""

    scenario: Scenario
    plan: dict[str, Any]
    thresholds: list[Threshold]
    clients: int
    warnings: list[str] = field(default_factory=list)
    python: PythonParts = field(default_factory=PythonParts)

    @property
    def corpus_path(self) -> Path | None:
        """The corpus that it reads, if any."""
        path = self.plan["corpus"]["path"]
        return Path(path) if path else None

    @property
    def is_virtual(self) -> bool:
        """Whether it runs in virtual time."""
        return bool(self.plan["driver"] == "sim")

    def execute(
        self,
        on_snapshot: OnSnapshot | None = None,
        *,
        on_page: Callable[[str], object] | None = None,
        hold: Callable[[Result], object] | None = None,
    ) -> Result:
        """Runs it. Raises CouldNotRun when it cannot start.

        `on_page` is called with the link to the embedded broker's crawl page, once it is there. `hold` is called with
        the result while broker and page still serve; they end when it returns.
        """
        if not self.is_virtual:
            require_descriptors(self.clients, embedded_broker=self.plan["broker"] is not None)
        started = None if self.is_virtual else datetime.now(UTC).isoformat(timespec="milliseconds")
        memory = ResidentMemory()
        engine = EngineRun(self.plan)
        if hold is not None:
            engine.keep_broker()
        python = PythonSide(engine, self.python, self.scenario, is_virtual=self.is_virtual)
        measured = self._drive(engine, on_snapshot, on_page, python, memory)
        if not self.is_virtual:
            measured["generator"] = {**(measured.get("generator") or {}), "memory": memory.figures(self.clients)}
        result = self._make_result(measured, started, python)
        if hold is not None:
            try:
                hold(result)
            finally:
                engine.stop_broker()
        return result

    def _page(self, ports: Sequence[int]) -> str | None:
        """The link, when some listener serves it."""
        broker = self.scenario.broker or EmbeddedBroker()
        index = page_listener(broker) if ports else None
        if index is None:
            return None
        _, way = broker.ways_in()[index]
        return page_url(way, way.host or broker.host, ports[index], topics_of(self.scenario))

    def _drive(
        self,
        engine: EngineRun,
        on_snapshot: OnSnapshot | None,
        on_page: Callable[[str], object] | None,
        python: PythonSide,
        memory: ResidentMemory,
    ) -> dict[str, Any]:
        with _stopped_by_signals(engine):
            try:
                python.start(engine)
                if on_page is not None and (link := self._page(engine.ports())) is not None:
                    on_page(link)
                is_done = False
                while not is_done:
                    is_done = engine.is_done() or python.has_ended
                    # asked first: what a quick run has reached is told too
                    snapshot = engine.poll(POLL_S)
                    memory.look()
                    if snapshot and on_snapshot:
                        on_snapshot(self._with_verdicts(snapshot))
                    python.watch()
            except BaseException:
                engine.abort()
                python.give_up()
                raise
            finally:
                python.join()
        return engine.result()

    def _with_verdicts(self, snapshot: dict[str, Any]) -> dict[str, Any]:
        known = [threshold for threshold in self.thresholds if not threshold.is_of_scripts]
        verdicts = [verdict.to_dict() for verdict in evaluate(known, snapshot)]
        return {"name": self.scenario.name, **snapshot, "thresholds": verdicts}

    def _make_result(self, measured: dict[str, Any], started: str | None, python: PythonSide) -> Result:
        health = self.scenario.generator
        measured |= python.report(measured)
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
                "warnings": self.warnings + find_warnings(measured, verdicts, health) + python.warnings(),
                **measured,
            }
        )


def prepare(
    scenario: Scenario | Mapping[str, Any] | str | Path,
    *,
    sim: bool = False,
    seed: int | None = None,
    broker: str | Sequence[str] | None = None,
    settings: Mapping[str, Any] | None = None,
    corpus: str | Path | None = None,
    page: bool = False,
) -> PreparedRun:
    """Reads, resolves and checks everything that can be checked without a connection.

    `page` sees to it that the embedded broker has a page to look at; UsageError when there can be none.
    """
    file = str(scenario) if isinstance(scenario, str | Path) else None
    loaded = load_scenario(scenario, settings)
    if broker is not None:
        loaded = _aimed_at(loaded, [broker] if isinstance(broker, str) else broker)
    if sim and loaded.target is not None:
        raise UsageError(
            "virtual time (--sim) has its own broker and cannot reach an outside one: leave out --sim, or the target"
        )
    if page and sim:
        raise UsageError(
            "--page shows a run as it goes on, and one in virtual time (--sim) has no ports: leave out one"
        )
    if page:
        loaded = with_page(loaded)
    if seed is not None:
        loaded = _seeded(loaded, seed)
    path, warnings = _read_corpus(loaded, None if corpus is None else str(corpus))
    plan = loaded.to_plan(sim=sim, corpus_path=path)
    answer = check_plan(plan, loaded, file)
    clients = int(answer.get("clients", loaded.client_count))
    python = PythonParts.of(loaded, file)
    return PreparedRun(loaded, plan, thresholds_of(loaded), clients, _tls_warnings(loaded) + warnings, python)


def _aimed_at(scenario: Scenario, urls: Sequence[str]) -> Scenario:
    try:
        for url in urls:
            parse_broker_url(url)
        first, *others = urls
        target = Target(url=first, others=others)
    except ValueError as error:
        raise UsageError(f"--broker: {error}") from None
    except ScenarioError as error:
        raise UsageError(f"--broker: {error.faults[0].remedy}") from None
    aimed = scenario.model_copy(update={"broker": None, "target": target})
    if faults := check_scenario(aimed):
        raise ScenarioError(faults, file="--broker")
    return aimed


def _tls_warnings(scenario: Scenario) -> list[str]:
    unchecked = [
        group.name
        for group in scenario.groups
        if scenario.transport_of(group) in ("tls", "wss")
        and (tls := scenario.client_of(group).tls) is not None
        and not tls.reject_unauthorized
    ]
    if not unchecked:
        return []
    return [
        f"the broker's certificate is not checked by {', '.join(unchecked)}: reject_unauthorized is false, so anyone "
        "may pose as the broker"
    ]


def _seeded(scenario: Scenario, seed: int) -> Scenario:
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise UsageError(f"seed should be a whole number, found {seed!r}")
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
