"""The compiled core as Python sees it: JSON documents in and out, its exceptions turned into those of `errors`.

The only module that imports `_core`, and it does so on first use: a help text needs no engine.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import time
import weakref
from typing import TYPE_CHECKING, Any

from mqtt_sim.errors import NOTHING, CorpusError, CouldNotRun, Fault, ScenarioError

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
    from mqtt_sim.scenario.plan import scenario_path

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
        self._is_lost = False

    def start(self) -> None:
        """Begins. Raises CouldNotRun, as when a port is taken, and ScenarioError for a wrong users or ACL file."""
        try:
            self._run.start()
        except self._run_error as error:
            if getattr(error, "kind", "") == "broker":
                raise ScenarioError([Fault("broker", str(error))]) from None
            raise could_not_run(error) from None
        _running.add(self)

    def poll(self, timeout_s: float) -> dict[str, Any] | None:
        """The next snapshot, if one comes within the time; about one a second of the run's time."""
        self._check_process()
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
        self._check_process()
        try:
            document: dict[str, Any] = json.loads(self._run.result())
        except self._run_error as error:
            raise could_not_run(error) from None
        return document

    def ports(self) -> list[int]:
        """Of the embedded broker's listeners, once started; 0 of a Unix socket."""
        return [int(port) for port in self._run.ports()]

    def devices(self) -> Any:
        """The clients of scripted groups, numbered from 1, as a core's ScriptedClients; None without such a group."""
        return self._run.devices()

    def contents(self) -> Any:
        """What streams say next, for whoever composes it, as a core's Contents; None where nobody has to."""
        return load_core().contents_of(self._run)

    def stage(self) -> tuple[str, int | None]:
        """The phase that devices are in, and the run's time zero in ns of its clock once that is known."""
        phase, start_ns = self._run.stage()
        return str(phase), start_ns

    def set_scripts_running(self, scripts: int) -> None:
        """How many devices' scripts have not come to their end."""
        self._run.set_scripts_running(scripts)

    def await_written(self, device: int) -> None:
        """From now on it is news when a message of this device at QoS 0 has been written."""
        self._run.await_written(device)

    def set_stamping(self, device: int, is_on: bool) -> None:
        """Whether what this device publishes from now on is stamped."""
        self._run.set_stamping(device, is_on)

    def go_on(self, device: int, due_ns: int) -> None:
        """A script goes on, and should have done so then: that is when what it publishes now was meant to leave."""
        self._run.go_on(device, due_ns)

    def end_turn(self) -> None:
        """Sends off what devices have ordered since the last call."""
        self._run.end_turn()

    def now_ns(self) -> int:
        """The run's clock."""
        return int(self._run.now())

    def advance(self, until_ns: int | None) -> tuple[int, bool]:
        """In virtual time with scripts: goes on until then, or until there is news for devices.

        The time in ns, and whether fetch() of devices() has something.
        """
        now_ns, has_notes = self._run.advance(until_ns)
        return int(now_ns), bool(has_notes)

    def keep_broker(self) -> None:
        """Before result(): the embedded broker and its pages outlast the run, until stop_broker()."""
        self._run.keep_broker()

    def stop_broker(self) -> None:
        """Ends it, if it still serves."""
        self._run.stop_broker()

    def lose(self) -> None:
        """After a fork, in the child: its threads are the parent's, and nothing here is touched any more."""
        self._is_lost = True
        self._run.abandon()

    def _check_process(self) -> None:
        if self._is_lost:
            raise CouldNotRun("the run goes on in the process that this one was forked from", kind="forked")


class EngineBroker:
    """The embedded broker inside the core, by options in the core's units. Not started by making it.

    `desk`: what else its constructor takes.
    """

    def __init__(self, options: dict[str, Any], **desk: Any) -> None:
        core = load_core()
        self._run_error = core.RunError
        try:
            self._broker = core.Broker(json.dumps(options), **desk)
        except core.PlanError as error:
            path = re.sub("_n?s$", "", error.path)  # the unit, which only the core's name tells
            raise ScenarioError([Fault(path, f"should be {error.message}", _value(error.value))]) from None
        except core.RunError as error:
            raise ScenarioError([Fault("", str(error))]) from None

    @property
    def core(self) -> Any:
        """The compiled module's object, for who looks inside."""
        return self._broker

    def start(self) -> list[int]:
        """Listens; the port of each listener. Raises CouldNotRun, for example when one is taken."""
        try:
            return [int(port) for port in self._broker.start()]
        except self._run_error as error:
            raise could_not_run(error) from None

    def ca_pem(self) -> str:
        """The authority of the certificates that were generated; empty when none was."""
        return str(self._broker.ca_pem())

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


_EXIT_PATIENCE_S = 2.0
_running: weakref.WeakSet[EngineRun] = weakref.WeakSet()


def _lose_all() -> None:
    for run in list(_running):
        run.lose()
    _running.clear()


def _end_all() -> None:
    """Runs on daemon threads: their own threads end before the libraries that these use do."""
    runs = list(_running)
    for run in runs:
        run.abort()
    until = time.monotonic() + _EXIT_PATIENCE_S
    for run in runs:
        while not run.is_done() and time.monotonic() < until:
            time.sleep(0.01)
        run.stop_broker()


os.register_at_fork(after_in_child=_lose_all)
atexit.register(_end_all)
