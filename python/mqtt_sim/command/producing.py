"""What `produce` does once its flags are read: messages at the times they are meant for, until the last or Ctrl-C.

Each message has its intended time, counted from the first one, so that a late one does not delay the others.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mqtt_sim import corpus as corpora
from mqtt_sim.client import Client
from mqtt_sim.client.message import Message
from mqtt_sim.command.message_format import for_terminal
from mqtt_sim.command.spoken import spoken_line
from mqtt_sim.command.until_told import until_told
from mqtt_sim.errors import UsageError
from mqtt_sim.quantity import parse_duration

TOPIC = "StarWars"
WINDOW = 1000
"""Most messages that wait for their answers."""

_WORD = re.compile(r"\{([A-Za-z_]+)\}")
_WORDS = ("seq", "epoch_ms", "random", "character", "text", "client_id")
_CHOICES = {"--header": ("skip", "as-record"), "--parser": ("strict-unescape", "tutorial")}

Lines = Callable[[str], Iterator[Callable[[], str]]]
"""By client identifier: messages in their order, each made when its time has come."""


@dataclass(frozen=True)
class Wishes:
    """What to say, and how."""

    topic: str
    lines: Lines
    interval: float
    qos: int = 0
    retain: bool = False
    echo: bool = False
    count: int | None = None


def read_interval(text: str) -> float:
    """Seconds; a number without a unit is seconds, too. Raises UsageError."""
    try:
        seconds = float(text) if re.fullmatch(r"\d+(\.\d+)?", text) else parse_duration(text)
    except ValueError as error:
        raise UsageError(f"--interval {text}: {error}") from None
    return seconds


def lines_of(
    *,
    template: str | None,
    corpus: str | None,
    header: str,
    parser: str,
    loop: bool,
    announce: str | None,
    with_time: bool,
) -> Lines:
    """What is said. Raises UsageError and CorpusError."""
    for flag, value in (("--header", header), ("--parser", parser)):
        if value not in _CHOICES[flag]:
            raise UsageError(f"{flag} {value}: should be {' or '.join(_CHOICES[flag])}")
    if template is not None and with_time:
        raise UsageError("--time is for dialogue lines; a template has {epoch_ms}")
    words = set(_WORD.findall(template)) if template is not None else {"character", "text"}
    needs_corpus = bool(words & {"character", "text"})
    rows = corpora.load(corpus, header=header, parser=parser).rows if needs_corpus else ()
    is_endless = loop or not needs_corpus

    def lines(client_id: str) -> Iterator[Callable[[], str]]:
        if announce is not None:
            yield lambda: dialogue_line("NARRATOR", announce, with_time=with_time)
        number = 0
        while True:
            for row in rows or (corpora.Row("", ""),):
                yield _message(template, row, number, client_id, with_time)
                number += 1
            if not is_endless:
                return

    return lines


def dialogue_line(character: str, text: str, *, with_time: bool = False) -> str:
    """The payload of the tutorial, byte for byte as JSON.stringify writes it."""
    line = {"character": character, "text": text}
    if with_time:
        line["time"] = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return json.dumps(line, ensure_ascii=False, separators=(",", ":"))


def _message(template: str | None, row: corpora.Row, number: int, client_id: str, with_time: bool) -> Callable[[], str]:
    if template is None:
        return lambda: dialogue_line(row.character, row.text, with_time=with_time)

    def value(found: re.Match[str]) -> str:
        word = found[1]
        if word not in _WORDS:
            return found[0]
        if word == "epoch_ms":
            return str(time.time_ns() // 1_000_000)
        if word == "random":
            return f"{random.random():.6f}"
        return {"seq": str(number), "character": row.character, "text": row.text, "client_id": client_id}[word]

    return lambda: _WORD.sub(value, template)


def produce(address: str, options: dict[str, Any], wishes: Wishes) -> None:
    """Until the last message, SIGINT or SIGTERM; says DISCONNECT in each case. Raises ClientError, UsageError."""
    asyncio.run(until_told(_produce(address, options, wishes)))


async def _produce(address: str, options: dict[str, Any], wishes: Wishes) -> None:
    client = Client(address, **options)
    sent, latest = 0, 0.0
    async with client:
        if wishes.echo:
            client.on("message", lambda topic, payload, message: _say(f"< {_shown(message)}"))
            await client.subscribe(wishes.topic, wishes.qos)
        _say(f"producing on {wishes.topic} at {client.url}, every {wishes.interval:g} s")
        began = time.monotonic()
        waiting: deque[Any] = deque()
        try:
            for message in wishes.lines(client.client_id):
                if wishes.count is not None and sent >= wishes.count:
                    break
                intended = began + sent * wishes.interval
                await asyncio.sleep(max(intended - time.monotonic(), 0))
                latest = max(latest, time.monotonic() - intended) if wishes.interval else 0.0
                payload = message()
                delivery = client.publish(wishes.topic, payload, wishes.qos, retain=wishes.retain)
                sent += 1
                _say(f"> {spoken_line(payload.encode())}")
                waiting.append(delivery)
                while waiting and (waiting[0].is_done or len(waiting) >= WINDOW or not wishes.interval):
                    await waiting.popleft()
            while waiting:
                await waiting.popleft()
        finally:
            late = f", none more than {latest * 1000:.1f} ms late" if wishes.interval and sent else ""
            _say(f"produced {sent} message{'s' * (sent != 1)} in {time.monotonic() - began:.1f} s{late}")


def _shown(message: Message) -> str:
    return spoken_line(message.payload)


def _say(line: str) -> None:
    """A line on standard output, now."""
    raw = line.encode(errors="backslashreplace")
    sys.stdout.buffer.write((for_terminal(raw) if sys.stdout.isatty() else raw) + b"\n")
    sys.stdout.buffer.flush()
