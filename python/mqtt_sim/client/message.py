"""What a client receives: messages, and what the broker answered to CONNECT."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from mqtt_sim.errors import ClientError


class Message(NamedTuple):
    """One PUBLISH from the broker."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    dup: bool
    packet_id: int
    """On the wire; 0 at QoS 0."""
    token: int
    """What Client.acknowledge() takes; 0 where nothing is left to acknowledge."""
    property_values: dict[str, Any] | None
    """See `properties`."""
    latency: float | None = None
    """Of a device in a run, where the sender stamped it: seconds from when it was meant to leave until it arrived."""

    @property
    def properties(self) -> dict[str, Any]:
        """By the standard's names ("content_type", "user_property" as pairs, ...); empty below MQTT 5.0."""
        return self.property_values or {}

    @property
    def response_topic(self) -> str | None:
        """Where an answer is to go; MQTT 5.0."""
        return self.properties.get("response_topic")

    @property
    def correlation_data(self) -> bytes | None:
        """What an answer has to carry; MQTT 5.0."""
        return self.properties.get("correlation_data")

    @property
    def user_properties(self) -> list[tuple[str, str]]:
        """Names and values in their order; MQTT 5.0."""
        return list(self.properties.get("user_property", ()))

    def text(self, errors: str = "strict") -> str:
        """The payload as UTF-8. Raises UnicodeDecodeError, or as `errors` of bytes.decode says."""
        return self.payload.decode(errors=errors)

    def json(self) -> Any:
        """The payload as JSON. Raises DecodeError."""
        try:
            return json.loads(self.payload)
        except ValueError as error:
            raise DecodeError(f"the payload on {self.topic} is no JSON: {error}", self) from None


class DecodeError(ClientError):
    """A payload is not what it was taken for; `received` is the message."""

    def __init__(self, text: str, received: Message) -> None:
        super().__init__(text)
        self.received = received


class Connack(NamedTuple):
    """CONNACK with success."""

    session_present: bool
    reason: int
    client_id: str
    """Ours, or the one that the broker assigned."""
    properties: dict[str, Any]
    """By the standard's names; empty below MQTT 5.0."""


class Packet(NamedTuple):
    """One packet on the wire, as the events packetsend and packetreceive show it: no payload, no password."""

    name: str
    """As in the standard: "PUBLISH"."""
    flags: int
    """The lower four bits of the first byte."""
    size: int
    """Bytes after the fixed header."""
    packet_id: int
    topic: str
    reason: int | None
    """Of packets that have a single one."""
