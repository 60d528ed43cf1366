"""Brokers that each break one rule: what a load tester meets in the field, and what nobody should.

Every class says what it does in its first line. The tests tell what the client has to make of it.
"""

from __future__ import annotations

import asyncio

from raw_mqtt import (
    AUTH,
    CONNECT,
    DISCONNECT,
    PINGREQ,
    PUBACK,
    PUBCOMP,
    PUBLISH,
    PUBREC,
    PUBREL,
    SUBSCRIBE,
    UNSUBACK,
    Frame,
    ack,
    connack,
    disconnect,
    packet,
    publish,
    suback,
    text,
)
from scripted_broker import Session


class ClosesAtOnce(Session):
    """Accepts and closes."""

    async def on_open(self) -> None:
        await self.close()


class ResetsAtOnce(Session):
    """Accepts and resets."""

    async def on_open(self) -> None:
        self.reset()


class NeverAnswers(Session):
    """Reads CONNECT and says nothing."""

    async def on_connect(self, frame: Frame) -> None:
        pass


class ClosesAfterConnect(Session):
    """Reads CONNECT and closes."""

    async def on_connect(self, frame: Frame) -> None:
        await self.close()


class OneByteAtATime(Session):
    """Everything it sends comes in pieces of one byte."""

    def send(self, data: bytes) -> None:
        for byte in data:
            if not self.writer.is_closing():
                self.writer.write(bytes([byte]))


class AllAtOnce(Session):
    """Keeps back all messages, then writes them in one piece."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.kept = b""
        self.is_set = False

    async def deliver(self, topic: str, properties: bytes, payload: bytes, qos: int) -> None:
        self.broker.counts["delivered"] += 1
        self.kept += self.publish_of(topic, properties, payload, qos)
        if not self.is_set:
            self.is_set = True
            asyncio.get_running_loop().call_later(0.4, self.let_go)

    def let_go(self) -> None:
        self.send(self.kept)
        self.kept = b""


class NeverAcknowledges(Session):
    """Takes messages and acknowledges none."""

    async def on_publish(self, frame: Frame) -> None:
        self.note(frame)
        await self.route(frame)


class AcknowledgesTwice(Session):
    """Every acknowledgement comes twice."""

    async def on_publish(self, frame: Frame) -> None:
        await super().on_publish(frame)
        if frame.qos:
            self.send(ack(PUBACK if frame.qos == 1 else PUBREC, frame.packet_id))


class AcknowledgesNobody(Session):
    """Acknowledges identifiers that nobody used."""

    async def on_publish(self, frame: Frame) -> None:
        await super().on_publish(frame)
        self.send(ack(PUBACK, 60_000) + ack(PUBREC, 60_001) + ack(PUBCOMP, 60_002))


class AcknowledgesBackwards(Session):
    """Acknowledges in pairs, the later one first."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.held: int | None = None

    async def on_publish(self, frame: Frame) -> None:
        self.note(frame)
        await self.route(frame)
        if self.held is None:
            self.held = frame.packet_id
            return
        kind = PUBACK if frame.qos == 1 else PUBREC
        self.send(ack(kind, frame.packet_id) + ack(kind, self.held))
        self.held = None


class RefusesMessages(Session):
    """Answers every message with a reason code for failure."""

    async def on_publish(self, frame: Frame) -> None:
        self.note(frame)
        self.send(ack(PUBACK if frame.qos == 1 else PUBREC, frame.packet_id, 0x97))


class LosesMessages(Session):
    """Acknowledges everything and delivers two messages of three."""

    async def deliver(self, topic: str, properties: bytes, payload: bytes, qos: int) -> None:
        self.broker.counts["routed"] += 1
        if self.broker.counts["routed"] % 3:
            await super().deliver(topic, properties, payload, qos)


class DoublesMessages(Session):
    """Delivers every message twice, under different identifiers."""

    async def deliver(self, topic: str, properties: bytes, payload: bytes, qos: int) -> None:
        await super().deliver(topic, properties, payload, qos)
        await super().deliver(topic, properties, payload, qos)


