"""The events of a broker under its own, mosca's and aedes's names, and their handlers."""

from __future__ import annotations

import asyncio

from mqtt_sim.client.handlers import Handler, Handlers
from mqtt_sim.errors import UsageError
from mqtt_sim.suggestion import did_you_mean

EVENTS = {
    "ready": "all listeners accept",
    "closed": "the broker has ended",
    "error": "error: Exception; of a listener, or raised by a handler",
    "client": "client; CONNECT accepted, CONNACK not yet sent",
    "connack_sent": "packet: ConnackSent, client; also when it says no",
    "client_connected": "client; after CONNACK",
    "client_disconnecting": "client; its subscriptions are still there",
    "client_disconnected": "client; client.reason says why",
    "client_error": "client, error: PeerError; it will be disconnected",
    "connection_error": "client, error: PeerError; of a stream that never became a client",
    "keepalive_timeout": "client",
    "subscribe": "subscriptions: list[SubscribedTopic], client; those of one packet that were granted",
    "subscribed": "topic: SubscribedTopic, client; for each filter that was granted",
    "unsubscribe": "topics: list[str], client",
    "unsubscribed": "topic: str, client; also when a session ends with its connection",
    "published": "packet: PublishedMessage, client; client is None for messages of the broker",
    "ack": "packet: PublishedMessage, client; the client answered with PUBACK or PUBREC",
    "ping": "packet: Packet, client",
}
"""Each event with the arguments of its handlers, or when it comes."""

ALIASES = {
    "clientConnected": "client_connected",
    "clientReady": "client_connected",
    "client_ready": "client_connected",
    "clientDisconnecting": "client_disconnecting",
    "clientDisconnected": "client_disconnected",
    "clientDisconnect": "client_disconnected",
    "client_disconnect": "client_disconnected",
    "clientError": "client_error",
    "connectionError": "connection_error",
    "keepaliveTimeout": "keepalive_timeout",
    "connackSent": "connack_sent",
    "publish": "published",
    "delivered": "ack",
    "pingreq": "ping",
}
"""Other names of the same events: mosca's and aedes's."""

CLIENT, CONNACK_SENT, CONNECTED, DISCONNECTING, DISCONNECTED = range(5)
SUBSCRIBED, UNSUBSCRIBED, PUBLISHED, SYS_PUBLISHED, ACKNOWLEDGED, PING, KEEP_ALIVE_TIMEOUT, FAILED = range(5, 13)
QUESTION, SETTLED = 100, 101

_KINDS = {
    "client": CLIENT,
    "connack_sent": CONNACK_SENT,
    "client_connected": CONNECTED,
    "client_disconnecting": DISCONNECTING,
    "client_disconnected": DISCONNECTED,
    "client_error": FAILED,
    "connection_error": FAILED,
    "keepalive_timeout": KEEP_ALIVE_TIMEOUT,
    "subscribe": SUBSCRIBED,
    "subscribed": SUBSCRIBED,
    "unsubscribe": UNSUBSCRIBED,
    "unsubscribed": UNSUBSCRIBED,
    "published": PUBLISHED,
    "ack": ACKNOWLEDGED,
    "ping": PING,
}


def event_name(event: str) -> str:
    """Our name of it. Raises UsageError for an event that there is not."""
    name = ALIASES.get(event, event)
    if name not in EVENTS:
        raise UsageError(f'there is no event "{event}"; {did_you_mean(str(event), [*EVENTS, *ALIASES])}')
    return name


class BrokerHandlers(Handlers):
    """The handlers of one broker."""

    def __init__(self, owner: object) -> None:
        super().__init__(owner, EVENTS)

    def is_empty(self) -> bool:
        """Nobody listens for anything."""
        return not any(self._by_event.values())

    async def finish(self) -> None:
        """Waits for the coroutines that were begun."""
        while self._tasks:
            await asyncio.wait(tuple(self._tasks))

    def kinds(self, include_sys: bool) -> int:
        """What somebody listens for, as the engine's set of bits."""
        bits = 0
        for event, kind in _KINDS.items():
            if self.has(event):
                bits |= 1 << kind
        if include_sys and self.has("published"):
            bits |= 1 << SYS_PUBLISHED
        return bits


__all__ = ["ALIASES", "EVENTS", "BrokerHandlers", "Handler", "event_name"]
