"""What handlers and hooks of a broker are given."""

from __future__ import annotations

import secrets
from typing import Any, NamedTuple

from mqtt_sim.client.message import Message

_PROCESS = secrets.token_hex(4)


class PublishedMessage(Message):
    """One message that the broker routed, or is about to.

    `packet_id` is that of the publisher's packet, `token` means nothing here.
    """

    __slots__ = ()

    def _replace(self, **changes: Any) -> PublishedMessage:
        """Another message with other fields: topic, payload, qos, retain, properties."""
        if "properties" in changes:
            changes["property_values"] = changes.pop("properties")
        return super()._replace(**changes)

    @property
    def message_id(self) -> str:
        """Its name among all messages that brokers of this process, and of other processes, ever told of."""
        return f"{_PROCESS}-{self.token:x}"

    @property
    def messageId(self) -> str:
        """The same, by mosca's name."""
        return self.message_id


class SubscribedTopic(str):
    """A topic filter, with the QoS that was granted."""

    __slots__ = ("qos",)

    qos: int

    def __new__(cls, topic: str, qos: int = 0) -> SubscribedTopic:
        made = super().__new__(cls, topic)
        made.qos = qos
        return made


class ConnackSent(NamedTuple):
    """The CONNACK that a client was sent."""

    reason: int
    """Reason code of MQTT 5.0, whatever the client speaks: 0, or 0x80 and above when it was refused."""
    session_present: bool


class ConnectRequest(NamedTuple):
    """What a CONNECT says, for the hook pre_connect."""

    client_id: str
    """Empty when the broker is to choose one."""
    username: str | None
    password: bytes | None
    will: PublishedMessage | None
    protocol_version: str
    clean: bool
    keepalive: int
