"""Streams that reach a broker without a network: see Broker.attach."""

from __future__ import annotations

import asyncio
import os
import socket
from types import TracebackType

from mqtt_sim.errors import ClientClosed, UsageError

_READ_AT_ONCE = 65_536


class AttachedStream:
    """One end of a stream of bytes whose other end the broker serves, as it would a client's from the network.

    Belongs to the event loop that uses it first. The broker sees the end of the stream when this is closed.
    """

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self.socket = end
        """The same for who would rather use it without a loop, or hand it on."""

    async def write(self, data: bytes) -> None:
        """Returns when the broker's end has room for all of it. Raises ClientClosed when the broker has closed."""
        self._check()
        try:
            await asyncio.get_running_loop().sock_sendall(self.socket, data)
        except ConnectionError:
            raise ClientClosed("the broker has closed the stream") from None

    async def read(self, size: int = _READ_AT_ONCE) -> bytes:
        """What has come, at most `size` bytes; waits for the first of them. b"" at the end of the stream."""
        self._check()
        try:
            return await asyncio.get_running_loop().sock_recv(self.socket, size)
        except ConnectionError:
            return b""

    async def read_exactly(self, size: int) -> bytes:
        """Waits for so many bytes. Raises ClientClosed, with those that came, when the stream ends before."""
        parts = b""
        while len(parts) < size:
            more = await self.read(size - len(parts))
            if not more:
                raise ClientClosed(f"the stream ended after {len(parts)} of {size} bytes: {parts!r}")
            parts += more
        return parts

    def close(self) -> None:
        """The broker sees the end of the stream. A second time it does nothing."""
        self.socket.close()

    async def __aenter__(self) -> AttachedStream:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    def _check(self) -> None:
        if self.socket.fileno() < 0:
            raise ClientClosed("the stream was closed")


def connected_descriptor(stream: int | socket.socket) -> int:
    """The descriptor of a connected stream socket, made not to block. Raises UsageError."""
    descriptor = stream if isinstance(stream, int) and not isinstance(stream, bool) else None
    if isinstance(stream, socket.socket):
        descriptor = stream.fileno()
    if descriptor is None:
        raise UsageError(
            f"attach: a stream should be a socket or its descriptor, found {type(stream).__name__}; "
            "for TLS and WebSocket there are listeners"
        )
    try:
        with socket.socket(fileno=os.dup(descriptor)) as probe:
            if probe.type != socket.SOCK_STREAM:
                raise UsageError("attach: a stream should be one of bytes in order (SOCK_STREAM)")
            probe.getpeername()
    except OSError as error:
        raise UsageError(f"attach: not a connected stream socket: {error.strerror or error}") from None
    os.set_blocking(descriptor, False)
    return descriptor
