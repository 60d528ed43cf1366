"""What `sub` does once its flags are read: subscribe, print, and end when it has seen enough."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO

from mqtt_sim.client import Client
from mqtt_sim.client.message import Message
from mqtt_sim.command.message_format import for_terminal
from mqtt_sim.command.until_told import until_told
from mqtt_sim.engine import load_core
from mqtt_sim.errors import CouldNotRun, UsageError


@dataclass(frozen=True)
class Wishes:
    """What to hear, how to print it, and when to stop."""

    filters: Sequence[str]
    show: Callable[[Message, datetime], bytes]
    filter_out: Sequence[str] = ()
    qos: int = 0
    count: int | None = None
    timeout: float | None = None
    end: bytes = b"\n"
    no_retained: bool = False
    retained_only: bool = False
    subscribe_only: bool = False
    properties: dict[str, Any] | None = None


class _Printer:
    """Writes messages to a stream and counts them."""

    def __init__(self, wishes: Wishes, stream: BinaryIO) -> None:
        self._wishes = wishes
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._matches = load_core().topic_matches
        self.printed = 0

    @property
    def has_enough(self) -> bool:
        return self._wishes.count is not None and self.printed >= self._wishes.count

    def take(self, message: Message) -> None:
        if message.retain and self._wishes.no_retained:
            return
        if any(self._matches(pattern, message.topic) for pattern in self._wishes.filter_out):
            return
        line = self._wishes.show(message, datetime.now().astimezone())
        self._stream.write((for_terminal(line) if self._is_terminal else line) + self._wishes.end)
        self.printed += 1

    def flush(self) -> None:
        self._stream.flush()


def listen(address: str, options: dict[str, Any], wishes: Wishes) -> None:
    """Until enough has come, the time is over, or SIGINT or SIGTERM. Raises ClientError, UsageError, CouldNotRun."""
    for pattern in wishes.filter_out:
        if not load_core().is_topic_filter(pattern):
            raise UsageError(f"-T {pattern}: is no topic filter; write for example rooms/+/light or rooms/#")
    printer = _Printer(wishes, sys.stdout.buffer)
    try:
        is_late = asyncio.run(until_told(_listen(address, options, wishes, printer), wishes.timeout))
        printer.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    if is_late and wishes.count is not None:
        text = f"{printer.printed} of {wishes.count} messages came within {wishes.timeout:g} s"
        raise CouldNotRun(text, kind="timeout")


async def _listen(address: str, options: dict[str, Any], wishes: Wishes, printer: _Printer) -> None:
    given = dict(wishes.properties or {})
    identifier = given.pop("subscription_identifier", None)
    client = Client(address, **options)
    stream = client.messages()
    async with client:
        await client.subscribe(
            dict.fromkeys(wishes.filters, wishes.qos),
            subscription_identifier=identifier,
            properties=given or None,
        )
        if wishes.subscribe_only:
            return
        async for message in stream:
            if wishes.retained_only and not message.retain:
                return
            printer.take(message)
            if printer.has_enough:
                return
            if not len(stream):
                printer.flush()
