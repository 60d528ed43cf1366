"""How a client connects: the keywords of Client, judged, and as the core takes them."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from mqtt_sim.broker_url import BrokerUrl, parse_broker_url
from mqtt_sim.errors import Fault, Faults, UsageError, show_value
from mqtt_sim.proxy_url import parse_proxy_url
from mqtt_sim.scenario.complaint import faults_of
from mqtt_sim.scenario.fields import (
    Duration,
    KeepAlive,
    Limit16,
    MqttText,
    PacketSize,
    PositiveDuration,
    ProtocolVersion,
    ProxyUrl,
    Qos,
    SessionExpiry,
    UserProperties,
    WillDelay,
)
from mqtt_sim.scenario.part import Part
from mqtt_sim.scenario.transport import ClientTls, ClientWebSocket

LARGEST_PACKET = 268_435_460
_WIRE_VERSIONS = {"3.1": 3, "3.1.1": 4, "5.0": 5}

# Other spellings of fields, from MQTT.js.
_ALIASES = {
    "keepalive": "keep_alive",
    "clean": "clean_start",
    "session_expiry": "session_expiry_interval",
}
_TLS_ALIASES = {
    "key": "key",
    "key_path": "key",
    "cert": "certificate",
    "cert_path": "certificate",
    "ca": "ca",
    "reject_unauthorized": "reject_unauthorized",
    "server_name": "server_name",
    "alpn": "alpn",
}
_WEBSOCKET_ALIASES = {"ws_headers": "headers", "ws_subprotocols": "subprotocols"}


def _as_bytes(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode()
    return bytes(value) if isinstance(value, bytearray | memoryview) else value


Payload = Annotated[bytes, BeforeValidator(_as_bytes)]
"""Bytes, or a text to be written as UTF-8."""


def _check_binary(value: bytes | None) -> bytes | None:
    if value is not None and len(value) > 65_535:
        raise ValueError(f"should have at most 65535 bytes, found {len(value):,}")
    return value


BinaryData = Annotated[Payload, AfterValidator(_check_binary)]
"""What a CONNECT can carry: at most 65,535 bytes (section 1.5.6)."""


class LastWill(Part):
    """The message that the broker sends when the client is lost. Payload: bytes or text."""

    topic: MqttText
    payload: BinaryData = b""
    qos: Qos = 0
    retain: bool = False
    delay: WillDelay = Field(0.0, description="how long the broker waits for the client to come back; 5.0 only")
    properties: dict[str, Any] = Field({}, description="by the standard's names; 5.0 only")


class Login(Part):
    """Enhanced authentication, MQTT 5.0. SCRAM-SHA-256 is done here; any other method by the handler of "auth"."""

    method: MqttText = "SCRAM-SHA-256"
    username: str = ""
    password: str = Field("", repr=False)
    data: BinaryData = b""


class ClientOptions(Part):
    """What the keywords of Client mean. Durations are seconds, or texts such as "500ms"."""

    protocol_version: ProtocolVersion = Field("3.1.1", description="MQTT 3.1, 3.1.1 or 5.0; also 3, 4, 5")
    clean_start: bool = Field(True, description="begin without an old session (3.1.1: clean session)")
    session_expiry_interval: SessionExpiry = Field(0.0, description="how long the broker keeps the session; 5.0 only")
    keep_alive: KeepAlive = Field(60.0, description="longest silence before a ping; 0: none")
    client_id: MqttText | None = Field(None, description="client identifier; None: one that is made up")
    username: str | None = None
    password: BinaryData | None = Field(None, repr=False, description="never shown")
    will: LastWill | None = None
    connect_timeout: PositiveDuration = Field(30.0, description="longest wait for a connection and its CONNACK")
    reconnect_period: Duration = Field(1.0, description="pause before a lost connection is made again; 0: never")
    reconnect_period_max: Duration = Field(30.0, description="longest pause that the jitter draws")
    reconnect_jitter: Literal["none", "full"] = Field(
        "none", description="full: drawn from nothing up to a pause that doubles with each failure"
    )
    reconnect_on_connack_error: bool | None = Field(
        None, description="after a refusal; None: unless it says that the client will never be let in"
    )
    receive_maximum: int = Field(65_535, ge=1, le=65_535, description="most QoS 1, 2 messages on their way to us")
    in_flight_maximum: int = Field(65_535, ge=1, le=65_535, description="most unacknowledged publishes")
    maximum_packet_size: PacketSize = Field(LARGEST_PACKET, description="largest packet taken")
    adopt_session: bool = Field(False, description="take over a session that is not of this client; 5.0")
    authentication: Login | None = Field(None, description="5.0 only")
    user_properties: UserProperties = Field({}, description="of CONNECT; 5.0 only")
    request_problem_information: bool = True
    request_response_information: bool = False
    topic_alias: Literal["off", "use", "auto"] = Field(
        "off", description="use: those in the properties of a publish; auto: given out here; 5.0 only"
    )
    topic_alias_maximum: Limit16 = Field(0, description="most aliases that the broker may use; 5.0 only")
    manual_acknowledge: bool = Field(False, description="QoS 1, 2 messages wait for acknowledge()")
    resubscribe: bool = Field(True, description="subscribe again when a session was lost")
    queue_qos_zero: bool = Field(True, description="QoS 0 publishes wait for a connection, too")
    subscribe_batch_size: int = Field(0, ge=0, le=65_535, description="most filters in one SUBSCRIBE; 0: any number")
    queue_policy: Literal["wait", "drop_oldest", "drop_newest"] = Field(
        "wait", description="when messages are not read in time; wait: they stay in the socket"
    )
    queue_limit: int = Field(10_000, ge=1, le=10_000_000, description="messages received and not yet read")
    queue_bytes_limit: int = Field(64 * 1024 * 1024, ge=1, description="bytes of them; with wait")
    outgoing_limit: int = Field(100_000, ge=1, description="publishes without an answer; more raise QueueFull")
    outgoing_bytes_limit: int = Field(LARGEST_PACKET, ge=1, description="bytes of them")
    tls: ClientTls | None = Field(None, description="of mqtts and wss")
    websocket: ClientWebSocket | None = Field(None, description="of ws and wss")
    proxy: ProxyUrl | None = Field(
        None, repr=False, description="socks5://, socks5h:// (which looks names up) or http:// URL to go through"
    )
    reschedule_pings: Literal[True] = Field(True, description="a ping leaves only after silence; there is no other way")
    servers: list[str] = Field([], description="more URLs, tried in turn after a failed attempt")

    @model_validator(mode="after")
    def _fits_together(self) -> ClientOptions:
        faults = []
        if not self.clean_start and not self.client_id:
            faults.append(Fault("client_id", "should name the session that clean_start=False continues"))
        if self.protocol_version != "5.0":
            faults += [
                Fault(name, 'needs protocol_version="5.0"', getattr(self, name))
                for name in ("session_expiry_interval", "user_properties", "topic_alias_maximum")
                if getattr(self, name)
            ]
            faults += [Fault("authentication", 'needs protocol_version="5.0"')] if self.authentication else []
            faults += [Fault("topic_alias", 'needs protocol_version="5.0"')] if self.topic_alias != "off" else []
            if self.will and (self.will.delay or self.will.properties):
                faults.append(Fault("will", 'properties and delay need protocol_version="5.0"'))
        if self.protocol_version == "3.1" and self.client_id is not None and not 1 <= len(self.client_id) <= 23:
            faults.append(Fault("client_id", "should have 1 to 23 characters in MQTT 3.1", self.client_id))
        if self.password is not None and self.username is None and self.protocol_version != "5.0":
            faults.append(Fault("password", "needs a username below MQTT 5.0 [MQTT-3.1.2-22]"))
        if faults:
            raise Faults(faults)
        return self


def read_options(options: dict[str, Any]) -> ClientOptions:
    """Keywords as options. Raises UsageError, which names the nearest keyword for one that there is not."""
    try:
        return ClientOptions.model_validate(_in_our_words(options))
    except ValidationError as error:
        raise UsageError("Client: " + "; ".join(map(str, faults_of(error, ClientOptions)))) from None


def _in_our_words(options: dict[str, Any]) -> dict[str, Any]:
    ours: dict[str, Any] = {}
    tls, websocket = _parts_of(options.get("tls")), _parts_of(options.get("websocket"))
    for name, value in options.items():
        if name in _TLS_ALIASES:
            tls.update(_tls_value(_TLS_ALIASES[name], value))
        elif name in _WEBSOCKET_ALIASES:
            websocket[_WEBSOCKET_ALIASES[name]] = value
        elif name not in ("tls", "websocket"):
            is_part = name in ("will", "authentication") and value is not None
            ours[_ALIASES.get(name, name)] = _parts_of(value) if is_part else value
    for name, parts in (("tls", tls), ("websocket", websocket)):
        if parts or options.get(name) is not None:
            ours[name] = parts
    return ours


def _parts_of(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    given = value.model_dump(exclude_unset=True) if isinstance(value, Part) else value
    if not isinstance(given, dict):
        raise UsageError(f"Client: should be a dictionary of options, found {given!r}")
    return {name: os.fspath(item) if isinstance(item, Path) else item for name, item in given.items()}


def _tls_value(name: str, value: Any) -> dict[str, Any]:
    """A file's name or the PEM text itself, as the two fields that TLS options have for them."""
    values = [os.fspath(item) if isinstance(item, Path) else item for item in _listed(value)]
    pem = [item if isinstance(item, str) else item.decode() for item in values if _is_pem(item)]
    if not pem:
        return {name: values if name in ("ca", "alpn") else values[0]}
    files = [item for item in values if not _is_pem(item)]
    return {f"{name}_pem": "\n".join(pem), **({name: files} if files else {})}


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _is_pem(value: Any) -> bool:
    return (isinstance(value, str) and "-----BEGIN" in value) or (isinstance(value, bytes) and b"-----BEGIN" in value)


