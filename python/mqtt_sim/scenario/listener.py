"""One way in to the embedded broker: where it listens, what is spoken there, and how it is secured."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from mqtt_sim.broker_url import UNIX_SCHEME
from mqtt_sim.errors import Fault, Faults
from mqtt_sim.quantity import to_ns
from mqtt_sim.scenario.complaint import faults_of
from mqtt_sim.scenario.fields import (
    ByteLimit,
    HttpPath,
    Limit,
    Port,
    PositiveDuration,
    ProtocolVersion,
    TlsVersion,
)
from mqtt_sim.scenario.listener_http import ListenerHttp
from mqtt_sim.scenario.part import Part

UNIX_PATH_BYTES_LIMIT = 107
"""What the system's address of a Unix socket can hold."""
TLS_FILES = ("certificate", "key", "ca", "ca_directory", "crl", "key_log")
"""Fields of ListenerTls that name files."""
SECRETS = ("key_pem", "key_password")

_File = Annotated[
    str, Field(min_length=1), BeforeValidator(lambda file: os.fspath(file) if isinstance(file, os.PathLike) else file)
]
_Text = Annotated[str, Field(min_length=1)]


class ListenerTls(Part):
    """The certificate of a listener, and what it wants of its clients."""

    certificate: _File | None = Field(None, description="PEM file of the certificate and its chain")
    certificate_pem: _Text | None = Field(None, description="the certificate itself, as text")
    key: _File | None = Field(None, description="PEM file of its private key")
    key_pem: _Text | None = Field(None, description="the key itself, as text; no report shows it")
    key_password: _Text | None = Field(None, description="of an encrypted key; no report shows it")
    client_certificate: Literal["ignored", "requested", "required"] = Field(
        "ignored", description="whether clients show one; one that is only requested may be missing, but must be good"
    )
    ca: _File | None = Field(None, description="PEM file of the CAs whose client certificates are believed")
    ca_directory: _File | None = Field(None, description="every PEM file in it")
    ca_pem: _Text | None = Field(None, description="the CA itself, as text")
    crl: _File | None = Field(None, description="PEM file of revoked client certificates")
    min_version: TlsVersion = Field("1.2", description="lowest version of TLS")
    ciphers: _Text | None = Field(None, description="OpenSSL's list for TLS 1.2; null: its default")
    ciphersuites: _Text | None = Field(None, description="the same for TLS 1.3")
    alpn: list[_Text] = Field([], description="application protocols, the best first")
    session_tickets: int = Field(1, ge=0, le=16, description="sent for each TLS 1.3 session; 0: nobody resumes")
    key_log: _File | None = Field(None, description="secrets of all sessions are appended to it, for Wireshark")

    @model_validator(mode="after")
    def _fits_together(self) -> ListenerTls:
        faults = [
            Fault(text, f'give "{file}" or "{text}", not both')
            for file, text in (("certificate", "certificate_pem"), ("key", "key_pem"))
            if getattr(self, file) is not None and getattr(self, text) is not None
        ]
        if self.certificate is None and self.certificate_pem is None:
            remedy = 'is missing; give its file, or say "tls": "auto" to have one made at start'
            faults.append(Fault("certificate", remedy))
        elif self.key is None and self.key_pem is None:
            faults.append(Fault("key", "is missing; give the file of the certificate's private key"))
        if self.client_certificate != "ignored" and not (self.ca or self.ca_directory or self.ca_pem):
            remedy = 'needs "ca", the file of the CAs whose client certificates are believed'
            faults.append(Fault("client_certificate", remedy, self.client_certificate))
        if faults:
            raise Faults(faults)
        return self

    def shown(self) -> dict[str, Any]:
        """As JSON without its secrets."""
        document = self.model_dump(mode="json")
        return document | {name: "***" for name in SECRETS if document[name] is not None}

    def anchored(self, directory: Path, but: set[str]) -> ListenerTls:
        """With its files looked for in `directory`, except for the fields `but`."""
        named = {name: file for name, file in self.paths().items() if name not in but}
        return self.model_copy(update={name: str(directory / file) for name, file in named.items()})

    def paths(self) -> dict[str, str]:
        """The files that it names, by field."""
        return {name: path for name in TLS_FILES if (path := getattr(self, name)) is not None}


