"""The hook authorize_forward: asked about every message for every receiver, in the batches in which they come.

A function is called at once for each of a batch, and the answers go back together; a coroutine is a task of its own.
The engine keeps the order of each receiver, whatever order the answers come in.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from mqtt_sim.errors import ResponseTimeout, UsageError
from mqtt_sim.inside.message import PublishedMessage
from mqtt_sim.inside.verdict import DROP, PASS, Verdict, instead

if TYPE_CHECKING:
    from mqtt_sim.inside.client import BrokerClient
    from mqtt_sim.inside.desk import Desk

NAME = "authorize_forward"

_FLUSH_S = 0.01
"""Answers wait no longer for those of the rest of their batch."""
_RIGHT = "True, the packet, a changed packet, or None or False to leave it out"


class ForwardHook:
    """Of one broker."""

    def __init__(self, desk: Desk, timeout: float) -> None:
        self._desk = desk
        self._timeout = timeout
        self.function: Callable[..., Any] | None = None
        self._answers: list[tuple[int, Verdict]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._batch_began = 0.0
        self._flushed = 0.0
        self._late = 0
        self._error: Exception | None = None
        self._errors = 0
        self._is_flush_due = False

    def begin(self) -> None:
        """A batch of questions was fetched."""
        self._batch_began = self._flushed = time.monotonic()

    def take(self, client: BrokerClient, number: int, message: PublishedMessage) -> None:
        """One question."""
        function = self.function
        if function is None:
            self._answers.append((number, PASS))
            return
        if time.monotonic() - self._batch_began >= self._timeout:  # the engine has given it up already
            self._late += 1
            return
        try:
            said = function(client, message)
            if inspect.isawaitable(said):
                self._wait_for(said, number, message)
                return
            verdict = _verdict_of(message, said)
        except Exception as error:
            verdict = self._failed(error)
        self._answers.append((number, verdict))
        now = time.monotonic()
        if now - self._batch_began >= self._timeout:
            self._late += 1
        if now - self._flushed >= _FLUSH_S:
            self._flushed = now
            self._send()

    def flush(self) -> None:
        """Sends what has been answered, and reports what went wrong since the last time: the first of each kind."""
        self._is_flush_due = False
        self._send()
        function = self.function or ForwardHook.take
        error, count, late = self._error, self._errors, self._late
        self._error, self._errors, self._late = None, 0, 0
        if error is not None:
            if count > 1:
                error.add_note(f"hook {NAME} failed on {count - 1} further messages of the same batch")
            self._desk.handlers.report(error, function, NAME)
        if late:
            text = (
                f"hook {NAME} is too slow: {late} messages were left out, since it took more than {self._timeout:g} s"
            )
            self._desk.handlers.report(ResponseTimeout(text), function, NAME)

    def _send(self) -> None:
        if self._answers and not self._desk.is_lost:
            self._desk.core.answer_all(self._answers)
        self._answers = []

    def _failed(self, error: Exception) -> Verdict:
        self._error = self._error or error
        self._errors += 1
        return DROP

    def _wait_for(self, said: Awaitable[Any], number: int, message: PublishedMessage) -> None:
        task = asyncio.ensure_future(self._answer(said, number, message), loop=self._desk.handlers.loop)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, said: Awaitable[Any], number: int, message: PublishedMessage) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                answer = await said
            self._answers.append((number, _verdict_of(message, answer)))
        except TimeoutError:
            self._late += 1  # the engine has given it up as well
        except Exception as error:
            self._answers.append((number, self._failed(error)))
        if not self._is_flush_due:
            self._is_flush_due = True
            asyncio.get_running_loop().call_soon(self.flush)


def _verdict_of(message: PublishedMessage, said: Any) -> Verdict:
    if said is True:
        return PASS
    if said is None or said is False:
        return DROP
    if isinstance(said, PublishedMessage):
        return instead(message, said)
    raise UsageError(f"hook {NAME} should answer {_RIGHT}; it gave {said!r}")
