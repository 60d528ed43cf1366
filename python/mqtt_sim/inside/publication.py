"""What publishing from inside a broker gives: to be awaited, waited for, or forgotten."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from mqtt_sim.errors import ClientClosed, DeliveryError, MqttSimError, ResponseTimeout

if TYPE_CHECKING:
    from mqtt_sim.inside.desk import Desk

_SLICE_S = 0.2
"""A wait is cut into pieces, between which Ctrl-C is heard."""


class Publication:
    """One message given to the broker. It is done when the broker has routed it.

    `await` it, or call result(): both give the reason code, 0 or 0x10 when nobody has subscribed, and raise
    DeliveryError when the broker refused it, ClientClosed when it ended before.
    """

    __slots__ = ("_desk", "_ticket", "topic")

    def __init__(self, desk: Desk, ticket: Any, topic: str) -> None:
        self._desk = desk
        self._ticket = ticket
        self.topic = topic

    @property
    def is_done(self) -> bool:
        """Whether result() would answer at once."""
        return bool(self._ticket.wait(0.0))

    def result(self, timeout: float | None = None) -> int:
        """Waits, for `timeout` seconds at most; then it raises ResponseTimeout. Also in handlers."""
        until = None if timeout is None else time.monotonic() + timeout
        while not self._ticket.wait(_SLICE_S if until is None else min(_SLICE_S, max(0.0, until - time.monotonic()))):
            if until is not None and time.monotonic() >= until:
                raise ResponseTimeout(f"the message on {self.topic!r} was not routed within {timeout:g} s")
        return self._outcome()

    def error(self) -> MqttSimError | None:
        """What went wrong, once it is done."""
        was_done, reason = self._ticket.outcome()
        if not was_done:
            return ClientClosed(f"the broker ended before the message on {self.topic!r} was routed")
        if reason < 0x80:
            return None
        words = self._desk.reason_name(reason)
        return DeliveryError(f"message on {self.topic!r}: {words}", topic=self.topic, reason=reason)

    def on_complete(self, callback: Callable[[Publication], object]) -> None:
        """Has `callback` called with this when it is done, where handlers are called; at once when it is already."""
        self._desk.when_settled(self._ticket, lambda: callback(self))

    def __await__(self) -> Generator[Any, None, int]:
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()

        def settle() -> None:
            if not waiter.done():
                waiter.set_result(None)

        def told() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle)

        self._desk.when_settled(self._ticket, told)
        yield from waiter
        return self._outcome()

    def _outcome(self) -> int:
        if (error := self.error()) is not None:
            raise error
        return int(self._ticket.outcome()[1])