class RepeatsExactlyOnce(Session):
    """Sends each QoS 2 message again with DUP before the PUBREC can have come: a legal repetition."""

    async def deliver(self, topic: str, properties: bytes, payload: bytes, qos: int) -> None:
        self.broker.counts["delivered"] += 1
        once = self.publish_of(topic, properties, payload, qos)
        self.send(once + bytes([once[0] | 8]) + once[1:])


class ReordersMessages(Session):
    """Delivers in pairs, the later one first."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.held: tuple[str, bytes, bytes, int] | None = None

    async def deliver(self, topic: str, properties: bytes, payload: bytes, qos: int) -> None:
        if self.held is None:
            self.held = (topic, properties, payload, qos)
            return
        await super().deliver(topic, properties, payload, qos)
        await super().deliver(*self.held)
        self.held = None


class AltersPayloads(Session):
    """Delivers other bytes than it was given."""

    async def deliver(self, topic: str, properties: bytes, payload: bytes, qos: int) -> None:
        await super().deliver(topic, properties, bytes(len(payload)), qos)


class DeliversToAnyone(Session):
    """Every client hears everything, whether it subscribed or not."""

    async def on_connect(self, frame: Frame) -> None:
        await super().on_connect(frame)
        self.filters["#"] = 2


class SubscribesNobody(Session):
    """Refuses every subscription."""

    async def on_subscribe(self, frame: Frame) -> None:
        self.send(suback(frame.packet_id, [0x80 for _ in self.codes(frame)], self.level))


class NeverSubscribes(Session):
    """Never answers SUBSCRIBE."""

    async def on_subscribe(self, frame: Frame) -> None:
        pass


class AnswersFewerFilters(Session):
    """SUBACK has one code too few."""

    async def on_subscribe(self, frame: Frame) -> None:
        self.send(suback(frame.packet_id, self.codes(frame)[1:], self.level))


class NeverPongs(Session):
    """Never answers PINGREQ."""

    async def on_ping(self) -> None:
        pass


class StopsReading(Session):
    """Reads nothing after CONNECT."""

    async def on_connect(self, frame: Frame) -> None:
        await super().on_connect(frame)
        await asyncio.sleep(60)


class CutsBeforeAck(Session):
    """The first connection of each client is reset when its third message has come, before the acknowledgement."""

    async def on_publish(self, frame: Frame) -> None:
        counts = self.broker.counts
        if frame.is_dup:
            counts["repeated"] += 1
            self.broker.repeats.append((self.client_id, frame.packet_id))
        counts[f"by {self.client_id}"] += 1
        if counts[f"by {self.client_id}"] == 3:
            counts["cut"] += 1
            self.broker.cuts.append((self.client_id, frame.packet_id))
            self.reset()
            return
        await super().on_publish(frame)

    async def on_connect(self, frame: Frame) -> None:
        knows = self.broker.counts[f"seen {self.client_id}"] > 0
        self.broker.counts[f"seen {self.client_id}"] += 1
        self.send(connack(level=self.level, session_present=knows))


class CutsAfterPubrec(Session):
    """The first connection of each client is reset when the PUBREC for its third message has been answered."""

    async def on_publish(self, frame: Frame) -> None:
        counts = self.broker.counts
        counts[f"by {self.client_id}"] += 1
        if counts[f"by {self.client_id}"] != 3:
            await super().on_publish(frame)
            return
        self.note(frame)
        await self.route(frame)
        self.broker.cuts.append((self.client_id, frame.packet_id))
        self.send(ack(PUBREC, frame.packet_id))

    async def on_pubrel(self, frame: Frame) -> None:
        if (self.client_id, frame.packet_id) in self.broker.cuts:
            if self.broker.counts[f"seen {self.client_id}"] < 2:
                self.reset()
                return
            self.broker.repeats.append((self.client_id, frame.packet_id))
        await super().on_pubrel(frame)

    on_connect = CutsBeforeAck.on_connect


class TakesOver(Session):
    """Tells the client after its first message that another one has its session."""

    async def on_publish(self, frame: Frame) -> None:
        await super().on_publish(frame)
        self.send(disconnect(0x8E))
        await self.close()


class Says(Session):
    """Sends what no broker may send, when the first message has come or a client has subscribed."""

    bytes_to_say = b""

    async def on_publish(self, frame: Frame) -> None:
        await super().on_publish(frame)
        self.send(self.bytes_to_say)


def broken(level: int) -> dict[str, bytes]:
    """What a broker must never send to a connected client, by name."""
    properties = b"\0" if level == 5 else b""
    rows = {
        "a second CONNACK": connack(level=level),
        "a CONNECT": packet(CONNECT, text("MQTT") + bytes([level, 2, 0, 60]) + properties + text("x")),
        "a SUBSCRIBE": packet(SUBSCRIBE, b"\0\1" + properties + text("a") + b"\0", 2),
        "a PINGREQ": packet(PINGREQ),
        "packet type 0": packet(0),
        "a remaining length of five bytes": b"\x30\xff\xff\xff\xff\x01",
        "a PUBLISH with QoS 3": packet(PUBLISH, text("t/0") + b"\0\1" + properties, 6),
        "a PUBLISH with a wildcard": publish("t/#", b"x", level=level),
        "a PUBLISH without a topic": publish("", b"x", level=level),
        "a PUBLISH with packet identifier 0": publish("t/0", b"x", qos=1, packet_id=0, level=level),
        "a PUBLISH with ill-formed UTF-8": publish(b"t/\xff", b"x", level=level),
        "a PUBLISH that ends in its topic": packet(PUBLISH, b"\0\x20abc"),
        "a PUBACK of one byte": packet(PUBACK, b"\0"),
        "a PUBACK with flags": packet(PUBACK, b"\0\1", 3),
        "a PUBREL with flags 0": packet(PUBREL, b"\0\1"),
        "a SUBACK that nobody asked for": suback(999, [0], level),
        "an UNSUBACK that nobody asked for": packet(UNSUBACK, b"\3\xe7" + (b"\0\0" if level == 5 else b"")),
    }
    if level == 5:
        rows |= {
            "an AUTH without a method agreed": packet(AUTH, b"\x18\0"),
            "a topic alias of 0": publish("t/0", b"x", level=5, properties=b"\x23\0\0"),
            "a topic alias above ours": publish("t/0", b"x", level=5, properties=b"\x23\xff\xff"),
            "a property that PUBLISH does not have": publish("t/0", b"x", level=5, properties=b"\x21\0\1"),
            "a property twice": publish("t/0", b"x", level=5, properties=b"\x01\0\x01\0"),
            "an unknown property": publish("t/0", b"x", level=5, properties=b"\x7f\0"),
            "a DISCONNECT with an unknown reason": packet(DISCONNECT, b"\x03\0"),
        }
    else:
        rows |= {"packet type 15": packet(AUTH), "a DISCONNECT": packet(DISCONNECT)}
    return rows


class PublishesBeforeConnack(Session):
    """Sends a PUBLISH where the CONNACK should be."""

    async def on_connect(self, frame: Frame) -> None:
        self.send(publish("t/0", b"early", level=self.level) + connack(level=self.level))


class SaysSessionPresent(Session):
    """Claims a session that nobody asked it to keep."""

    async def on_connect(self, frame: Frame) -> None:
        self.send(connack(level=self.level, session_present=True))


class AnnouncesHuge(Session):
    """Announces a packet of 256 MiB and sends a little of it."""

    async def on_publish(self, frame: Frame) -> None:
        await super().on_publish(frame)
        self.send(b"\x30\xff\xff\xff\x7f\x00\x03t/0" + bytes(1000))


class HalfCloses(Session):
    """Ends its own direction after the first message and goes on reading."""

    async def on_publish(self, frame: Frame) -> None:
        await super().on_publish(frame)
        if self.writer.can_write_eof() and not self.writer.is_closing():
            self.writer.write_eof()
