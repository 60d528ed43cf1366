"""What `pub` does once its flags are read: payloads from where they come, out in order, each answer awaited."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

from mqtt_sim.client import Client
from mqtt_sim.errors import UsageError

WINDOW = 1000
"""Most messages that wait for their answers."""

LARGEST = 268_435_455
_LINES_WAITING = 100

Source = Callable[[], AsyncIterator[bytes]]


@dataclass(frozen=True)
class Publish:
    """How each payload goes out."""

    topic: str
    qos: int
    retain: bool
    properties: dict[str, Any]
    repeat: int = 1
    repeat_delay: float = 0.0


def source_of(*, text: str | None, file: str | None, stdin: bool, lines: bool, null: bool) -> Source:
    """The one place that payloads come from. Raises UsageError unless exactly one was named."""
    named = [text is not None, file is not None, stdin, lines, null]
    if sum(named) != 1:
        ways = "--message TEXT, --file FILE, --stdin, --stdin-line or --null-message"
        raise UsageError(f"{'one message only' if any(named) else 'what is the message'}: give one of {ways}")
    if lines:
        return lambda: _lines(open(sys.stdin.fileno(), "rb", closefd=False))
    if text is not None:
        return lambda: _one(text.encode(errors="surrogateescape"))
    if file is not None:
        content = _read(file)
        return lambda: _one(content)
    return lambda: _one(sys.stdin.buffer.read(LARGEST + 1) if stdin else b"")


def publish_all(address: str, options: dict[str, Any], publish: Publish, source: Source) -> None:
    """Connects, publishes and disconnects. Raises ClientError, UsageError, KeyboardInterrupt."""
    asyncio.run(_publish_all(address, options, publish, source))


async def _publish_all(address: str, options: dict[str, Any], publish: Publish, source: Source) -> None:
    async with Client(address, reconnect_period=0, **options) as client:
        waiting: deque[Any] = deque()
        number = 0
        async for payload in source():
            for _ in range(publish.repeat):
                if number and publish.repeat_delay:
                    await asyncio.sleep(publish.repeat_delay)
                number += 1
                delivery = client.publish(
                    publish.topic, payload, publish.qos, retain=publish.retain, properties=publish.properties or None
                )
                waiting.append(delivery)
                while len(waiting) >= WINDOW:
                    await waiting.popleft()
        while waiting:
            await waiting.popleft()


def _read(file: str) -> bytes:
    try:
        with open(file, "rb") as stream:
            return stream.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"--file {file}: {error.strerror}") from None


async def _one(payload: bytes) -> AsyncIterator[bytes]:
    yield payload


async def _lines(stream: BinaryIO) -> AsyncIterator[bytes]:
    """Read by a thread of its own, which may wait for ever without holding up the end of the process.

    The stream is its alone: the interpreter's own cannot be closed while a thread reads it, and ends the process so.
    """
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[bytes | None] = asyncio.Queue(_LINES_WAITING)

    def read() -> None:
        try:
            while line := stream.readline(LARGEST + 2):
                asyncio.run_coroutine_threadsafe(arrived.put(line.removesuffix(b"\n")), loop).result()
            asyncio.run_coroutine_threadsafe(arrived.put(None), loop).result()
        except RuntimeError:
            return  # the loop has ended before the lines have

    threading.Thread(target=read, daemon=True).start()
    while (line := await arrived.get()) is not None:
        yield line
