"""A broker that does what a test wants, and what else the tests of the client share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import mqtt_sim


class Fake:
    """A broker of one behaviour: a function gets each stream."""

    def __init__(
        self, serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]
    ) -> None:
        self._serve = serve

    async def __aenter__(self) -> Fake:
        self._server = await asyncio.start_server(self._guarded, "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])
        self.url = f"mqtt://127.0.0.1:{self.port}"
        return self

    async def _guarded(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def __aexit__(self, *_: object) -> None:
        self._server.close()


async def read_packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """First byte and body of the next packet."""
    first = (await reader.readexactly(1))[0]
    size, shift = 0, 0
    while True:
        byte = (await reader.readexactly(1))[0]
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    return first, await reader.readexactly(size)


CONNACK = b"\x20\x02\x00\x00"


def recorder(client: mqtt_sim.Client, *events: str) -> list[str]:
    """The names of these events as they happen."""
    seen: list[str] = []
    for event in events or ("connect", "reconnect", "close", "offline", "error", "end", "disconnect"):
        client.on(event, lambda *_, event=event: seen.append(event))
    return seen
