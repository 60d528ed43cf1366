"""The catalogue of bad input below MQTT: frames and requests of WebSocket, HTTP, TLS, and the right answers."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from raw_mqtt import connect
from raw_websocket import CLOSE, CONTINUATION, PING, PONG, TEXT, closing, frame, request

HELLO = connect("hello")
FRAME_LIMIT = 65_536
"""`websocket.max_frame` of the listeners that the frames are sent to."""


@dataclass(frozen=True)
class Frames:
    """What comes after the upgrade, and the code of the close frame that ends it; None: a close frame without one."""

    name: str
    data: bytes
    code: int | None

    def __str__(self) -> str:
        return self.name


BAD_FRAMES = [
    Frames("text", frame(b"hello", TEXT), 1003),
    Frames("text that is a CONNECT", frame(HELLO, TEXT), 1003),
    Frames("empty text", frame(b"", TEXT), 1003),
    Frames("text inside a binary message", frame(HELLO[:3], final=False) + frame(b"x", TEXT), 1002),
    Frames("unmasked", frame(HELLO, masked=False), 1002),
    Frames("unmasked close", frame(b"\x03\xe8", CLOSE, masked=False), 1002),
    Frames("continuation of nothing", frame(HELLO, CONTINUATION), 1002),
    Frames("new message inside another", frame(HELLO[:3], final=False) + frame(HELLO[3:]), 1002),
    Frames("fragmented ping", frame(b"x", PING, final=False), 1002),
    Frames("fragmented close", frame(b"\x03\xe8", CLOSE, final=False), 1002),
    Frames("ping of 126 bytes", frame(bytes(126), PING), 1002),
    Frames("pong of 64 KiB", frame(bytes(65_536), PONG), 1002),
    Frames("close of 126 bytes", frame(bytes(126), CLOSE), 1002),
    Frames("close of one byte", frame(b"\x03", CLOSE), 1002),
    Frames("one byte above the limit", frame(b"\0", length=FRAME_LIMIT + 1), 1009),
    Frames("a length of 2^63 - 1", frame(length=2**63 - 1), 1009),
    Frames("a length of 2^63", frame(length=2**63), 1002),
    Frames("MQTT that is none", frame(b"\xff\xff\xff\xff\xff"), 1000),
    Frames("HTTP in a frame", frame(b"GET / HTTP/1.1\r\n\r\n"), 1000),
    Frames("another request", request(), 1002),
    Frames("CONNECT without frames", HELLO, 1002),
    *(Frames(f"reserved bit {bit}", frame(HELLO, reserved=bit), 1002) for bit in (1, 2, 4, 7)),
    *(Frames(f"opcode {code}", frame(b"", code), 1002) for code in (3, 4, 7, 11, 15)),
    *(
        Frames(f"close code {code}", closing(code), 1002)
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535)
    ),
]
GOOD_CLOSES = [
    Frames("close", frame(b"", CLOSE), None),
    *(Frames(f"close code {code}", closing(code, b"why"), code) for code in (1000, 1001, 1009, 3000, 4999)),
]
GOOD_FRAMES = {
    "in one frame": frame(HELLO),
    "a byte a frame": b"".join(frame(bytes([byte])) for byte in HELLO),
    "in fragments": frame(HELLO[:1], final=False)
    + b"".join(frame(bytes([byte]), CONTINUATION, final=False) for byte in HELLO[1:-1])
    + frame(HELLO[-1:], CONTINUATION),
    "among empty frames": frame() + frame(b"", final=False) + frame(b"", CONTINUATION) + frame(HELLO) + frame(),
    "with a ping inside a message": frame(HELLO[:5], final=False) + frame(b"?", PING) + frame(HELLO[5:], CONTINUATION),
    "after pongs for nobody": frame(b"", PONG) * 3 + frame(HELLO),
    "with a long form of its length": b"\x82\xff" + struct.pack(">Q", len(HELLO)) + bytes(4) + HELLO,
}
"""One CONNECT in different frames, all of them right."""


@dataclass(frozen=True)
class Request:
    """Bytes of an HTTP request, and the status of the only answer, after which the stream ends."""

    name: str
    data: bytes
    status: int
    has: str = ""

    def __str__(self) -> str:
        return self.name


BAD_UPGRADES = [
    Request("wrong path", request(path="/other"), 404),
    Request("path with a dot segment", request(path="/x/../mqtt"), 404),
    Request("path in another case", request(path="/MQTT"), 404),
    Request("wrong origin", request("Origin: https://evil.example"), 403),
    Request("origin with a path", request("Origin: https://good.example/x"), 403),
    Request("origin null", request("Origin: null"), 403),
    Request("unknown sub-protocol", request("Sec-WebSocket-Protocol: soap"), 400),
    Request("no key", request("-Sec-WebSocket-Key"), 400),
    Request("short key", request("Sec-WebSocket-Key: AAAA"), 400),
    Request("key that is no base64", request("Sec-WebSocket-Key: ??????????????????????=="), 400),
    Request("version 8", request("Sec-WebSocket-Version: 8"), 426, "Sec-WebSocket-Version: 13\r\n"),
    Request("no version", request("-Sec-WebSocket-Version"), 426, "Sec-WebSocket-Version: 13\r\n"),
    Request("no Connection: Upgrade", request("Connection: close"), 400),
    Request("POST", request(method="POST"), 400),
    Request("HTTP/1.0", request(version="HTTP/1.0"), 400),
    Request("no upgrade at all", request("-Upgrade"), 426),
    Request("upgrade to HTTP/2", request("Upgrade: h2c"), 426),
    Request("with a body", request("Content-Length: 5") + b"hello", 400),
]
"""At a listener for WebSockets only, with one path, one origin and the usual sub-protocols."""

_SMUGGLED = b"GET /stats.json HTTP/1.1\r\nHost: x\r\n\r\n"
_GET = b"GET / HTTP/1.1\r\nHost: x\r\n"
BAD_REQUESTS = [
    Request("two lengths", _GET + b"Content-Length: 0\r\nContent-Length: 38\r\n\r\n" + _SMUGGLED, 400),
    Request(
        "length and chunks", _GET + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + _SMUGGLED, 400
    ),
    Request("chunks", _GET + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + _SMUGGLED, 400),
    Request("chunks, in disguise", _GET + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + _SMUGGLED, 400),
    Request("chunks, with a tab", _GET + b"Transfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n" + _SMUGGLED, 400),
    Request("blank before the colon", _GET + b"Content-Length : 38\r\n\r\n" + _SMUGGLED, 400),
    Request("a body", _GET + b"Content-Length: 38\r\n\r\n" + _SMUGGLED, 400),
    Request("length +0", _GET + b"Content-Length: +0\r\n\r\n" + _SMUGGLED, 400),
    Request("length -1", _GET + b"Content-Length: -1\r\n\r\n" + _SMUGGLED, 400),
    Request("length 0x0", _GET + b"Content-Length: 0x0\r\n\r\n" + _SMUGGLED, 400),
    Request("length above 2^64", _GET + b"Content-Length: 18446744073709551616\r\n\r\n" + _SMUGGLED, 400),
    Request("folded header", _GET + b"X: a\r\n b\r\n\r\n" + _SMUGGLED, 400),
    Request("folded length", _GET + b"Content-Length:\r\n 38\r\n\r\n" + _SMUGGLED, 400),
    Request("bare line feeds", b"GET / HTTP/1.1\nHost: x\n\n" + _SMUGGLED, 400),
    Request("one bare line feed", _GET + b"X: y\nContent-Length: 38\r\n\r\n" + _SMUGGLED, 400),
    Request("bare carriage return", _GET + b"X: y\rContent-Length: 38\r\n\r\n" + _SMUGGLED, 400),
    Request("zero byte in a header", _GET + b"X: a\0b\r\n\r\n", 400),
    Request("zero byte in a name", _GET + b"X\0: a\r\n\r\n", 400),
    Request("header without a name", _GET + b": a\r\n\r\n", 400),
    Request("header without a colon", _GET + b"hello\r\n\r\n", 400),
    Request("no Host", b"GET / HTTP/1.1\r\n\r\n", 400),
    Request("two Hosts", _GET + b"Host: y\r\n\r\n", 400),
    Request("blank in the target", b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 505),
    Request("control character in the target", b"GET /a\x01b HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    Request("no version", b"GET /\r\nHost: x\r\n\r\n", 400),
    Request("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    Request("HTTP/1.2", b"GET / HTTP/1.2\r\nHost: x\r\n\r\n", 505),
    Request("HTTP/9.9", b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", 505),
    Request("no method", b"/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    Request(
        "POST", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" + _SMUGGLED, 405, "Allow: GET, HEAD\r\n"
    ),
    Request("TRACE", b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", 405, "Allow: GET, HEAD\r\n"),
    Request("CONNECT", b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n", 405, "Allow: GET, HEAD\r\n"),
    Request("method in small letters", b"get / HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    Request("a header of 9 KiB", _GET + b"X: " + b"a" * 9216 + b"\r\n\r\n", 431),
    Request("a header of 256 KiB", _GET + b"X: " + b"a" * (256 << 10) + b"\r\n\r\n", 431),
    Request("a thousand headers", _GET + b"X: aaaaaaaa\r\n" * 1000 + b"\r\n", 431),
    Request("a target of 16 KiB", b"GET /" + b"a" * (16 << 10) + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
]
"""At a listener for pages; whatever stands behind the first request must not be answered."""

CLIENT_HELLO = bytes.fromhex("160301002f0100002b0303" + "00" * 32 + "000004c02b00ff0100" + "00")
BAD_TLS = {
    "a handshake record without an end": b"\x16\x03\x01\x40\x00" + bytes(100),
    "a record above the limit": b"\x16\x03\x01\xff\xff" + bytes(0xFFFF),
    "an unknown record": b"\x63\x03\x03\x00\x01\x00",
    "application data at once": b"\x17\x03\x03\x00\x05hello",
    "a change of ciphers at once": b"\x14\x03\x03\x00\x01\x01",
    "a fatal alert": b"\x15\x03\x03\x00\x02\x02\x28",
    "a heartbeat that wants more than it brings": b"\x18\x03\x02\x00\x03\x01\x40\x00",
    "SSL 2": b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + bytes(35),
    "SSL 3": b"\x16\x03\x00\x00\x2f\x01\x00\x00\x2b\x03\x00" + bytes(41),
    "a hello whose lengths lie": b"\x16\x03\x01\x00\x06\x01\x00\xff\xff\x03\x03",
    "a hello that is cut": CLIENT_HELLO[:20] + b"\x15\x03\x01\x00\x02\x01\x00",
    "zeros": bytes(4096),
    "ones": b"\xff" * 4096,
    "CONNECT": HELLO,
    "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
}
"""At a port that speaks TLS only."""
