"""The same random, valid conversation at two brokers, step by step; what each client hears is compared.

    python tests/interop/differential.py PORT PORT [SEEDS [FIRST]]

A conversation comes from its seed alone: three clients of mixed levels connect, resume, subscribe, publish,
unsubscribe, leave in order or not. After each step every client exchanges pings until nothing more arrives, so both
brokers are compared at rest. NOT_COMPARED tells what is left out, and why.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from raw_mqtt import (
    CONNACK,
    DISCONNECT,
    PINGREQ,
    PINGRESP,
    PUBACK,
    PUBCOMP,
    PUBLISH,
    PUBREC,
    PUBREL,
    SUBACK,
    UNSUBACK,
    V5,
    V311,
    Frame,
    RawClient,
    ack,
    connect,
    disconnect,
    packet,
    publish,
    read_varint,
    subscribe,
    unsubscribe,
)

NOT_COMPARED = {
    "order of different topics": "[MQTT-4.6.0-6] fixes the order within a topic",
    "0x10 no matching subscribers": "section 3.4.2.1: a server that knows may say so instead of success",
    "copies for overlapping subscriptions": "[MQTT-3.3.4-2] leaves their number open, so filters do not overlap here",
    "no local, retain as published changed by a second SUBSCRIBE": "[MQTT-3.8.4-3]; Mosquitto 2.0.11 keeps the old",
}
TOPICS = ("a/1", "a/2", "b/1", "b/2/x", "c", "$d/1")
FILTERS = ("a/+", "a/1", "a/2", "b/#", "b/1", "+", "c", "b/+/x", "$d/#", "+/+/x", "nobody/#")
STEPS = 40
DROP_PAUSE_S = 0.03


def matches(name: str, topic_filter: str) -> bool:
    """Whether a filter of this module matches a name of it. [MQTT-4.7.2-1]"""
    if name.startswith("$") and topic_filter[0] in "+#":
        return False
    names, parts = name.split("/"), topic_filter.split("/")
    for at, part in enumerate(parts):
        if part == "#":
            return True
        if at >= len(names) or part not in ("+", names[at]):
            return False
    return len(names) == len(parts)


@dataclass
class Session:
    """What the generator knows of one client: no broker is asked."""

    name: str
    level: int
    is_up: bool = False
    persists: bool = False
    has_will: bool = False
    filters: dict[str, int] = field(default_factory=dict)  # and the options bits that stay


@dataclass(frozen=True)
class Step:
    """One thing that one client does."""

    client: str
    kind: str
    data: bytes = b""
    level: int = V311

    def __str__(self) -> str:
        return f"{self.client} {self.kind}"


def conversation(seed: int) -> list[Step]:
    """The steps of a seed."""
    chance = random.Random(seed)
    sessions = [Session(name, chance.choice((V311, V5))) for name in ("x", "y", "z")]
    steps: list[Step] = []
    for number in range(STEPS):
        session = chance.choice(sessions)
        make = _connect if not session.is_up else chance.choices(_MOVES, _WEIGHTS)[0]
        steps.append(make(chance, session, f"s{seed}", number))
    return steps


def _connect(chance: random.Random, session: Session, prefix: str, _number: int) -> Step:
    clean = chance.random() < 0.4
    keeps = chance.random() < 0.7
    if clean or not session.persists:
        session.filters.clear()
    session.is_up = True
    session.persists = keeps if session.level == V5 else not clean
    session.has_will = chance.random() < 0.4
    properties = b"\x11\0\0\1\0" if session.level == V5 and keeps else b""
    will = (chance.choice(TOPICS), f"will of {session.name}".encode()) if session.has_will else None
    data = connect(
        f"{prefix}-{session.name}",
        session.level,
        clean=clean,
        keep_alive=0,
        will=will,
        will_qos=chance.randrange(3) if will else 0,
        will_retain=bool(will) and chance.random() < 0.3,
        properties=properties,
    )
    return Step(session.name, f"connects clean={clean} keeps={session.persists} will={will}", data, session.level)


def _subscribe(chance: random.Random, session: Session, _prefix: str, number: int) -> Step:
    free = [f for f in FILTERS if f in session.filters or not _overlaps(f, session.filters)]
    topic_filter = chance.choice(free) if free else "nobody/#"
    kept = session.filters.setdefault(topic_filter, chance.choice((0, 4, 8, 12)))
    options = chance.randrange(3)
    properties = b""
    if session.level == V5:
        options |= kept | chance.choice((0, 0x10, 0x20))
        properties = b"\x0b" + bytes([number + 1]) if chance.random() < 0.5 else b""
    data = subscribe(number + 1, [(topic_filter, options)], session.level, properties=properties)
    return Step(session.name, f"subscribes {topic_filter} options={options:#04x}", data)


def _overlaps(one: str, others: Iterable[str]) -> bool:
    return any(matches(name, one) and matches(name, other) for other in others for name in TOPICS)


def _unsubscribe(chance: random.Random, session: Session, _prefix: str, number: int) -> Step:
    topic_filter = chance.choice(sorted(session.filters) or ["c"])
    session.filters.pop(topic_filter, None)
    return Step(session.name, f"unsubscribes {topic_filter}", unsubscribe(number + 1, [topic_filter], session.level))


def _publish(chance: random.Random, session: Session, _prefix: str, number: int) -> Step:
    topic, qos, retain = chance.choice(TOPICS), chance.randrange(3), chance.random() < 0.3
    payload = b"" if retain and chance.random() < 0.3 else f"m{number}".encode()
    properties = b"\x26\0\1k\0\1v\x03\0\1t" if session.level == V5 and chance.random() < 0.3 else b""
    data = publish(
        topic,
        payload,
        qos=qos,
        packet_id=number + 1 if qos else None,
        retain=retain,
        level=session.level,
        properties=properties,
    )
    return Step(session.name, f"publishes {topic} {payload!r} qos={qos} retain={retain}", data)


def _disconnect(chance: random.Random, session: Session, _prefix: str, _number: int) -> Step:
    with_will = session.level == V5 and chance.random() < 0.3
    _leave(session)
    return Step(session.name, f"disconnects with_will={with_will}", disconnect(4 if with_will else None))


def _drop(_chance: random.Random, session: Session, _prefix: str, _number: int) -> Step:
    _leave(session)
    return Step(session.name, "drops")


def _leave(session: Session) -> None:
    session.is_up = False
    if not session.persists:
        session.filters.clear()


_MOVES = (_subscribe, _unsubscribe, _publish, _disconnect, _drop)
_WEIGHTS = (30, 8, 45, 9, 8)


class Player:
    """Plays a conversation at one broker."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.clients: dict[str, RawClient] = {}
        self.levels: dict[str, int] = {}

    def play(self, steps: list[Step]) -> list[str]:
        """A line for each step: who heard what."""
        lines = []
        for step in steps:
            if step.kind.startswith("connects"):
                self.clients[step.client] = RawClient(self.port)
                self.levels[step.client] = step.level
            if step.data:
                self.clients[step.client].send(step.data)
            heard: dict[str, list[str]] = {}
            if step.kind.startswith(("disconnects", "drops")):
                self._leave(step)
            self._settle(heard)
            parts = [f"{name}: {', '.join(sorted(what))}" for name, what in sorted(heard.items()) if what]
            lines.append(f"{step} -> {'; '.join(parts)}")
        return lines

    def _leave(self, step: Step) -> None:
        client = self.clients.pop(step.client)
        if step.data:
            client.receive_until_end()
        client.close()
        time.sleep(DROP_PAUSE_S)

    def close(self) -> None:
        """Ends all connections, and with clean starts their sessions."""
        for client in self.clients.values():
            client.close()

    def _settle(self, heard: dict[str, list[str]]) -> None:
        is_quiet = False
        while not is_quiet:
            is_quiet = True
            for name, client in self.clients.items():
                client.send(packet(PINGREQ))
                while (frame := client.receive()) is not None and frame.kind != PINGRESP:
                    is_quiet = False
                    what = self._take(client, self.levels[name], frame)
                    if what:
                        heard.setdefault(name, []).append(what)
                if frame is None:
                    heard.setdefault(name, []).append("END")

    def _take(self, client: RawClient, level: int, frame: Frame) -> str:
        if frame.kind == PUBLISH:
            if frame.qos:
                client.send(ack(PUBACK if frame.qos == 1 else PUBREC, frame.packet_id))
            properties, payload = frame.content(level)
            retain = "retained " if frame.flags & 1 else ""
            dup = "dup " if frame.is_dup else ""
            return f"{dup}{retain}{frame.topic}={payload.decode()} qos{frame.qos} {_canonical(properties)}".strip()
        if frame.kind == PUBREL:
            client.send(ack(PUBCOMP, frame.packet_id))
            return ""
        if frame.kind == PUBREC:
            client.send(ack(PUBREL, frame.packet_id))
        if frame.kind in (PUBACK, PUBREC, PUBCOMP):
            reason = frame.body[2] if len(frame.body) > 2 else 0
            return f"ack{frame.kind} {0 if reason == 0x10 else reason:02x}"
        if frame.kind in (SUBACK, UNSUBACK):
            return f"ack{frame.kind} {frame.body[3 if level == V5 else 2 :].hex()}"
        if frame.kind == CONNACK:
            return f"CONNACK session={frame.body[0]} {frame.body[1]:02x}"
        return f"{'DISCONNECT' if frame.kind == DISCONNECT else frame.kind} {frame.body.hex()}"


