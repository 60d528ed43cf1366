"""The client of a device: a Client whose connection the run makes and carries."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from mqtt_sim.client.client import Client
from mqtt_sim.client.delivery import Delivery
from mqtt_sim.client.host import Receiver
from mqtt_sim.client.message import Message
from mqtt_sim.client.payload import Payload
from mqtt_sim.errors import UsageError


class DeviceHost:
    """The devices of a run as a host of clients (client/host.py): they are there already, each with its number."""

    is_lost = False

    def __init__(
        self, core: Any, await_written: Callable[[int], None], set_stamping: Callable[[int, bool], None]
    ) -> None:
        """`await_written`, `set_stamping`: see EngineRun."""
        self.core = core
        self.await_written = await_written
        self.set_stamping = set_stamping
        self._receivers: dict[int, Receiver] = {}

    def adopt(self, number: int, receiver: Receiver) -> None:
        """From now on `receiver` is told what happens to the device."""
        self._receivers[number] = receiver

    def add(self, receiver: Receiver, options: dict[str, Any], targets: list[str]) -> int:
        """In virtual time there are no others. Raises UsageError."""
        raise UsageError(
            "in virtual time a device has the client that it is given and no other: there are no sockets; give the "
            "group a larger count, or run without --sim"
        )

    def remove(self, number: int) -> None:
        """Its end has come; it may connect again."""
        self._receivers.pop(number, None)

    def drain(self) -> None:
        """Hands round what has happened."""
        for number, dropped, records in self.core.fetch(Message):
            receiver = self._receivers.get(number)
            if receiver is not None:
                receiver.take(dropped, records)


class DeviceClient(Client):
    """As Client. It is connected when the device begins; the scenario says how it connects."""

    def __init__(
        self,
        url: str,
        *,
        number: int,
        host: DeviceHost,
        loop: asyncio.AbstractEventLoop,
        stamps: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(url, **options)
        self.number = number
        self._stamps = stamps
        self._device_host = host
        self._is_told_of_written = False
        self._adopt(loop)
        if stamps:
            host.set_stamping(number, True)

    def _adopt(self, loop: asyncio.AbstractEventLoop) -> None:
        self._host, self._loop, self._number = self._device_host, loop, self.number  # type: ignore[assignment]
        self._handlers.loop = loop
        self._device_host.adopt(self.number, self)

    def publish(
        self, topic: str, payload: Payload = b"", qos: int = 0, *, stamp: bool | None = None, **options: Any
    ) -> Delivery:
        """As Client.publish. `stamp`: whether the message counts in `latency`, from when it was meant to leave on.

        None: as the group's "stamp" says.
        """
        if stamp is None or stamp == self._stamps:
            return super().publish(topic, payload, qos, **options)
        self._device_host.set_stamping(self.number, stamp)
        try:
            return super().publish(topic, payload, qos, **options)
        finally:
            self._device_host.set_stamping(self.number, self._stamps)

    def attend(self, qos: int) -> asyncio.AbstractEventLoop:
        """As Client. The first one that waits for a message at QoS 0 has the run tell when those are written."""
        if qos == 0 and not self._is_told_of_written:
            self._is_told_of_written = True
            self._device_host.await_written(self.number)
        return self._own_loop()

    def _enter_host(self) -> Any:
        self._adopt(self._own_loop())
        for listener in self._listeners.values():
            listener.start(self._own_loop(), self._inbox)
        return self._host
