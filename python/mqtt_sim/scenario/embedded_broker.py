"""The broker inside this process: what a user may set about it, in a scenario, a configuration file, or in Python.

The names and defaults are those of the core's BrokerOptions; a test holds them together.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from mqtt_sim.errors import Fault, Faults
from mqtt_sim.quantity import to_ns
from mqtt_sim.scenario.fields import (
    ByteLimit,
    Duration,
    Limit,
    Limit16,
    Port,
    PositiveDuration,
    ProtocolVersion,
    Qos,
    WholeSeconds,
    at_most,
)
from mqtt_sim.scenario.part import Part

LARGEST_PACKET = 268_435_460
"""Bytes of the largest packet that MQTT has, fixed header included."""

_IN_NANOSECONDS = ("connect_timeout", "close_timeout", "drain_timeout", "sys_interval")
_IN_SECONDS = ("max_keep_alive", "max_session_expiry")
PATHS = ("users_file", "acl_file")


class Listener(Part):
    """One of several ways in."""

    name: str | None = Field(None, min_length=1, max_length=100, description="for messages; null: listener-1, -2, ...")
    host: str | None = Field(None, min_length=1, description="address to listen on; null: the broker's host")
    port: Port = Field(0, description="0: any free one")
    protocol_versions: list[ProtocolVersion] = Field(
        ["3.1", "3.1.1", "5.0"], min_length=1, description="of MQTT, that it takes"
    )
    max_connections: Limit | None = Field(None, description="clients by this way; null: as many as the broker takes")
    allow_anonymous: bool = Field(True, description="false here or in the broker: clients must give a user name")


class EmbeddedBroker(Part):
    """The broker inside this process."""

    host: str = Field("127.0.0.1", min_length=1, description="address to listen on")
    port: Port = Field(0, description="0: any free one; in virtual time 1883")
    listeners: list[Listener] = Field([], description="several ways in, instead of `port`")

    users_file: str | None = Field(None, min_length=1, description="password file of mosquitto_passwd; null: none")
    acl_file: str | None = Field(None, min_length=1, description="access rights in Mosquitto's format; null: all may")
    credentials: dict[str, str] = Field({}, description="user names and passwords, beside those of the file")
    allow_anonymous: bool = Field(True, description="whether clients may leave out the user name")
    profile: Literal["standard", "diffusion", "mosca"] = Field(
        "standard", description="behave like another system, for testing clients"
    )
    on_qos2_publish: Literal["ignore", "noack", "drop_to_qos1", "disconnect"] = Field(
        "drop_to_qos1", description="what the profile mosca, which has no QoS 2, does with it"
    )
    sys_interval: Duration = Field(0.0, description="between publications of the $SYS topics; 0s: none")

    max_connections: Limit = Field(1_000_000, description="clients at a time")
    max_half_open: Limit = Field(100_000, description="streams without an accepted CONNECT")
    connect_timeout: PositiveDuration = Field(10.0, description="longest wait for CONNECT")
    close_timeout: PositiveDuration = Field(5.0, description="longest wait for a client to take our last words")
    max_keep_alive: WholeSeconds = Field(0.0, description="longer or none is told to be this; 0s: no limit")

    max_packet_size: ByteLimit = Field(
        2_000_005, ge=1, le=LARGEST_PACKET, description="of a whole packet from a client, fixed header included"
    )
    receive_maximum: int = Field(1024, ge=1, le=65_535, description="QoS 1 and 2 messages under way from a 5.0 client")
    topic_alias_maximum: Limit16 = Field(16, description="aliases that a 5.0 client may set; also most we set")
    max_topic_length: Limit = Field(65_535, description="bytes of a topic name or filter")
    max_topic_levels: Limit = Field(128, description="levels of a topic name or filter")
    max_user_properties: Limit = Field(1000, description="user properties in one packet")
    max_client_id_length: Limit16 = Field(65_535, description="bytes of a client identifier")
    max_client_id_length_v3_1: Limit16 = Field(23, description="the same for a 3.1 client, whose standard says 23")

    max_qos: Qos = Field(2, description="highest QoS of a PUBLISH; subscriptions are lowered to it")
    retain_available: bool = Field(True, description="retained messages")
    wildcard_available: bool = Field(True, description="wildcards in filters")
    shared_available: bool = Field(True, description="shared subscriptions")
    subscription_identifiers_available: bool = Field(True, description="subscription identifiers")

    max_sessions: Limit = Field(1_000_000, description="sessions, connected or kept")
    max_session_expiry: WholeSeconds | None = Field(None, description="longer is shortened and told; null: no limit")
    max_subscriptions_per_client: Limit = Field(1_000_000, description="subscriptions of one session")
    max_inflight: int = Field(65_535, ge=1, le=65_535, description="unacknowledged messages to a 5.0 client")
    max_inflight_below_v5: int = Field(1024, ge=1, le=65_535, description="the same to a 3.x client")
    max_queued: Limit = Field(100_000, description="messages waiting in a session, then `drop_policy`")
    max_queued_bytes: ByteLimit = Field(64 * 2**20, description="bytes waiting in a session, likewise")
    drop_policy: Literal["newest", "oldest", "disconnect"] = Field(
        "newest", description="what a full queue drops: the arriving message, the oldest, or the client"
    )
    queue_qos0: bool = Field(False, description="keep QoS 0 messages too for clients that are away")
    upgrade_outgoing_qos: bool = Field(False, description="deliver at the subscription's QoS even when it is higher")
    drain_timeout: Duration = Field(
        60.0, description="a client that reads nothing for so long, its output full, is cut off; 0s: never"
    )
    output_limit: ByteLimit = Field(
        16 * 2**20, description="bytes a connection may leave unread: above it QoS 0 is dropped, QoS 1 and 2 wait"
    )

    max_retained: Limit = Field(1_000_000, description="retained messages")
    max_retained_bytes: ByteLimit = Field(256 * 2**20, description="bytes of retained messages")

    @field_validator("max_keep_alive")
    @classmethod
    def _fits_two_bytes(cls, value: float) -> float:
        return at_most(value, 65_535, "65535s, the longest keep alive of MQTT")

    @field_validator("max_session_expiry")
    @classmethod
    def _fits_four_bytes(cls, value: float | None) -> float | None:
        return None if value is None else at_most(value, 4_294_967_295, "4294967295s, the longest session expiry")

    @model_validator(mode="after")
    def _fits_together(self) -> EmbeddedBroker:
        faults = []
        if self.listeners and "port" in self.model_fields_set:
            faults.append(
                Fault("port", "should be left out beside listeners, which have ports of their own", self.port)
            )
        names = [listener.name for listener in self.listeners]
        for index, name in enumerate(names):
            if name is not None and name in names[:index]:
                faults.append(Fault(f"listeners[{index}].name", "another listener has this name", name))
        if faults:
            raise Faults(faults)
        return self

    def to_core(self) -> dict[str, Any]:
        """As the core takes it: every limit, in the core's units."""
        options = self.model_dump(exclude_none=True)
        for name in _IN_NANOSECONDS:
            options[f"{name}_ns"] = to_ns(options.pop(name))
        for name in _IN_SECONDS:
            if name in options:
                options[f"{name}_s"] = int(options.pop(name))
        if self.listeners:
            del options["port"]
        else:
            del options["listeners"]
        return options

    def paths(self) -> dict[str, str]:
        """The files that it names, by field."""
        return {name: path for name in PATHS if (path := getattr(self, name)) is not None}

    def shown(self) -> dict[str, Any]:
        """As JSON with every default filled in and every password hidden; but for these it reads back as the same."""
        document = self.model_dump(mode="json")
        document["credentials"] = dict.fromkeys(self.credentials, "***")
        if self.listeners:
            del document["port"]
        return document
