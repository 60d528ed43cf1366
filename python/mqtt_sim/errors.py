"""The exceptions of mqtt_sim: one tree, each branch with the exit code that the command line ends with.

    MqttSimError
    ├── UsageError          2   wrong use of a command or of a function
    ├── ThresholdError     99   a threshold was missed, or the generator was not healthy
    ├── ScenarioError     104   the scenario cannot be what was meant
    │   └── CorpusError   104   its dialogue corpus is missing or broken
    ├── InterruptedRun    105   stopped before its end
    ├── CouldNotRun       106   network, port, file limit, report file
    ├── ScriptError       107   the user's Python raised
    ├── PeerError         106   what a client did to our broker; told by its events, never raised
    └── ClientError       106   a client could not do what was asked of it
        ├── ConnectError        nobody there, not let in, not in time
        ├── ClientClosed        ended before or while it was asked
        ├── DeliveryError       a publish was refused, or nobody knows whether it arrived
        ├── SubscribeError      a filter was refused
        ├── QueueFull           more publishes wait than may
        ├── StoreError          the store of a session cannot be read or written
        └── ResponseTimeout     no response came in time

Messages name the file, the path inside it, the value found there and what would be right.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mqtt_sim.broker_url import without_password

if TYPE_CHECKING:
    from mqtt_sim.result import Result

FAULTS_SHOWN = 10
"""Most faults of one scenario that a message lists."""

_VALUE_WIDTH = 60


class MqttSimError(Exception):
    """Something a user can put right. `exit_code` is what the command line returns for it."""

    exit_code = 1


class UsageError(MqttSimError):
    """A command or function was used in a way that makes no sense."""

    exit_code = 2


class ThresholdError(MqttSimError):
    """At least one threshold was missed; `result` holds the run."""

    exit_code = 99

    def __init__(self, message: str, result: Result) -> None:
        super().__init__(message)
        self.result = result


class InterruptedRun(MqttSimError):
    """The run was stopped before its end; `result` holds what was measured until then."""

    exit_code = 105

    def __init__(self, message: str, result: Result | None = None) -> None:
        super().__init__(message)
        self.result = result


class CouldNotRun(MqttSimError):
    """The world did not let the run happen, or its report be written.

    `kind` is one word for programs ("port_taken", "descriptors", "unreachable", "report", ...); `result` holds what
    had been measured, if anything.
    """

    exit_code = 106

    def __init__(self, message: str, *, kind: str, result: Result | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.result = result


class ScriptError(MqttSimError):
    """The user's Python raised; `file` and `line` tell where. The original exception is `__cause__`."""

    exit_code = 107

    def __init__(self, message: str, *, file: str, line: int) -> None:
        super().__init__(f"{file}:{line}: {message}")
        self.file = file
        self.line = line


class PeerError(MqttSimError):
    """What a client of our broker did wrong, or what went wrong with it; `reason` is the MQTT 5.0 reason code."""

    exit_code = 106

    def __init__(self, message: str, *, reason: int) -> None:
        super().__init__(message)
        self.reason = reason


class ClientError(MqttSimError):
    """A Client could not do what was asked of it."""

    exit_code = 106


class ConnectError(ClientError):
    """There is no connection.

    `kind` is one word for programs: "refused" (CONNACK), "unreachable", "connack timeout", "tls", ...; `reason` the
    MQTT 5.0 reason code, 0 where the broker gave none; `properties` those of CONNACK or DISCONNECT by name.
    """

    def __init__(self, message: str, *, kind: str, reason: int = 0, properties: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.reason = reason
        self.properties = properties or {}


class ClientClosed(ClientError):
    """The client has ended, or its event loop has, or it belongs to another process."""


class DeliveryError(ClientError):
    """A publish was not acknowledged with success: `reason` is the MQTT 5.0 reason code, 0 where nobody gave one."""

    def __init__(self, message: str, *, topic: str, reason: int = 0) -> None:
        super().__init__(message)
        self.topic = topic
        self.reason = reason


class SubscribeError(ClientError):
    """At least one filter was refused; `refused` maps each of them to its reason code, 0x80 or above."""

    def __init__(self, message: str, *, refused: dict[str, int]) -> None:
        super().__init__(message)
        self.refused = refused


class QueueFull(ClientError):
    """As many publishes as may wait for the broker do so; await some of them first."""


class StoreError(ClientError):
    """The store of a client's session cannot be read or written, or another client uses it."""


class ResponseTimeout(ClientError, TimeoutError):
    """No response to a request came in time."""


class _Nothing:
    """Marks a fault that has no value to show, such as a key that is not there."""

    def __repr__(self) -> str:
        return "NOTHING"


NOTHING = _Nothing()


@dataclass(frozen=True)
class Fault:
    """One thing wrong in a scenario: where, what stands there, and what would be right."""

    path: str
    remedy: str
    value: Any = NOTHING

    def __str__(self) -> str:
        where = self.path if self.value is NOTHING else f"{self.path} = {show_value(self.value)}"
        return f"{where}: {self.remedy}" if where else self.remedy

    def under(self, prefix: str) -> Fault:
        """The same fault seen from outside the object at `prefix`."""
        return replace(self, path=join_path(prefix, self.path))


class Faults(ValueError):
    """Several faults found by one check; carried through pydantic, which keeps a ValueError with its place."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = list(faults)


class ScenarioError(MqttSimError):
    """A scenario is not valid. `faults` lists everything that is wrong; the message shows the first ten.

    `file`, `path`, `value` and `remedy` are those of the first fault.
    """

    exit_code = 104

    def __init__(self, faults: Sequence[Fault], file: str | None = None) -> None:
        self.faults = list(faults)
        self.file = file
        first = self.faults[0]
        self.path, self.value, self.remedy = first.path, first.value, first.remedy
        super().__init__(self._describe())

    def _describe(self) -> str:
        prefix = f"{self.file}: " if self.file else ""
        if len(self.faults) == 1:
            return f"{prefix}{self.faults[0]}"
        lines = [f"{prefix}{len(self.faults)} errors"]
        lines += [f"  {fault}" for fault in self.faults[:FAULTS_SHOWN]]
        if len(self.faults) > FAULTS_SHOWN:
            lines.append(f"  ... and {len(self.faults) - FAULTS_SHOWN} more")
        return "\n".join(lines)


class CorpusError(ScenarioError):
    """The dialogue corpus is missing or broken; the message reads file:line:column: what was expected there."""

    def __init__(self, message: str, *, file: str, line: int = 0, column: int = 0) -> None:
        super().__init__([Fault("", message)])
        self.file, self.line, self.column = file, line, column


def show_value(value: Any) -> str:
    """The value as JSON where it is JSON, without the password of a URL and cut to a readable length."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    text = without_password(text)
    return text if len(text) <= _VALUE_WIDTH else text[: _VALUE_WIDTH - 3] + "..."


def join_path(prefix: str, path: str) -> str:
    """`producers[0]` and `qos` → `producers[0].qos`."""
    if not prefix or not path:
        return prefix or path
    return f"{prefix}{path}" if path.startswith("[") else f"{prefix}.{path}"