def read_urls(url: str, options: ClientOptions) -> list[BrokerUrl]:
    """Where the client leads, the first target first. Raises UsageError."""
    urls = []
    for one in (url, *options.servers):
        if not isinstance(one, str):
            raise UsageError(f"the URL of a broker should be a text, found {type(one).__name__}")
        try:
            urls.append(parse_broker_url(one))
        except ValueError as error:
            raise UsageError(f"{show_value(one)}: {error}") from None
    return urls


def to_targets(urls: Sequence[BrokerUrl], options: ClientOptions) -> list[str]:
    """As the core takes them."""
    return [json.dumps(_target(url, options)) for url in urls]


def _target(url: BrokerUrl, options: ClientOptions) -> dict[str, Any]:
    target: dict[str, Any] = {**url.place(), "transport": url.transport}
    if url.transport in ("tls", "wss"):
        target["tls"] = (options.tls or ClientTls()).to_core()
    if url.transport in ("ws", "wss"):
        target["websocket"] = (options.websocket or ClientWebSocket()).to_core(options.protocol_version, url.path)
    if options.proxy is not None:
        if url.unix or url.memory:
            raise UsageError("proxy: leads to hosts; leave it out for a broker of this machine or process")
        target["proxy"] = parse_proxy_url(options.proxy)
    return target


