"""Handlers of a client's events: functions and coroutine functions, each at most once for an event."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from mqtt_sim.errors import UsageError
from mqtt_sim.suggestion import did_you_mean

EVENTS = {
    "connect": "connack: Connack",
    "reconnect": "an attempt begins after an earlier one",
    "close": "a connection, or an attempt at one, is over",
    "offline": "the first close of an outage is about to be told",
    "error": "error: Exception",
    "end": "the client has ended on its owner's word",
    "disconnect": "reason: int, properties: dict; DISCONNECT of a 5.0 broker",
    "message": "topic: str, payload: bytes, message: Message",
    "packetsend": "packet: Packet",
    "packetreceive": "packet: Packet",
    "auth": "reason: int, data: bytes; AUTH of a 5.0 broker",
    "state": "old: str, new: str",
}
"""Each event with the arguments of its handlers, or when it comes."""

Handler = Callable[..., Any]


class Handlers:
    """The handlers of one client, or of another owner with `events` of its own.

    One that raises is reported; the others are called all the same.
    """

    def __init__(self, owner: object, events: Mapping[str, str] = EVENTS) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self._owner = owner
        self._events = events
        self._by_event: dict[str, list[tuple[Handler, bool]]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    def add(self, event: str, handler: Handler, *, once: bool) -> None:
        """The same handler of the same event counts once. Raises UsageError for an event that there is not."""
        check_event(event, self._events)
        if not callable(handler):
            raise UsageError(f'on("{event}"): a handler should be a function, found {type(handler).__name__}')
        listed = [pair for pair in self._by_event.get(event, ()) if pair[0] != handler]
        self._by_event[event] = [*listed, (handler, once)]

    def remove(self, event: str, handler: Handler) -> None:
        """Nothing happens when it is not there."""
        check_event(event, self._events)
        self._by_event[event] = [pair for pair in self._by_event.get(event, ()) if pair[0] != handler]

    def has(self, event: str) -> bool:
        """Whether anybody listens."""
        return bool(self._by_event.get(event))

    def call(self, event: str, *arguments: Any) -> None:
        """Calls them in the order in which they came; coroutines become tasks."""
        for handler, once in tuple(self._by_event.get(event, ())):
            if once:
                self.remove(event, handler)
            self.guard(handler, arguments, event)

    def guard(self, handler: Handler, arguments: tuple[Any, ...], event: str) -> asyncio.Task[Any] | None:
        """Calls one of the user's functions; what it raises goes to the loop and to the event "error"."""
        try:
            answer = handler(*arguments)
        except (SystemExit, KeyboardInterrupt) as error:
            self._raise_later(error)
            return None
        except BaseException as error:
            self.report(error, handler, event)
            return None
        if not inspect.isawaitable(answer):
            return None
        task = asyncio.ensure_future(answer, loop=self.loop)
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._finish(done, handler, event))
        return task

    def _raise_later(self, error: BaseException) -> None:
        """Ends the loop, but not the middle of a batch, whose rest nobody would be told of."""
        if self.loop is None or self.loop.is_closed():
            raise error

        def end() -> None:
            raise error

        self.loop.call_soon(end)

    def _finish(self, task: asyncio.Task[Any], handler: Handler, event: str) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.report(error, handler, event)

    def report(self, error: BaseException, handler: Handler, event: str) -> None:
        """Through the loop's exception handler and, unless it comes from there, the event "error"."""
        name = getattr(handler, "__qualname__", repr(handler))
        text = f'handler {name} of "{event}" raised'
        if self.loop is not None and not self.loop.is_closed():
            self.loop.call_exception_handler({"message": text, "exception": error, "client": self._owner})
        if event != "error":
            self.call("error", error)

    def cancel(self) -> None:
        """Ends the coroutines that still run."""
        for task in tuple(self._tasks):
            task.cancel()


def check_event(event: str, events: Mapping[str, str] = EVENTS) -> None:
    """Raises UsageError for an event that there is not."""
    if event not in events:
        raise UsageError(f'there is no event "{event}"; {did_you_mean(str(event), events)}')
