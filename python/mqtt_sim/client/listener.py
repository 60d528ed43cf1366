"""A coroutine function that handles messages, one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mqtt_sim.client.message import Message
from mqtt_sim.client.streams import MessageStream

if TYPE_CHECKING:
    from mqtt_sim.client.handlers import Handlers
    from mqtt_sim.client.inbox import Inbox

_FAILED = 0x80  # "unspecified error", for a handler that raised


class AwaitedListener:
    """Gives each message to `handler` and awaits it, so that the next one, and its acknowledgement, wait for it."""

    def __init__(
        self,
        acknowledge: Callable[[Message, int], None] | None,
        handler: Callable[[str, bytes, Message], Any],
        handlers: Handlers,
    ) -> None:
        self._acknowledge = acknowledge
        self._handler = handler
        self._stream: MessageStream | None = None
        self._handlers = handlers
        self._task: asyncio.Task[None] | None = None

    def start(self, loop: asyncio.AbstractEventLoop, inbox: Inbox) -> None:
        """Begins with the messages of a connection; ends with it."""
        self._stream = inbox.open(None)
        self._task = loop.create_task(self._run(self._stream))

    def close(self) -> None:
        """Ends now, and takes no more messages."""
        if self._stream is not None:
            self._stream.close()
        if self._task is not None:
            self._task.cancel()

    async def _run(self, stream: MessageStream) -> None:
        async for message in stream:
            reason: Any = 0
            try:
                reason = await self._handler(message.topic, message.payload, message)
            except Exception as error:
                self._handlers.report(error, self._handler, "message")
                reason = _FAILED
            if self._acknowledge is not None and message.token:
                self._acknowledge(message, reason if isinstance(reason, int) else 0)