def _canonical(properties: bytes) -> str:
    """Subscription identifiers sorted, the rest as it is: their order is not fixed."""
    identifiers, rest, at = [], [], 0
    while at < len(properties):
        start, kind = at, properties[at]
        at += 1
        if kind == 0x0B:
            number, at = read_varint(properties, at)
            identifiers.append(number)
            continue
        if kind == 0x26:
            for _ in range(2):
                at += 2 + int.from_bytes(properties[at : at + 2], "big")
        elif kind == 0x03:
            at += 2 + int.from_bytes(properties[at : at + 2], "big")
        else:
            raise AssertionError(f"property {kind:#04x} was never sent")
        rest.append(properties[start:at].hex())
    return " ".join([*(f"id{number}" for number in sorted(identifiers)), *sorted(rest)])


def compare(ports: tuple[int, int], seed: int) -> list[str]:
    """Where the two brokers differ; empty when they do not. Both must hold nothing of an earlier conversation."""
    steps = conversation(seed)
    logs = []
    for port in ports:
        player = Player(port)
        logs.append(player.play(steps))
        player.close()
        _clear(port, seed)
    return [f"{mine}\n    | {other}" for mine, other in zip(*logs, strict=True) if mine != other]


def _clear(port: int, seed: int) -> None:
    time.sleep(DROP_PAUSE_S)
    for name in ("x", "y", "z"):
        with RawClient(port) as client:
            client.send(connect(f"s{seed}-{name}") + packet(PINGREQ))
            while (frame := client.receive()) is not None and frame.kind != PINGRESP:
                pass
            client.send(disconnect())
            client.receive_until_end()
    with RawClient(port) as client:
        client.send(connect("sweeper") + b"".join(publish(topic, retain=True) for topic in TOPICS) + packet(PINGREQ))
        while (frame := client.receive()) is not None and frame.kind != PINGRESP:
            pass
        client.send(disconnect())
        client.receive_until_end()


def main() -> None:
    """Compares many seeds and prints each difference."""
    given = [int(argument) for argument in sys.argv[1:]]
    one, other, count, first = [*given, *(100, 0)[len(given) - 2 :]]
    different = 0
    for seed in range(first, first + count):
        found = compare((one, other), seed)
        different += bool(found)
        for line in found:
            print(f"seed {seed}: {line}")
    print(f"{count} conversations, {different} differ")
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()
