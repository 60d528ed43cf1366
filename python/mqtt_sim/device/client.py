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
from mqtt_sim.errors import ClientClosed, UsageError


class DeviceHost:
    """The devices of a run as a host of clients (client/host.py): they are there already, each with its number."""

    is_lost = False

    def __init__(self, core: Any, await_written: Callable[[int], None]) -> None:
        """`await_written`: see EngineRun."""
        self.core = core
        self.await_written = await_written
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
        self, url: str, *, number: int, host: DeviceHost, loop: asyncio.AbstractEventLoop, **options: Any
    ) -> None:
        super().__init__(url, **options)
        self.number = number
        self._device_host = host
        self._asks_for_written = True
        self._asking = _Asking(self)
        self._adopt(loop)

    def _adopt(self, loop: asyncio.AbstractEventLoop) -> None:
        self._host, self._loop, self._number = self._device_host, loop, self.number  # type: ignore[assignment]
        self._handlers.loop = loop
        self._device_host.adopt(self.number, self)

    def publish(self, topic: str, payload: Payload = b"", qos: int = 0, **options: Any) -> Delivery:
        """As Client.publish."""
        delivery = super().publish(topic, payload, qos, **options)
        if qos == 0 and self._asks_for_written:
            if "on_complete" in options:
                self.ask_for_written()
            else:
                delivery._loop = self._asking  # type: ignore[assignment]
        return delivery

    def ask_for_written(self) -> None:
        """Somebody waits for a message at QoS 0 to be written."""
        if self._asks_for_written:
            self._asks_for_written = False
            self._device_host.await_written(self.number)

    def _attach(self) -> Any:
        if self._host is not None:
            self._check_place()
            return self._host
        if self._is_ending:
            raise ClientClosed(f"{self!r} has ended")
        self._adopt(self._own_loop())
        for listener in self._listeners.values():
            listener.start(self._own_loop(), self._inbox)
        return self._host


class _Asking:
    """Stands for the loop in a Delivery: the first one that is awaited asks the run to tell."""

    def __init__(self, client: DeviceClient) -> None:
        self._client = client

    def create_future(self) -> asyncio.Future[None]:
        self._client.ask_for_written()
        return self._client._own_loop().create_future()
