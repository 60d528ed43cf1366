"""MQTT packets as bytes, right ones and wrong ones: for peers that speak to a socket themselves.

Written apart from the product's codec on purpose, so that the two can disagree.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBSCRIBE = range(1, 9)
SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT, AUTH = range(9, 16)
V31, V311, V5 = 3, 4, 5


def varint(number: int) -> bytes:
    """A variable byte integer in its shortest form."""
    out = bytearray()
    while True:
        number, digit = divmod(number, 128)
        out.append(digit | (0x80 if number else 0))
        if not number:
            return bytes(out)


def text(value: str | bytes) -> bytes:
    """Two bytes of length and the bytes."""
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack(">H", len(raw)) + raw


def packet(kind: int, body: bytes = b"", flags: int = 0) -> bytes:
    """A whole packet with its fixed header."""
    return bytes([kind << 4 | flags]) + varint(len(body)) + body


def property_list(properties: bytes, level: int) -> bytes:
    """The properties with their length; nothing below 5.0."""
    return varint(len(properties)) + properties if level >= V5 else b""


def connect(
    client_id: str,
    level: int = V311,
    *,
    clean: bool = True,
    keep_alive: int = 60,
    user: str | None = None,
    password: bytes | None = None,
    will: tuple[str, bytes] | None = None,
    will_qos: int = 0,
    will_retain: bool = False,
    will_properties: bytes = b"",
    properties: bytes = b"",
) -> bytes:
    """CONNECT."""
    flags = (0x02 if clean else 0) | (0x80 if user is not None else 0) | (0x40 if password is not None else 0)
    payload = text(client_id)
    if will is not None:
        flags |= 0x04 | will_qos << 3 | (0x20 if will_retain else 0)
        payload += property_list(will_properties, level) + text(will[0]) + text(will[1])
    payload += text(user) if user is not None else b""
    payload += text(password) if password is not None else b""
    name = text("MQIsdp" if level == V31 else "MQTT")
    head = name + bytes([level, flags]) + struct.pack(">H", keep_alive)
    return packet(CONNECT, head + property_list(properties, level) + payload)


def connack(code: int = 0, level: int = V311, *, session_present: bool = False, properties: bytes = b"") -> bytes:
    """CONNACK."""
    return packet(CONNACK, bytes([session_present, code]) + property_list(properties, level))


def publish(
    topic: str | bytes,
    payload: bytes = b"",
    *,
    qos: int = 0,
    packet_id: int | None = None,
    dup: bool = False,
    retain: bool = False,
    level: int = V311,
    properties: bytes = b"",
) -> bytes:
    """PUBLISH."""
    identifier = struct.pack(">H", packet_id) if packet_id is not None else b""
    body = text(topic) + identifier + property_list(properties, level) + payload
    return packet(PUBLISH, body, (8 if dup else 0) | qos << 1 | (1 if retain else 0))


def ack(kind: int, packet_id: int, reason: int | None = None) -> bytes:
    """PUBACK, PUBREC, PUBREL or PUBCOMP; with a reason code in 5.0."""
    body = struct.pack(">H", packet_id) + (b"" if reason is None else bytes([reason]))
    return packet(kind, body, 2 if kind == PUBREL else 0)


def subscribe(
    packet_id: int, filters: Iterable[tuple[str, int]], level: int = V311, *, properties: bytes = b""
) -> bytes:
    """SUBSCRIBE; the number of each filter is its options byte, below 5.0 its QoS."""
    entries = b"".join(text(name) + bytes([options]) for name, options in filters)
    return packet(SUBSCRIBE, struct.pack(">H", packet_id) + property_list(properties, level) + entries, 2)


def suback(packet_id: int, codes: Iterable[int], level: int = V311, *, properties: bytes = b"") -> bytes:
    """SUBACK."""
    return packet(SUBACK, struct.pack(">H", packet_id) + property_list(properties, level) + bytes(codes))


def unsubscribe(packet_id: int, filters: Iterable[str], level: int = V311) -> bytes:
    """UNSUBSCRIBE."""
    names = b"".join(text(name) for name in filters)
    return packet(UNSUBSCRIBE, struct.pack(">H", packet_id) + property_list(b"", level) + names, 2)


def disconnect(reason: int | None = None, *, properties: bytes | None = None) -> bytes:
    """DISCONNECT; in 5.0 with a reason code and properties."""
    body = b"" if reason is None else bytes([reason])
    return packet(DISCONNECT, body + (b"" if properties is None else property_list(properties, V5)))


@dataclass(frozen=True)
class Frame:
    """A packet that arrived."""

    kind: int
    flags: int
    body: bytes

    @property
    def qos(self) -> int:
        """Of a PUBLISH."""
        return self.flags >> 1 & 3

    @property
    def is_dup(self) -> bool:
        """Whether a PUBLISH says that it may be a repetition."""
        return bool(self.flags & 8)

    @property
    def topic(self) -> str:
        """Of a PUBLISH."""
        return self.body[2 : 2 + self._topic_size].decode()

    @property
    def packet_id(self) -> int:
        """Of whatever has one."""
        at = 2 + self._topic_size if self.kind == PUBLISH else 0
        return int.from_bytes(self.body[at : at + 2], "big")

    @property
    def _topic_size(self) -> int:
        return int.from_bytes(self.body[:2], "big")

    def content(self, level: int) -> tuple[bytes, bytes]:
        """The properties and the payload of a PUBLISH."""
        at = 2 + self._topic_size + (2 if self.qos else 0)
        if level < V5:
            return b"", self.body[at:]
        size, at = read_varint(self.body, at)
        return self.body[at : at + size], self.body[at + size :]


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """The number and where it ends."""
    number = shift = 0
    while True:
        digit = data[at]
        number |= (digit & 0x7F) << shift
        at += 1
        shift += 7
        if not digit & 0x80:
            return number, at


def cut(data: bytes) -> tuple[list[Frame], bytes]:
    """The whole packets at the beginning of `data`, and what is left."""
    frames: list[Frame] = []
    while len(data) >= 2:
        size = shift = 0
        at = 1
        while at < len(data):
            size |= (data[at] & 0x7F) << shift
            shift += 7
            at += 1
            if not data[at - 1] & 0x80:
                break
        else:
            break
        if len(data) < at + size:
            break
        frames.append(Frame(data[0] >> 4, data[0] & 15, data[at : at + size]))
        data = data[at + size :]
    return frames, data


class RawClient:
    """A socket that sends what it is told and collects packets."""

    def __init__(self, port: int, timeout: float = 10) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""
        self._frames: list[Frame] = []

    def send(self, data: bytes) -> None:
        """All of it."""
        self.socket.sendall(data)

    def receive(self) -> Frame | None:
        """The next packet; None when the stream has ended. Raises TimeoutError."""
        while not self._frames:
            try:
                data = self.socket.recv(1 << 16)
            except ConnectionError:
                return None
            if not data:
                return None
            self._frames, self._rest = cut(self._rest + data)
        return self._frames.pop(0)

    def receive_until_end(self) -> list[Frame]:
        """All packets until the stream ends. Raises TimeoutError when it does not."""
        frames = []
        while (frame := self.receive()) is not None:
            frames.append(frame)
        return frames

    def close(self) -> None:
        """Without DISCONNECT."""
        self.socket.close()

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
