"""The broker inside this process: what a user may set about it, in a scenario, a configuration file, or in Python.

The names and defaults are those of the core's BrokerOptions; a test holds them together.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from mqtt_sim.errors import NOTHING, Fault, Faults
from mqtt_sim.quantity import to_ns
from mqtt_sim.scenario.fields import (
    ByteLimit,
    Duration,
    KeepAlive,
    Limit,
    Limit16,
    Port,
    PositiveDuration,
    Qos,
    WholeSeconds,
    at_most,
)
from mqtt_sim.scenario.listener import TLS_FILES, Listener, ListenerTls, TlsChoice, WayIn
from mqtt_sim.scenario.listener_http import WEB_FILES
from mqtt_sim.scenario.path import Step, parse_path

LARGEST_PACKET = 268_435_460
"""Bytes of the largest packet that MQTT has, fixed header included."""

_IN_NANOSECONDS = ("connect_timeout", "close_timeout", "drain_timeout", "sys_interval")
_IN_SECONDS = ("max_keep_alive", "max_session_expiry")
PATHS = ("users_file", "acl_file")
OF_ONE_LISTENER = tuple(name for name in WayIn.model_fields if name != "host")
"""Fields that say something about the only listener."""
_OF_WAYS_IN = {*WayIn.model_fields, "listeners"}
_OF_PYTHON = {"log_level", "log_format"}


class EmbeddedBroker(WayIn):
    """The broker inside this process."""

    host: str = Field("127.0.0.1", min_length=1, description="address to listen on")
    port: Port = Field(0, description="0: any free one; in virtual time 1883")
    protocols: list[Literal["mqtt", "websocket", "http"]] = Field(
        ["mqtt", "websocket", "http"], min_length=1, description="what is spoken there; told apart by the first bytes"
    )
    tls: TlsChoice = Field(
        "auto", description="`auto` (a certificate and its CA are made at start), `off`, or an object, see Listeners"
    )
    plain_beside_tls: bool | None = Field(
        None, description="take streams without TLS on the same port too; null: when `tls` is `auto`"
    )
    listeners: list[Listener] = Field([], description="several ways in, instead of all options above but `host`")

    users_file: str | None = Field(None, min_length=1, description="password file of mosquitto_passwd; null: none")
    acl_file: str | None = Field(None, min_length=1, description="access rights in Mosquitto's format; null: all may")
    credentials: dict[str, str] = Field({}, description="user names and passwords, beside those of the file")
    allow_anonymous: bool = Field(True, description="whether clients may come without a user name that is known")
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
    max_keep_alive: KeepAlive = Field(0.0, description="longer or none is told to be this; 0s: no limit")

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

    log_level: Literal["off", "error", "warning", "info", "debug"] = Field(
        "off", description="what a broker that is no scenario's tells Python's logging"
    )
    log_format: Literal["text", "json"] = Field("text", description="of the lines that `mqtt-sim broker` writes then")

    @field_validator("max_session_expiry")
    @classmethod
    def _fits_four_bytes(cls, value: float | None) -> float | None:
        return None if value is None else at_most(value, 4_294_967_295, "4294967295s, the longest session expiry")

    @model_validator(mode="after")
    def _fits_together(self) -> EmbeddedBroker:
        if faults := [*self._faults_of_listeners(), *self._faults_of_openness()]:
            raise Faults(faults)
        return self

    def _faults_of_listeners(self) -> Iterator[Fault]:
        if not self.listeners:
            return
        for field in OF_ONE_LISTENER:
            if field in self.model_fields_set:
                value = NOTHING if field == "tls" else getattr(self, field)
                yield Fault(field, "should be left out beside listeners, each of which has its own", value)
        names = [listener.name for listener in self.listeners]
        for index, name in enumerate(names):
            if name is not None and name in names[:index]:
                yield Fault(f"listeners[{index}].name", "another listener has this name", name)

    def _faults_of_openness(self) -> Iterator[Fault]:
        """Other machines may come in without a name only where somebody has said so."""
        for path, way in self.ways_in():
            host = way.host or self.host
            is_said = "allow_anonymous" in self.model_fields_set | way.model_fields_set
            if is_said or way.unix is not None or is_loopback(host) or way.demands_certificates:
                continue
            remedy = (
                "can be reached from other machines, so say whether clients may come without a user name: "
                '"allow_anonymous" false (--no-anonymous) or true (--allow-anonymous)'
            )
            yield Fault(f"{path}host", remedy, host)

    def ways_in(self) -> list[tuple[str, WayIn]]:
        """All listeners, with the beginning of their paths: `listeners[0].`; or itself."""
        return [(f"listeners[{index}].", way) for index, way in enumerate(self.listeners)] or [("", self)]

    def to_core(self) -> dict[str, Any]:
        """As the core takes it: every limit, in the core's units."""
        options = self.model_dump(exclude_none=True, exclude=_OF_WAYS_IN | _OF_PYTHON)
        for name in _IN_NANOSECONDS:
            options[f"{name}_ns"] = to_ns(options.pop(name))
        for name in _IN_SECONDS:
            if name in options:
                options[f"{name}_s"] = int(options.pop(name))
        if any("http" in way.protocols for _, way in self.ways_in()):
            options["web_files"] = str(WEB_FILES)
        if not self.listeners:
            return self.way_to_core() | options
        return options | {"host": self.host, "listeners": [listener.to_core() for listener in self.listeners]}

    def paths(self) -> dict[str, str]:
        """The files that it names, by field."""
        return {name: path for name in PATHS if (path := getattr(self, name)) is not None}

    def reloaded_paths(self) -> list[str]:
        """The files that are read again on demand, each once: users, rights, certificates and keys."""
        tls = [way.tls.paths() for _, way in self.ways_in() if isinstance(way.tls, ListenerTls)]
        read = [path for paths in tls for name, path in paths.items() if name != "key_log"]
        return list(dict.fromkeys([*self.paths().values(), *read]))

    def closed_ways_in(self) -> list[WayIn]:
        """Those that no client can come in by: a user name is demanded, and there are no users whom it could name."""
        if self.users_file is not None or self.credentials:
            return []
        return [
            way
            for _, way in self.ways_in()
            if way.speaks_mqtt
            and not way.certificate_name_as_user
            and not (self.allow_anonymous and getattr(way, "allow_anonymous", True))
        ]

    def anchored(self, directory: Path, but: Iterable[str] = ()) -> EmbeddedBroker:
        """With the files it names looked for in `directory`, except for what stands at or below the paths `but`."""
        kept = [parse_path(path) for path in but]

        def kept_at(*steps: Step) -> bool:
            return any(steps[: len(path)] == path for path in kept)

        def tls_of(way: WayIn, *steps: Step) -> dict[str, Any]:
            if not isinstance(way.tls, ListenerTls):
                return {}
            return {"tls": way.tls.anchored(directory, {name for name in TLS_FILES if kept_at(*steps, "tls", name)})}

        def http_of(way: WayIn, *steps: Step) -> dict[str, Any]:
            if way.http is None:
                return {}
            at = (*steps, "http", "static")
            kept_ones = {i for i in range(len(way.http.static)) if kept_at(*at) or kept_at(*at, i, "directory")}
            return {"http": way.http.anchored(directory, kept_ones)}

        files = {name: str(directory / path) for name, path in self.paths().items() if not kept_at(name)}
        listeners = [
            way.model_copy(update=tls_of(way, "listeners", index) | http_of(way, "listeners", index))
            for index, way in enumerate(self.listeners)
        ]
        changes = files | tls_of(self) | http_of(self) | ({"listeners": listeners} if listeners else {})
        return self.model_copy(update=changes)

    def shown(self) -> dict[str, Any]:
        """As JSON with every default filled in and every secret hidden; but for these it reads back as the same."""
        document = self.model_dump(mode="json", exclude=_OF_WAYS_IN)
        document["credentials"] = dict.fromkeys(self.credentials, "***")
        if not self.listeners:
            return self.way_shown() | document
        return {"host": self.host, "listeners": [listener.shown() for listener in self.listeners], **document}


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
