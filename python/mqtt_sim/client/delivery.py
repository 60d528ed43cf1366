"""What publish() gives: the fate of one message, to be awaited or not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from typing import Any, Protocol

from mqtt_sim.errors import ClientClosed, DeliveryError, MqttSimError, StoreError

WRITTEN, ACKNOWLEDGED, REFUSED, LOST, CLOSED, LEFT, UNKEPT = range(7)


class Publisher(Protocol):
    """Whose message it is."""

    def attend(self, qos: int) -> asyncio.AbstractEventLoop:
        """Somebody waits for a message at this QoS to be through; the loop to wait in."""


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
        "_properties",
        "_publisher",
        "_waiters",
        "is_done",
        "is_removed",
        "packet_id",
        "qos",
        "reason",
        "size",
        "topic",
    )

    def __init__(self, topic: str, qos: int, size: int, publisher: Publisher, packet_id: int | None = None) -> None:
        self.topic = topic
        self.qos = qos
        self.size = size
        self.packet_id = packet_id
        """Where the client has a store: the packet identifier; else the engine gives it out as it sends."""
        self.is_done = False
        self.is_removed = False
        """Taken back by Client.remove_outgoing_message()."""
        self.reason = 0
        """Reason code of the acknowledgement: 0, or 0x10 when nobody has subscribed; MQTT 5.0."""
        self._properties: dict[str, Any] | None = None
        self._publisher = publisher
        self._failure: tuple[int, str] | None = None
        self._waiters: list[asyncio.Future[None]] | None = None
        self._callback: Callable[[Delivery], object] | None = None

    @property
    def properties(self) -> dict[str, Any]:
        """Of the acknowledgement; empty below MQTT 5.0."""
        return self._properties or {}

    @property
    def error(self) -> MqttSimError | None:
        """What went wrong, once it is done."""
        if self._failure is None:
            return None
        how, text = self._failure
        if how == UNKEPT:
            return StoreError(f"message on {self.topic!r} was not sent: {text}")
        is_kept = self.packet_id is not None and not self.is_removed
        kept = "; it is in the store, and the next client with that sends it" if is_kept else ""
        if how == CLOSED:
            return ClientClosed(f"the client ended before the message on {self.topic!r} was sent{kept}")
        if how == LEFT:
            text += kept
        return DeliveryError(f"message on {self.topic!r}: {text}", topic=self.topic, reason=self.reason)

    def __await__(self) -> Generator[Any, None, Delivery]:
        if not self.is_done:
            waiter: asyncio.Future[None] = asyncio.Future(loop=self._publisher.attend(self.qos))
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
            self._publisher.attend(self.qos)
            self._callback = callback

    def settle(
        self, how: int, reason: int, text: str, properties: dict[str, Any] | None
    ) -> Callable[[], object] | None:
        """The fate is known. Gives what is to be called for it."""
        self.is_done = True
        self.reason = reason
        self._properties = properties
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
