"""Streams of received messages, for `async for`."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import NoReturn

from mqtt_sim.client.message import Message
from mqtt_sim.client.patience import check_patience
from mqtt_sim.engine import load_core
from mqtt_sim.errors import UsageError


class MessageStream:
    """Messages as they arrive, those that match `topic_filter`. Ends with its client; raises ConnectError where that
    ended without having been told to. One task reads it at a time."""

    def __init__(
        self,
        topic_filter: str | None,
        limit: int | None,
        on_read: Callable[[], None],
        on_close: Callable[[MessageStream], None],
    ) -> None:
        self.topic_filter = topic_filter
        self.dropped = 0
        """Messages that went because nobody read them in time; queue_policy drop_oldest."""
        self.backlog_bytes = 0
        self._queue: deque[Message] = deque()
        self._limit = limit
        self._on_read = on_read
        self._on_close = on_close
        self._matches = load_core().topic_matches
        self._waiter: asyncio.Future[None] | None = None
        self._is_closed = False
        self._error: BaseException | None = None
        self._read_since = 0

    def __len__(self) -> int:
        """Messages that wait to be read."""
        return len(self._queue)

    def __iter__(self) -> NoReturn:
        raise UsageError("messages of a Client come by `async for`; those of mqtt_sim.connect() by `for`")

    def __aiter__(self) -> MessageStream:
        return self

    async def __anext__(self) -> Message:
        while not self._queue:
            if self._error is not None:
                raise self._error
            if self._is_closed:
                raise StopAsyncIteration
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        message = self._queue.popleft()
        self.backlog_bytes -= len(message.payload) + len(message.topic)
        self._read_since += 1
        if not self._queue or self._read_since >= 256:
            self._read_since = 0
            self._on_read()
        return message

    async def get(self, timeout: float | None = None) -> Message:
        """The next message. Raises TimeoutError after `timeout` seconds, StopAsyncIteration's sense as EOFError."""
        check_patience(timeout, "get")
        try:
            return await asyncio.wait_for(anext(self), timeout)
        except StopAsyncIteration:
            raise EOFError("the client has ended") from None

    def take_all(self) -> list[Message]:
        """All that wait, at once."""
        messages = list(self._queue)
        self._queue.clear()
        self.backlog_bytes = 0
        return messages

    def close(self) -> None:
        """Takes no more messages and forgets those that wait."""
        self._queue.clear()
        self.backlog_bytes = 0
        self.end(None)
        self._on_close(self)

    async def __aenter__(self) -> MessageStream:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    def end(self, error: BaseException | None) -> None:
        """No message follows those that wait."""
        self._is_closed = True
        self._error = error
        self._wake()

    def put(self, messages: Sequence[Message]) -> bool:
        """Takes those that match; whether there were any."""
        if self.topic_filter is not None:
            wanted = self.topic_filter
            messages = [message for message in messages if self._matches(wanted, message.topic)]
        if not messages or self._is_closed:
            return False
        self._queue.extend(messages)
        self.backlog_bytes += sum(len(message.payload) + len(message.topic) for message in messages)
        if self._limit is not None and len(self._queue) > self._limit:
            self._drop(len(self._queue) - self._limit)
        self._wake()
        return True

    def _drop(self, count: int) -> None:
        for _ in range(count):
            message = self._queue.popleft()
            self.backlog_bytes -= len(message.payload) + len(message.topic)
        self.dropped += count

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
