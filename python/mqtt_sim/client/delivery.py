"""What publish() gives: the fate of one message, to be awaited or not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from typing import Any

from mqtt_sim.errors import ClientClosed, DeliveryError, MqttSimError

WRITTEN, ACKNOWLEDGED, REFUSED, LOST, CLOSED = range(5)


class Delivery:
    """One publish on its way. `await` it, as often as you like, for its completion.

    It completes when the message has been written (QoS 0), when PUBACK has come (QoS 1), when PUBCOMP has (QoS 2).
    Awaiting gives the Delivery itself and raises DeliveryError when the broker refused, or when the session was lost
    before the last answer; ClientClosed when the client ended before the message could be sent. A task that is
    cancelled while it waits cancels its waiting only: the message goes its way.
    """

    __slots__ = (
        "_callback",
        "_failure",
        "_loop",
        "_waiters",
        "is_done",
        "properties",
        "qos",
        "reason",
        "size",
        "topic",
    )

    def __init__(self, topic: str, qos: int, size: int, loop: asyncio.AbstractEventLoop) -> None:
        self.topic = topic
        self.qos = qos
        self.size = size
        self.is_done = False
        self.reason = 0
        """Reason code of the acknowledgement: 0, or 0x10 when nobody has subscribed; MQTT 5.0."""
        self.properties: dict[str, Any] = {}
        self._loop = loop
        self._failure: tuple[int, str] | None = None
        self._waiters: list[asyncio.Future[None]] | None = None
        self._callback: Callable[[Delivery], object] | None = None

    @property
    def error(self) -> MqttSimError | None:
        """What went wrong, once it is done."""
        if self._failure is None:
            return None
        how, text = self._failure
        if how == CLOSED:
            return ClientClosed(f"the client ended before the message on {self.topic!r} was sent")
        return DeliveryError(f"message on {self.topic!r}: {text}", topic=self.topic, reason=self.reason)

    def __await__(self) -> Generator[Any, None, Delivery]:
        if not self.is_done:
            waiter = self._loop.create_future()
            if self._waiters is None:
                self._waiters = []
            self._waiters.append(waiter)
            yield from waiter
        if self._failure is not None and (error := self.error) is not None:
            raise error
        return self

    def __repr__(self) -> str:
        how = "failed" if self._failure else "done" if self.is_done else "under way"
        return f"<Delivery on {self.topic!r} at QoS {self.qos}: {how}>"

    def on_complete(self, callback: Callable[[Delivery], object]) -> None:
        """Has `callback` called with this when it is done; called at once when it is already."""
        if self.is_done:
            callback(self)
        else:
            self._callback = callback

    def settle(
        self, how: int, reason: int, text: str, properties: dict[str, Any] | None
    ) -> Callable[[], object] | None:
        """The fate is known. Gives what is to be called for it."""
        self.is_done = True
        self.reason = reason
        if properties:
            self.properties = properties
        if how > ACKNOWLEDGED:
            self._failure = (how, text)
        elif reason >= 0x80:
            self._failure = (REFUSED, text)
        if self._waiters is not None:
            for waiter in self._waiters:
                if not waiter.done():
                    waiter.set_result(None)
            self._waiters = None
        if self._callback is None:
            return None
        callback, self._callback = self._callback, None
        return lambda: callback(self)
