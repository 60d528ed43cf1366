"""The catalogue of bad inputs to a broker: what a hostile or broken peer sends, and which answers the standard allows.

A row is sent by a client that is not yet connected (its bytes begin with CONNECT, or should) or by one that is. `codes`
are the reason codes that a 5.0 CONNACK or DISCONNECT may carry before the close; below 5.0 the stream just ends, except
where `connack` names the return code that has to come first.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from raw_mqtt import (
    AUTH,
    CONNACK,
    CONNECT,
    DISCONNECT,
    PINGREQ,
    PINGRESP,
    PUBACK,
    PUBLISH,
    PUBREC,
    PUBREL,
    SUBACK,
    SUBSCRIBE,
    UNSUBACK,
    UNSUBSCRIBE,
    V5,
    V311,
    ack,
    connect,
    packet,
    property_list,
    publish,
    subscribe,
    text,
)


@dataclass(frozen=True)
class Row:
    """One bad input at one level."""

    name: str
    level: int
    data: bytes
    is_connected: bool
    codes: frozenset[int] = frozenset()
    connack: int | None = None

    def __str__(self) -> str:
        return f"{self.name} [{'5.0' if self.level == V5 else '3.1.1'}]"


def _connect_body(level: int, flags: int, payload: bytes, *, name: str = "MQTT", properties: bytes = b"") -> bytes:
    head = text(name) + bytes([level, flags]) + struct.pack(">H", 60)
    return packet(CONNECT, head + property_list(properties, level) + payload)


def _connected(
    name: str, level: int, data: bytes, *codes: int, connack: int | None = None, is_connected: bool = True
) -> Row:
    return Row(name, level, data, is_connected, frozenset(codes), connack)


def _first(name: str, level: int, data: bytes, *codes: int, connack: int | None = None) -> Row:
    return Row(name, level, data, is_connected=False, codes=frozenset(codes), connack=connack)


def rows() -> Iterator[Row]:
    """The whole catalogue."""
    for level in (V311, V5):
        yield from _framing(level)
        yield from _connects(level)
        yield from _publishes(level)
        yield from _subscribes(level)
        yield from _goodbyes(level)
    yield from _only_below_5()
    yield from _only_5()


def _framing(level: int) -> Iterator[Row]:
    yield _connected("F01 remaining length of five bytes", level, b"\x30\x80\x80\x80\x80\x01", 0x81, 0x82, 0x95)
    yield _connected("F03 packet type 0", level, b"\x00\x00", 0x81, 0x82)
    for kind, name in ((CONNACK, "CONNACK"), (SUBACK, "SUBACK"), (UNSUBACK, "UNSUBACK"), (PINGRESP, "PINGRESP")):
        body = {CONNACK: b"\0\0", SUBACK: b"\0\1\0", UNSUBACK: b"\0\1", PINGRESP: b""}[kind]
        if level == V5:
            body = {CONNACK: b"\0\0\0", SUBACK: b"\0\1\0\0", UNSUBACK: b"\0\1\0\0", PINGRESP: b""}[kind]
        yield _connected(f"F06 {name} from a client", level, packet(kind, body), 0x81, 0x82)
    yield _connected("F07 PINGREQ with a payload", level, packet(PINGREQ, b"x"), 0x81, 0x82)
    yield _connected("F08 topic past the packet", level, packet(PUBLISH, b"\x00\x20abc"), 0x81, 0x82)
    yield _connected("F09 PUBACK of one byte", level, packet(PUBACK, b"\0"), 0x81, 0x82)
    yield _connected("F10 PINGREQ with flags", level, packet(PINGREQ, b"", 1), 0x81, 0x82)
    yield _connected("F11 an HTTP request", level, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 4, 0x81, 0x82, 0x95)


def _connects(level: int) -> Iterator[Row]:
    codes = (0x81, 0x82)
    empty = property_list(b"", level)
    yield _first("C01 PUBLISH before CONNECT", level, publish("t", b"x", level=level))
    yield _first("C01 PINGREQ before CONNECT", level, packet(PINGREQ))
    yield _connected("C02 second CONNECT", level, connect("again", level), 0x82)
    yield _first("C03 wrong protocol name", level, _connect_body(level, 2, text("x"), name="MQTX"), 0x84, 1, 0x81)
    yield _first("C04 reserved connect flag", level, _connect_body(level, 3, text("x")), *codes)
    will = text("x") + empty + text("w") + text("m")
    yield _first("C05 will QoS 3", level, _connect_body(level, 0x1E, will), *codes)
    yield _first("C06 will QoS without will flag", level, _connect_body(level, 0x0A, text("x")), *codes)
    yield _first("C07 will retain without will flag", level, _connect_body(level, 0x22, text("x")), *codes)
    yield _first("C08 will flag without will fields", level, _connect_body(level, 0x06, text("x")), *codes)
    extra = _connect_body(level, 2, text("x") + b"extra")
    yield _first("C09 bytes after the last field", level, extra, *codes)
    for name, identifier in (
        ("C10 U+0000", b"a\0b"),
        ("C11 a surrogate", b"a\xed\xa0\x80"),
        ("C12 overlong UTF-8", b"a\xc0\xaf"),
        ("C12 a truncated character", b"a\xe2\x82"),
    ):
        data = _connect_body(level, 2, text(identifier))
        yield _first(f"{name} in the client id", level, data, 0x81, 0x82, 0x85, 0x02)
    wild = text("x") + empty + text("w/#") + text("m")
    yield _first("C13 wildcard in the will topic", level, _connect_body(level, 6, wild), 0x81, 0x82, 0x90)
    yield _first("C25 client id past the packet", level, _connect_body(level, 2, b"\x01\x00abc"), *codes)
    yield _first("C26 CONNECT with flags", level, packet(CONNECT, connect("x", level)[2:], 1), *codes)
    yield _first("C27 an empty CONNECT", level, packet(CONNECT), *codes)


def _publishes(level: int) -> Iterator[Row]:
    codes = (0x81, 0x82)
    p = property_list(b"", level)
    yield _connected("P01 QoS 3", level, packet(PUBLISH, text("t") + b"\0\1" + p, 6), 0x81)
    yield _connected("P02 # in the topic name", level, publish("a/#", b"x", level=level), 0x81, 0x82, 0x90)
    yield _connected("P02 + in the topic name", level, publish("a/+/b", b"x", level=level), 0x81, 0x82, 0x90)
    yield _connected("P03 U+0000 in the topic name", level, publish("a\0b", b"x", level=level), 0x81, 0x82, 0x90)
    yield _connected("P04 ill-formed topic name", level, publish(b"a\xff", b"x", level=level), 0x81, 0x82, 0x90)
    yield _connected("P05 packet id 0", level, publish("t", b"x", qos=1, packet_id=0, level=level), *codes)
    yield _connected("P06 DUP with QoS 0", level, publish("t", b"x", dup=True, level=level), *codes)
    yield _connected("P07 empty topic name", level, publish("", b"x", level=level), 0x81, 0x82, 0x90)
    yield _connected("P17 PUBREL with flags 0", level, packet(PUBREL, b"\0\1"), *codes)
    yield _connected("P19 PUBREC with flags", level, packet(PUBREC, b"\0\1", 2), *codes)
    yield _connected("P20 PUBACK for id 0", level, ack(PUBACK, 0), *codes)


def _subscribes(level: int) -> Iterator[Row]:
    codes = (0x81, 0x82)
    p = property_list(b"", level)
    yield _connected("S01 SUBSCRIBE without filters", level, packet(SUBSCRIBE, b"\0\1" + p, 2), *codes)
    yield _connected("S02 SUBSCRIBE with flags 0", level, packet(SUBSCRIBE, b"\0\1" + p + text("a") + b"\0"), *codes)
    yield _connected("S03 SUBSCRIBE with id 0", level, subscribe(0, [("a", 0)], level), *codes)
    yield _connected("S04 requested QoS 3", level, subscribe(1, [("a", 3)], level), *codes)
    yield _connected("S05 reserved option bits", level, subscribe(1, [("a", 0xC0)], level), *codes)
    yield _connected("S06 filter past the packet", level, packet(SUBSCRIBE, b"\0\1" + p + b"\0\x20a", 2), *codes)
    yield _connected("S07 filter without options", level, packet(SUBSCRIBE, b"\0\1" + p + text("a"), 2), *codes)
    yield _connected("S08 U+0000 in the filter", level, subscribe(1, [("a\0b", 0)], level), *codes, 0x8F)
    yield _connected("S09 UNSUBSCRIBE without filters", level, packet(UNSUBSCRIBE, b"\0\1" + p, 2), *codes)
    yield _connected("S10 UNSUBSCRIBE with flags 0", level, packet(UNSUBSCRIBE, b"\0\1" + p + text("a")), *codes)
    yield _connected("S11 UNSUBSCRIBE with id 0", level, packet(UNSUBSCRIBE, b"\0\0" + p + text("a"), 2), *codes)


def _goodbyes(level: int) -> Iterator[Row]:
    yield _connected("D01 DISCONNECT with flags", level, packet(DISCONNECT, b"", 1), 0x81, 0x82)
    yield _connected("D02 DISCONNECT with garbage", level, packet(DISCONNECT, b"\x03\x05\x00abc"), 0x81, 0x82)


def _only_below_5() -> Iterator[Row]:
    yield _connected("F04 packet type 15", V311, packet(AUTH))
    yield _first("C14 protocol level 0x7f", V311, _connect_body(0x7F, 2, text("x")), connack=1)
    password = _connect_body(V311, 0x42, text("x") + text("secret"))
    yield _first("C15 password without user name", V311, password)
    yield _first("C16 empty id with clean session 0", V311, connect("", V311, clean=False), connack=2)


def _only_5() -> Iterator[Row]:
    def of_connect(name: str, properties: bytes, *codes: int) -> Row:
        return _first(name, V5, connect("x", V5, properties=properties), *codes)

    def of_publish(name: str, properties: bytes, *codes: int, topic: str = "t") -> Row:
        return _connected(name, V5, publish(topic, b"x", level=V5, properties=properties), *codes)

    yield _connected("F02 remaining length not in shortest form", V5, b"\xc0\x80\x00", 0x81)
    yield _connected("F05 AUTH without a method agreed", V5, packet(AUTH, b"\x18\0"), 0x81, 0x82, 0x8C)
    yield _first("A01 AUTH before CONNECT", V5, packet(AUTH, b"\x18\0"))
    method = b"\x15" + text("NOBODY-KNOWS")
    yield _connected("A02 re-authentication without a method", V5, packet(AUTH, b"\x19\x0f" + method), 0x82, 0x8C)
    yield of_connect("C17 receive maximum 0", b"\x21\0\0", 0x82)
    yield of_connect("C18 maximum packet size 0", b"\x27\0\0\0\0", 0x82)
    yield of_connect("C19 authentication data without a method", b"\x16" + text("x"), 0x82)
    yield of_connect("C20 unknown authentication method", method, 0x8C, 0x87)
    yield of_connect("C21 a property twice", b"\x21\0\1\x21\0\1", 0x82)
    yield of_connect("C22 unknown property id", b"\x7f\0", 0x81, 0x82)
    past = text("MQTT") + bytes([V5, 2, 0, 60]) + b"\x7f" + text("x")
    yield _first("C23 property length past the packet", V5, packet(CONNECT, past), 0x81, 0x82)
    yield of_connect("C24 a property that CONNECT does not have", b"\x23\0\1", 0x81, 0x82)
    yield of_connect("C28 request problem information 2", b"\x17\2", 0x82)
    yield of_publish("P08 topic alias 0", b"\x23\0\0", 0x94, 0x82)
    yield of_publish("P09 topic alias above the server's maximum", b"\x23\xff\xff", 0x94)
    yield of_publish("P10 alias never set", b"\x23\0\1", 0x82, 0x94, topic="")
    yield of_publish("P11 subscription identifier from a client", b"\x0b\1", 0x82, 0x81)
    yield of_publish("P12 wildcard in the response topic", b"\x08" + text("a/#"), 0x82, 0x81, 0x90)
    yield of_publish("P13 payload format indicator twice", b"\1\0\1\0", 0x82, 0x81)
    yield of_publish("P14 payload format indicator 2", b"\1\2", 0x82, 0x81)
    yield of_publish("P15 a property that PUBLISH does not have", b"\x21\0\1", 0x82, 0x81)
    yield of_publish("P16 ill-formed user property", b"\x26" + text(b"\xff") + text("x"), 0x82, 0x81)
    shared = subscribe(1, [("$share/g/a", 4)], V5)
    yield _connected("S12 no local on a shared subscription", V5, shared, 0x82)
    yield _connected("S13 retain handling 3", V5, subscribe(1, [("a", 0x30)], V5), 0x81, 0x82)
    yield _connected("S14 identifier 0", V5, subscribe(1, [("a", 0)], V5, properties=b"\x0b\0"), 0x81, 0x82)
    twice = subscribe(1, [("a", 0)], V5, properties=b"\x0b\1\x0b\2")
    yield _connected("S15 identifier twice", V5, twice, 0x81, 0x82)
    longer = packet(DISCONNECT, b"\0\x05\x11\0\0\0\x10")
    yield _connected("D03 session expiry raised from 0", V5, longer, 0x82)
    yield _connected("D04 unknown reason code", V5, packet(DISCONNECT, b"\x03\0"), 0x81, 0x82)
    yield _connected("P21 PUBACK with an unknown reason", V5, packet(PUBACK, b"\0\1\x7e\0"), 0x81, 0x82)
