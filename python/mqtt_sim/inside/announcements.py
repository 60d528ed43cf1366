"""What a broker tells of itself below $SYS/<id>, as mosca and aedes do, when their settings ask for it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mqtt_sim.broker import Broker
    from mqtt_sim.inside.client import BrokerClient
    from mqtt_sim.inside.message import SubscribedTopic


@dataclass
class Announcements:
    """Which of them. With a heartbeat all of them, and about subscriptions as aedes words them: one a packet."""

    broker_id: str | None = None
    clients: bool = False
    disconnects: bool = False
    subscriptions: bool = False
    heartbeat_interval_s: float | None = None

    def attach(self, broker: Broker) -> None:
        """Begins to publish; the broker takes the identifier, where there is one."""
        if self.broker_id is not None:
            broker.id = self.broker_id
        at = f"$SYS/{broker.id}"
        beats = self.heartbeat_interval_s is not None
        if self.clients or beats:
            broker.on("client_connected", lambda client: broker.publish(f"{at}/new/clients", client.id))
        if self.disconnects or beats:
            broker.on("client_disconnecting", lambda client: broker.publish(f"{at}/disconnect/clients", client.id))
        if self.heartbeat_interval_s is not None:
            _tell_subscriptions_as_aedes(broker, at)
            _Heartbeat(broker, at, self.heartbeat_interval_s)
        elif self.subscriptions:
            _tell_subscriptions_as_mosca(broker, at)


def _json(**values: Any) -> str:
    return json.dumps(values, separators=(",", ":"), ensure_ascii=False)


def _tell_subscriptions_as_mosca(broker: Broker, at: str) -> None:
    def told(client: BrokerClient, topic: str) -> str:
        return _json(clientId=client.id, topic=topic)

    broker.on("subscribed", lambda topic, by: broker.publish(f"{at}/new/subscribes", told(by, topic)))
    broker.on("unsubscribed", lambda topic, by: broker.publish(f"{at}/new/unsubscribes", told(by, topic)))


def _tell_subscriptions_as_aedes(broker: Broker, at: str) -> None:
    @broker.on("subscribe")
    def subscribed(topics: list[SubscribedTopic], client: BrokerClient) -> None:
        subs = [{"topic": topic, "qos": topic.qos} for topic in topics]
        broker.publish(f"{at}/new/subscribes", _json(clientId=client.id, subs=subs))

    @broker.on("unsubscribe")
    def unsubscribed(topics: list[str], client: BrokerClient) -> None:
        broker.publish(f"{at}/new/unsubscribes", _json(clientId=client.id, subs=topics))


class _Heartbeat:
    """birth once, then heartbeat in its interval, on the loop that calls handlers."""

    def __init__(self, broker: Broker, at: str, interval_s: float) -> None:
        self._broker = broker
        self._at = at
        self._interval_s = interval_s
        self._next: asyncio.TimerHandle | None = None
        broker.on("ready", self._begin)
        broker.on("closed", self._end)

    def _begin(self) -> None:
        self._broker.publish(f"{self._at}/birth", self._broker.id)
        self._wait()

    def _wait(self) -> None:
        self._next = asyncio.get_running_loop().call_later(self._interval_s, self._beat)

    def _beat(self) -> None:
        if self._broker.closed:
            return
        self._broker.publish(f"{self._at}/heartbeat", self._broker.id)
        self._wait()

    def _end(self) -> None:
        if self._next is not None:
            self._next.cancel()