def _read_tls(value: Any) -> Any:
    if isinstance(value, ListenerTls) or value in ("auto", "off"):
        return value
    if not isinstance(value, dict):
        raise ValueError('should be "auto", "off", or an object such as {"certificate": "a.pem", "key": "a-key.pem"}')
    try:
        return ListenerTls.model_validate(value)
    except ValidationError as error:
        raise Faults(faults_of(error, ListenerTls)) from None


TlsChoice = Annotated[Literal["auto", "off"] | ListenerTls, BeforeValidator(_read_tls)]


class ListenerWebSocket(Part):
    """Which requests open a WebSocket."""

    paths: list[HttpPath] = Field([], description="paths that open one; empty: any")
    subprotocols: list[_Text] = Field(["mqtt", "mqttv3.1", "mqttv3.1.1"], description="taken when the client offers it")
    origins: list[_Text] = Field([], description="pages that may, as scheme://host[:port]; empty: all")
    max_frame: ByteLimit = Field(16 * 2**20, ge=1, description="bytes of one frame")


def _read_network(text: str) -> str:
    try:
        _ = None if text == "unix" else ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError('should be an address, a network such as "10.0.0.0/8", or "unix"') from None
    return text


class WayIn(Part):
    """What a listener has in common with a broker that is its own only listener."""

    host: str | None = Field(None, min_length=1, description="address to listen on; null: the broker's host")
    port: Port = Field(0, description="0: any free one")
    unix: _File | None = Field(None, description="path of a Unix socket, instead of host and port")
    protocols: list[Literal["mqtt", "websocket", "http"]] = Field(
        ["mqtt"], min_length=1, description="what is spoken: `mqtt`, `websocket`, `http`; told apart by the first bytes"
    )
    tls: TlsChoice = Field(
        "off", description="`off`, `auto` (a certificate and its CA are made at start), or an object, see below"
    )
    plain_beside_tls: bool | None = Field(False, description="with TLS: take streams without it on the same port too")
    certificate_name_as_user: bool = Field(
        False, description="the common name of the client's certificate is its user name, whatever it says"
    )
    websocket: ListenerWebSocket | None = Field(None, description="an object, see below; null: any WebSocket for MQTT")
    http: ListenerHttp | None = Field(None, description="an object, see below; null: our pages and nothing else")
    proxy_protocol: bool = Field(False, description="trusted proxies send a PROXY header first, version 1 or 2")
    trusted_proxies: list[Annotated[str, AfterValidator(_read_network)]] = Field(
        [], description="their addresses or networks; `unix` for a Unix socket"
    )
    handshake_timeout: PositiveDuration | None = Field(
        None, description="longest wait for PROXY header, TLS and upgrade, each; null: connect_timeout"
    )

    @model_validator(mode="after")
    def _is_consistent(self) -> WayIn:
        if faults := [*self._faults_of_place(), *self._faults_of_tls(), *self._faults_of_proxies()]:
            raise Faults(faults)
        return self

    def _faults_of_place(self) -> Iterator[Fault]:
        if self.unix is not None:
            for name in ("host", "port"):
                if name in self.model_fields_set:
                    yield Fault(name, "should be left out beside unix", getattr(self, name))
            if len(os.fsencode(self.unix)) > UNIX_PATH_BYTES_LIMIT:
                yield Fault("unix", f"should be at most {UNIX_PATH_BYTES_LIMIT} bytes long", self.unix)
        if self.websocket is not None and "websocket" not in self.protocols:
            yield Fault("websocket", 'should be left out, since protocols does not name "websocket"')
        if self.http is not None and "http" not in self.protocols:
            yield Fault("http", 'should be left out, since protocols does not name "http"')

    def _faults_of_tls(self) -> Iterator[Fault]:
        if self.tls == "off" and self.plain_beside_tls:
            yield Fault("plain_beside_tls", 'should be left out, since "tls" is off', value=True)
        if not self.certificate_name_as_user:
            return
        if not self.asks_for_certificates:
            remedy = 'needs "tls" with "client_certificate": "required" and a "ca"'
            yield Fault("certificate_name_as_user", remedy, value=True)
        elif self.takes_plain:
            yield Fault("plain_beside_tls", "should be false beside certificate_name_as_user", value=True)

    def _faults_of_proxies(self) -> Iterator[Fault]:
        if self.proxy_protocol and not self.trusted_proxies:
            yield Fault("trusted_proxies", "is missing; name the addresses of the proxies that proxy_protocol is for")
        if self.trusted_proxies and not self.proxy_protocol:
            remedy = 'should be left out, or "proxy_protocol" be true'
            yield Fault("trusted_proxies", remedy, self.trusted_proxies)

    @property
    def takes_plain(self) -> bool:
        """Whether streams without TLS are taken."""
        if self.tls == "off" or self.plain_beside_tls is None:
            return isinstance(self.tls, str)
        return self.plain_beside_tls

    @property
    def asks_for_certificates(self) -> bool:
        """Whether clients are asked for a certificate."""
        return isinstance(self.tls, ListenerTls) and self.tls.client_certificate != "ignored"

    @property
    def demands_certificates(self) -> bool:
        """Whether nobody comes in without a certificate."""
        is_required = isinstance(self.tls, ListenerTls) and self.tls.client_certificate == "required"
        return is_required and not self.takes_plain

    @property
    def speaks_mqtt(self) -> bool:
        """Whether clients can come in at all, plainly or by WebSocket."""
        return "mqtt" in self.protocols or "websocket" in self.protocols

    @property
    def has_pages(self) -> bool:
        """Whether /crawl and its like are answered."""
        return "http" in self.protocols and (self.http is None or self.http.pages)

    @property
    def schemes(self) -> list[str]:
        """Of the URLs that lead here, the most natural first."""
        if self.unix is not None:
            return [UNIX_SCHEME] if "mqtt" in self.protocols and self.takes_plain else []
        pairs = {"mqtt": ("mqtt", "mqtts"), "websocket": ("ws", "wss"), "http": ("http", "https")}
        spoken = [pairs[protocol] for protocol in pairs if protocol in self.protocols]
        return [
            scheme
            for plain, secured in spoken
            for scheme, is_taken in ((plain, self.takes_plain), (secured, self.tls != "off"))
            if is_taken
        ]

    def url(self, scheme: str, place: str) -> str:
        """The URL with one of the schemes; `place` is host:port, or the path of the socket."""
        if scheme == UNIX_SCHEME:
            return f"{scheme}://{quote(str(Path(place).absolute()))}"
        paths = self.websocket.paths if self.websocket else []
        path = [*paths, "/mqtt"][0] if scheme in ("ws", "wss") else "/" if scheme in ("http", "https") else ""
        return f"{scheme}://{place}{path}"

    def way_to_core(self) -> dict[str, Any]:
        """As the core takes it."""
        options = self.model_dump(include=set(WayIn.model_fields), exclude_none=True)
        for name in ("host", "port") if self.unix is not None else ():
            options.pop(name, None)
        options["plain_beside_tls"] = self.tls != "off" and self.takes_plain
        if isinstance(self.tls, ListenerTls):
            options["tls"] = self.tls.model_dump(exclude_none=True)
        if self.handshake_timeout is not None:
            options["handshake_timeout_ns"] = to_ns(options.pop("handshake_timeout"))
        return options

    def way_shown(self) -> dict[str, Any]:
        """As JSON, without secrets and without what cannot stand beside the rest."""
        document = self.model_dump(mode="json", include=set(WayIn.model_fields))
        if isinstance(self.tls, ListenerTls):
            document["tls"] = self.tls.shown()
        for name in ("host", "port") if self.unix is not None else ():
            del document[name]
        return document


class Listener(WayIn):
    """One of several ways in: plain MQTT over TCP, unless it says more."""

    name: str | None = Field(None, min_length=1, max_length=100, description="for messages; null: listener-1, -2, ...")
    plain_beside_tls: bool = Field(False, description="with TLS: take streams without it on the same port too")
    protocol_versions: list[ProtocolVersion] = Field(
        ["3.1", "3.1.1", "5.0"], min_length=1, description="of MQTT, that it takes"
    )
    max_connections: Limit | None = Field(None, description="clients by this way; null: as many as the broker takes")
    allow_anonymous: bool = Field(
        True, description="false here or in the broker: clients must give a user name that is known"
    )

    def to_core(self) -> dict[str, Any]:
        """As the core takes it."""
        own = set(Listener.model_fields) - set(WayIn.model_fields)
        return self.way_to_core() | self.model_dump(include=own, exclude_none=True)

    def shown(self) -> dict[str, Any]:
        """As JSON without secrets; reads back as the same."""
        own = set(Listener.model_fields) - set(WayIn.model_fields)
        return self.way_shown() | self.model_dump(mode="json", include=own)
