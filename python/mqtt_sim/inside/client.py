"""One client as its broker sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mqtt_sim.client.payload import Payload
from mqtt_sim.client.subscription import Grant, subscribe_entries
from mqtt_sim.errors import ClientClosed, SubscribeError

if TYPE_CHECKING:
    from mqtt_sim.inside.desk import Desk
    from mqtt_sim.inside.publication import Publication

ADMINISTRATIVE_ACTION = 0x98
_GONE = 0x8E


class BrokerClient:
    """A client that is connected to the broker, or was. What it is does not change; what is done to it may come late:
    then `disconnect` and its like answer False, the others raise ClientClosed."""

    def __init__(self, desk: Desk, facts: tuple[Any, ...]) -> None:
        self._desk = desk
        self.number: int = facts[0]
        """Of its connection; no other ever has it."""
        self.id: str = facts[1]
        self.username: str | None = facts[2]
        self.address: str = facts[3]
        """host:port, or where a Unix socket is."""
        self.listener: str = facts[4]
        """The name of the listener by which it came."""
        self.protocol_version: str = facts[5]
        """ "3.1", "3.1.1" or "5.0"."""
        self.clean: bool = facts[6]
        self.keepalive: int = facts[7]
        """Seconds; 0: none."""
        self.reason: str | None = None
        """Why it is gone: disconnect, keepalive, takeover, protocol, refused, slow, shutdown, socket or owner. None as
        long as no event has told."""

    def __repr__(self) -> str:
        return f"<BrokerClient {self.id!r} from {self.address}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BrokerClient) and (other.number, other._desk) == (self.number, self._desk)

    def __hash__(self) -> int:
        return hash(self.number)

    @property
    def is_connected(self) -> bool:
        """Now."""
        return self._session() is not None

    @property
    def subscriptions(self) -> dict[str, int]:
        """Its filters with their QoS."""
        return dict(self._need()[0])

    @property
    def in_flight(self) -> int:
        """Messages sent to it that it has not acknowledged."""
        return int(self._need()[1])

    @property
    def queued(self) -> int:
        """Messages that wait for it to acknowledge others, or to read."""
        return int(self._need()[2])

    def publish(
        self,
        topic: str,
        payload: Payload = b"",
        qos: int = 0,
        retain: bool = False,
        properties: Mapping[str, Any] | None = None,
    ) -> Publication:
        """Sends it a message, whether it has subscribed or not. Nobody else gets it; it is not retained."""
        return self._desk.publish(topic, payload, qos, retain, properties, to=self)

    def subscribe(self, topic: str, qos: int = 0, **options: Any) -> Grant:
        """As if it had subscribed itself, hooks and access rules aside. Raises SubscribeError."""
        [(filter_, bits)] = subscribe_entries(topic, qos=qos, **options)
        granted = int(self._desk.checked_core().subscribe_for(self.id, self.number, filter_, bits))
        if granted == _GONE:
            raise self._gone()
        if granted >= 0x80:
            words = self._desk.reason_name(granted)
            raise SubscribeError(f"{filter_!r}: {words}", refused={filter_: granted})
        return Grant(filter_, granted)

    def unsubscribe(self, topic: str) -> bool:
        """Whether there was such a subscription."""
        return bool(self._desk.checked_core().unsubscribe_for(self.id, self.number, topic))

    def disconnect(self, reason: int = ADMINISTRATIVE_ACTION) -> bool:
        """Ends its connection; a 5.0 client is told `reason` in DISCONNECT. Its will is published."""
        return bool(self._desk.checked_core().disconnect(self.id, self.number, reason))

    def close(self) -> bool:
        """Cuts it off, as if its network had failed."""
        return bool(self._desk.checked_core().cut_off(self.id, self.number))

    def empty_outgoing_queue(self) -> int:
        """Forgets the messages that wait for it, and gives their number; those under way stay."""
        return int(self._desk.checked_core().empty_queue(self.id, self.number))

    def _session(self) -> tuple[Any, ...] | None:
        found: tuple[Any, ...] | None = self._desk.checked_core().session(self.id, self.number)
        return found

    def _need(self) -> tuple[Any, ...]:
        found = self._session()
        if found is None:
            raise self._gone()
        return found

    def _gone(self) -> ClientClosed:
        return ClientClosed(f"client {self.id!r} is not connected any more")
