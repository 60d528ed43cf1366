"""WebSocket frames and HTTP requests as bytes, right ones and wrong ones, written apart from the product's own."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
from dataclasses import dataclass

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""The example of RFC 6455, section 1.3."""

PATIENCE_S = 10
_MASK = b"\x37\xfa\x21\x3d"


def frame(
    payload: bytes = b"",
    opcode: int = BINARY,
    *,
    final: bool = True,
    masked: bool = True,
    reserved: int = 0,
    length: int | None = None,
) -> bytes:
    """One frame; `length` is what it says when that is not the truth."""
    said = len(payload) if length is None else length
    mask_bit = 0x80 if masked else 0
    head = bytes([(0x80 if final else 0) | reserved << 4 | opcode])
    if said < 126:
        head += bytes([mask_bit | said])
    elif said < 1 << 16:
        head += bytes([mask_bit | 126]) + struct.pack(">H", said)
    else:
        head += bytes([mask_bit | 127]) + struct.pack(">Q", said)
    if not masked:
        return head + payload
    return head + _MASK + bytes(byte ^ _MASK[i % 4] for i, byte in enumerate(payload))


def closing(code: int, reason: bytes = b"") -> bytes:
    """A close frame."""
    return frame(struct.pack(">H", code) + reason, CLOSE)


def request(*changes: str, path: str = "/mqtt", method: str = "GET", version: str = "HTTP/1.1") -> bytes:
    """A request for a WebSocket; a change replaces the header of its name, adds one, or with "-Name" removes it."""
    headers = {
        "Host": "x",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": KEY,
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Protocol": "mqtt",
    }
    for change in changes:
        name, _, value = change.partition(": ")
        if name.startswith("-"):
            del headers[name[1:]]
        else:
            headers[name] = value
    lines = [f"{method} {path} {version}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@dataclass(frozen=True)
class Frame:
    """A frame of the broker."""

    opcode: int
    payload: bytes

    @property
    def close_code(self) -> int | None:
        """None for a close frame that says nothing."""
        return struct.unpack(">H", self.payload[:2])[0] if self.payload else None


class RawStream:
    """A connected socket, with TLS or without, that never waits for longer than PATIENCE_S."""

    def __init__(self, port: int, *, tls: bool = False) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.socket = context.wrap_socket(self.socket)
        self._read = b""

    def send(self, data: bytes) -> None:
        """A peer that has closed already is no error: what it said is still to be read."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendall(data)

    def receive_until_end(self) -> bytes:
        """Everything until the broker closes. Raises TimeoutError when it does not."""
        while chunk := self._receive():
            self._read += chunk
        return self._take(len(self._read))

    def receive_head(self) -> str:
        """The head of an HTTP answer."""
        while b"\r\n\r\n" not in self._read:
            chunk = self._receive()
            assert chunk, f"the stream ended after {self._read!r}"
            self._read += chunk
        return self._take(self._read.index(b"\r\n\r\n") + 4).decode()

    def receive_frame(self) -> Frame | None:
        """None: the end of the stream."""
        head = self._exactly(2)
        if not head:
            return None
        assert head[0] & 0x80, "the broker never fragments"
        assert not head[1] & 0x80, "a server does not mask"
        length = head[1]
        if length == 126:
            (length,) = struct.unpack(">H", self._exactly(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", self._exactly(8))
        return Frame(head[0] & 0x0F, self._exactly(length))

    def receive_frames(self) -> list[Frame]:
        """Until the end of the stream."""
        frames = []
        while one := self.receive_frame():
            frames.append(one)
        return frames

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> RawStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _receive(self) -> bytes:
        try:
            return self.socket.recv(65_536)
        except (ConnectionResetError, ssl.SSLError):
            return b""

    def _exactly(self, count: int) -> bytes:
        while len(self._read) < count:
            chunk = self._receive()
            if not chunk:
                assert not self._read, "the stream ended inside a frame"
                return b""
            self._read += chunk
        return self._take(count)

    def _take(self, count: int) -> bytes:
        taken, self._read = self._read[:count], self._read[count:]
        return taken


def websocket(port: int, *, tls: bool = False) -> RawStream:
    """A stream whose WebSocket is open."""
    stream = RawStream(port, tls=tls)
    stream.send(request())
    head = stream.receive_head()
    assert head.startswith("HTTP/1.1 101 ")
    assert ACCEPT in head
    return stream
