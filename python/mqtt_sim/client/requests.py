"""Requests and their responses, MQTT 5.0 (section 4.10): one response topic, told apart by correlation data."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any

from mqtt_sim.client.message import Message
from mqtt_sim.errors import ResponseTimeout

if TYPE_CHECKING:
    from mqtt_sim.client.client import Client
    from mqtt_sim.client.payload import Payload


class Requests:
    """Those of one client that wait for their response."""

    def __init__(self) -> None:
        self._waiting: dict[bytes, asyncio.Future[Message]] = {}
        self._topic: str | None = None
        self._subscribing: asyncio.Future[Any] | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether any response may come."""
        return bool(self._waiting)

    async def request(
        self, client: Client, topic: str, payload: Payload, timeout: float, qos: int, properties: dict[str, Any]
    ) -> Message:
        """See Client.request."""
        correlation = properties.pop("correlation_data", None) or secrets.token_bytes(8)
        response: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[correlation] = response
        try:
            async with asyncio.timeout(timeout):
                to = await self._response_topic(client)
                await client.publish(
                    topic,
                    payload,
                    qos,
                    properties={**properties, "response_topic": to, "correlation_data": correlation},
                )
                return await response
        except TimeoutError:
            raise ResponseTimeout(f"no response on {self._topic!r} to {topic!r} within {timeout:g} s") from None
        finally:
            del self._waiting[correlation]

    async def _response_topic(self, client: Client) -> str:
        """Subscribed to once; the engine does so again on a connection that does not know."""
        if self._topic is None:
            told = (client.connack.properties if client.connack else {}).get("response_information")
            self._topic = f"{told or 'mqtt-sim/responses'}/{client.client_id}"
        if self._subscribing is None or (self._subscribing.done() and self._subscribing.exception() is not None):
            self._subscribing = client.subscribe(self._topic, qos=1)
        await asyncio.shield(self._subscribing)
        return self._topic

    def take(self, messages: list[Message]) -> list[Message]:
        """Without those that are responses to requests."""
        others = []
        for message in messages:
            response = self._waiting.get(message.correlation_data or b"") if message.topic == self._topic else None
            if response is None:
                others.append(message)
            elif not response.done():
                response.set_result(message)
        return others