def to_core(
    options: ClientOptions, url: BrokerUrl, encode: Any, *, client_id: str, keeps_session: bool
) -> dict[str, Any]:
    """Every option in the core's words. `encode` makes bytes of property pairs, as property.encode_properties."""
    return {
        **options.model_dump(
            exclude={
                "reschedule_pings",
                "tls",
                "websocket",
                "proxy",
                "servers",
                "will",
                "authentication",
                "user_properties",
            }
        ),
        "protocol_version": _WIRE_VERSIONS[options.protocol_version],
        "keep_alive": int(options.keep_alive),
        "session_expiry_interval": int(options.session_expiry_interval),
        "client_id": client_id,
        "keeps_session": keeps_session,
        "username": options.username if options.username is not None else url.username,
        "password": options.password if options.password is not None else _utf8(url.password),
        "seed": secrets.randbits(64),
        "user_properties": list(options.user_properties.items()),
        "will": None if options.will is None else _will(options.will, encode),
        "authentication": None if options.authentication is None else options.authentication.model_dump(),
    }


def made_up_client_id() -> str:
    """New each time, and short enough for MQTT 3.1."""
    return f"mqtt-sim-{secrets.token_hex(6)}"


def _utf8(text: str | None) -> bytes | None:
    return None if text is None else text.encode()


def _will(will: LastWill, encode: Any) -> dict[str, Any]:
    delay = {"will_delay_interval": int(will.delay)} if will.delay else {}
    return {
        **will.model_dump(exclude={"delay", "properties"}),
        "properties": encode({**will.properties, **delay}, "will"),
    }
