"""MQTT_SIM_DEBUG: what clients and brokers do, as lines on stderr; nothing is looked at where it is not set.

    MQTT_SIM_DEBUG=client,packet mqtt-sim pub -t t -m hello

Passwords never show, and of payloads only their length, unless `payload` is named.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from mqtt_sim.suggestion import did_you_mean

if TYPE_CHECKING:
    from mqtt_sim.inside.surface import Inside

VARIABLE = "MQTT_SIM_DEBUG"
AREAS = {
    "client": "orders, states, answers and messages of clients",
    "packet": "each packet of clients, as on the wire",
    "broker": "events of embedded brokers",
    "payload": "the payloads as well, up to 200 bytes of each",
}
_PAYLOAD_SHOWN = 200
_told_unknown: set[str] = set()


def areas() -> frozenset[str]:
    """What the environment asks for. An area that there is not is told once."""
    named = {name.strip().lower() for name in os.environ.get(VARIABLE, "").split(",")} - {""}
    if "*" in named:
        named = set(AREAS) - {"payload"} | named - {"*"}
    for name in sorted(named - AREAS.keys() - _told_unknown):
        _told_unknown.add(name)
        print(f'{VARIABLE}: there is no area "{name}"; {did_you_mean(name, AREAS)}', file=sys.stderr, flush=True)
    return frozenset(named & AREAS.keys())


class _Host(Protocol):
    core: Any
    is_lost: bool

    def add(self, receiver: Any, options: dict[str, Any], targets: list[str]) -> int: ...
    def remove(self, number: int) -> None: ...


class TracedHost:
    """A host of clients (client/host.py) that tells what passes through it."""

    def __init__(self, host: _Host, areas_: frozenset[str]) -> None:
        self._host = host
        self._areas = areas_
        self._names: dict[int, str] = {}
        self.core = _TracedCore(host.core, self._tell_order if "client" in areas_ else None)

    @property
    def is_lost(self) -> bool:
        """As the host's."""
        return self._host.is_lost

    def add(self, receiver: Any, options: dict[str, Any], targets: list[str]) -> int:
        """As the host's."""
        number = self._host.add(_Receiver(receiver, self._tell_record), options, targets)
        self._names[number] = options["client_id"] or f"client {number}"
        if "packet" in self._areas:
            self._host.core.trace_packets(number, True)
        if "client" in self._areas:
            user = f", user {options['username']!r}" if options["username"] is not None else ""
            password = ", password ***" if options["password"] is not None else ""
            clean = "clean start" if options["clean_start"] else "keeps its session"
            self._say("client", number, f"MQTT level {options['protocol_version']}, {clean}{user}{password}")
        return number

    def remove(self, number: int) -> None:
        """As the host's."""
        self._host.remove(number)
        self._names.pop(number, None)

    def _say(self, area: str, number: int, text: str) -> None:
        say(area, f"{self._names.get(number, number)}: {text}")

    def _tell_order(self, name: str, number: int, *arguments: Any) -> None:
        if name in _ORDERS:
            self._say("client", number, _ORDERS[name](self._areas, *arguments))

    def _tell_record(self, receiver: _Receiver, kind: int, fields: tuple[Any, ...]) -> None:
        area = "packet" if kind == _TRACE else "client"
        if area in self._areas and kind in _RECORDS:
            for line in _RECORDS[kind](self._areas, *fields):
                self._say(area, receiver.number, line)


class _TracedCore:
    """The engine's side of a host: every order is told before it is given."""

    def __init__(self, core: Any, tell: Callable[..., None] | None) -> None:
        self._core = core
        self._tell = tell

    def __getattr__(self, name: str) -> Any:
        order, tell = getattr(self._core, name), self._tell
        if tell is None or name not in _ORDERS:
            return order

        def told(number: int, *arguments: Any) -> Any:
            tell(name, number, *arguments)
            return order(number, *arguments)

        return told


class _Receiver:
    """A client that is told what happened, after us."""

    def __init__(self, receiver: Any, tell: Callable[[_Receiver, int, tuple[Any, ...]], None]) -> None:
        self._receiver = receiver
        self._tell = tell

    @property
    def number(self) -> int:
        return int(self._receiver._number)

    def take(self, dropped: int, records: list[tuple[Any, ...]]) -> None:
        for kind, *fields in records:
            self._tell(self, kind, tuple(fields))
        self._receiver.take(dropped, records)


def watch(broker: Inside) -> None:
    """Tells the events of a broker, where the environment asks for it."""
    named = areas()
    if "broker" not in named:
        return
    for event in _BROKER_EVENTS:
        broker.on(event, _teller(event, named))


def _teller(event: str, named: frozenset[str]) -> Callable[..., None]:
    def tell(*arguments: Any) -> None:
        say("broker", " ".join([event, *(_shown(named, one) for one in arguments)]))

    return tell


_BROKER_EVENTS = (
    "ready",
    "closed",
    "error",
    "connack_sent",
    "client_connected",
    "client_disconnected",
    "client_error",
    "connection_error",
    "keepalive_timeout",
    "subscribed",
    "unsubscribed",
    "published",
    "ack",
    "ping",
)


def say(area: str, text: str) -> None:
    """One line; a closed stderr is nobody's mistake."""
    now = time.time()
    clock = f"{time.strftime('%H:%M:%S', time.localtime(now))}.{int(now * 1000) % 1000:03d}"
    try:
        sys.stderr.write(f"{clock} {area} {text}\n")  # in one piece: threads speak at the same time
        sys.stderr.flush()
    except (OSError, ValueError):
        return


def _shown(named: frozenset[str], value: Any) -> str:
    """Of a client its identifier, of a message its topic and size, of other values what they are."""
    if value is None:
        return "the broker itself"
    if hasattr(value, "payload"):
        return _message(named, value.topic, value.payload, value.qos)
    if isinstance(value, Exception):
        return f"{type(value).__name__}: {value}"
    if hasattr(value, "is_connected") or hasattr(value, "disconnect"):
        return repr(getattr(value, "id", value))
    return repr(value) if isinstance(value, str) else str(value)


def _message(named: frozenset[str], topic: str, payload: bytes, qos: int) -> str:
    shown = f" {payload[:_PAYLOAD_SHOWN]!r}" if "payload" in named else ""
    return f"{topic!r}, {len(payload):,} bytes, QoS {qos}{shown}"


def _publish(named: frozenset[str], _: int, topic: str, payload: bytes, qos: int, *__: Any) -> str:
    return "publish " + _message(named, topic, payload, qos)


_ORDERS: dict[str, Callable[..., str]] = {
    "connect": lambda _: "connect",
    "kill": lambda _: "drop the connection",
    "end": lambda _, patience, reason, *__: f"end within {patience:g} s, reason 0x{reason:02X}",
    "publish": _publish,
    "publish_kept": lambda named, row: "publish " + _message(named, row[2], row[3], row[4]),
    "subscribe": lambda _, __, entries, *___: f"subscribe {[(topic, bits & 3) for topic, bits in entries]}",
    "unsubscribe": lambda _, __, filters, *___: f"unsubscribe {list(filters)}",
    "acknowledge": lambda _, token, reason: f"acknowledge message {token}, reason 0x{reason:02X}",
    "authenticate": lambda _, data, is_again: f"authenticate{' again' if is_again else ''}, {len(data)} bytes ***",
}
"""Orders that are told, by their names in the engine."""

_TRACE = 8
_SETTLED = ("written", "acknowledged", "refused", "lost", "closed", "left open")


def _trace_line(
    _: frozenset[str], is_sent: bool, name: str, flags: int, size: int, packet_id: int, topic: str, reason: int
) -> list[str]:
    parts = ["->" if is_sent else "<-", name]
    parts += [f"id {packet_id}"] if packet_id else []
    parts += [repr(topic)] if topic else []
    if name == "PUBLISH":
        parts += [f"QoS {flags >> 1 & 3}", *(["DUP"] if flags & 8 else []), *(["retain"] if flags & 1 else [])]
    parts += [f"reason 0x{reason:02X}"] if reason >= 0 else []
    return [" ".join([*parts, f"{size:,} bytes"])]


_RECORDS: dict[int, Callable[..., list[str]]] = {
    0: lambda named, messages: ["message " + _message(named, one.topic, one.payload, one.qos) for one in messages],
    1: lambda _, settled: [
        f"publish {cookie} {_SETTLED[how]}, reason 0x{reason:02X}{f': {text}' if text else ''}"
        for cookie, how, reason, text, *_ in settled
    ],
    2: lambda _, old, new: [f"{old} -> {new}"],
    3: lambda _, present, client_id, properties: [
        f"CONNACK, {'session present' if present else 'new session'}{f', {properties}' if properties else ''}"
    ],
    4: lambda _, reason, *__: [f"CONNACK refuses, reason 0x{reason:02X}"],
    5: lambda _, cause, close, reason, text, detail, *__: [
        f"connection over: {cause}{f', {text}' if text and text != cause else ''}{f' ({detail})' if detail else ''}"
    ],
    6: lambda _, __, is_closed, codes, ___: [
        "no answer" if is_closed else f"answer {[f'0x{code:02X}' for code in codes]}"
    ],
    7: lambda _, reason, data: [f"AUTH, reason 0x{reason:02X}, {len(data)} bytes ***"],
    _TRACE: _trace_line,
}
"""What happened, by the kinds of records of the engine; see RecordKind in python/bindings."""
