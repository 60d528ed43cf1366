"""How the clients of a scenario reach the broker: TLS and WebSocket."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from mqtt_sim.errors import Fault, Faults
from mqtt_sim.scenario.fields import HttpPath, TlsVersion
from mqtt_sim.scenario.part import Part


def _read_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _check_header(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not name or not all(character.isalnum() or character in "!#$%&'*+-.^_`|~" for character in name):
            raise ValueError(f'"{name}" is no name of an HTTP header')
        if any(ord(character) < 0x20 and character != "\t" for character in value):
            raise ValueError(f'the value of "{name}" should have no control characters')
    return headers


FileNames = Annotated[
    list[str],
    BeforeValidator(_read_list),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
_File = Annotated[str, Field(min_length=1)]

TLS_FILES = ("ca", "ca_directory", "crl", "certificate", "key", "key_log")
"""Fields that name files; relative ones are looked for beside the scenario."""


class ClientTls(Part):
    """Whom clients trust, and how they show who they are. Without any CA the system's are believed, and for the
    embedded broker the one that it made for itself."""

    reject_unauthorized: bool = Field(True, description="false: any certificate of the broker is good enough")
    ca: FileNames = Field([], description="PEM file of the CA, or a list of them")
    ca_directory: _File | None = Field(None, description="every PEM file in it")
    ca_pem: str | None = Field(None, description="the CA itself, as text")
    system_ca: bool = Field(False, description="believe the system's CAs beside these")
    crl: _File | None = Field(None, description="PEM file of revoked certificates")
    certificate: _File | None = Field(None, description="PEM file of the client's certificate and its chain")
    certificate_pem: str | None = Field(None, description="the certificate itself, as text")
    key: _File | None = Field(None, description="PEM file of its private key")
    key_pem: str | None = Field(None, description="the key itself, as text; never shown in a report")
    key_password: str | None = Field(None, description="of an encrypted key; never shown in a report")
    server_name: _File | None = Field(None, description="the name in the broker's certificate; null: the URL's host")
    alpn: list[str] = Field([], description="application protocols to offer")
    min_version: TlsVersion = Field("1.2", description="lowest version of TLS")
    ciphers: str | None = Field(None, description="OpenSSL's list for TLS 1.2")
    ciphersuites: str | None = Field(None, description="the same for TLS 1.3")
    resume: bool = Field(False, description="keep the session ticket for the next connection of the client")
    key_log: _File | None = Field(None, description="secrets of all sessions, for Wireshark; also by SSLKEYLOGFILE")

    @model_validator(mode="after")
    def _fits_together(self) -> ClientTls:
        faults = []
        for one, other in (("certificate", "certificate_pem"), ("key", "key_pem")):
            if getattr(self, one) is not None and getattr(self, other) is not None:
                faults.append(Fault(other, f'give "{one}" or "{other}", not both'))
        has_key, has_certificate = bool(self.key or self.key_pem), bool(self.certificate or self.certificate_pem)
        if has_key and not has_certificate:
            faults.append(Fault("key", 'needs the "certificate" that it belongs to', self.key or "a PEM text"))
        if has_certificate and not has_key:
            faults.append(Fault("certificate", 'needs its private "key"', self.certificate or "a PEM text"))
        if faults:
            raise Faults(faults)
        return self

    def anchored(self, directory: Path, but: frozenset[str]) -> ClientTls:
        """With the files it names looked for in `directory`, except for the fields `but`."""
        changes: dict[str, Any] = {}
        for name in TLS_FILES:
            value = getattr(self, name)
            if value and name not in but:
                changes[name] = [str(directory / file) for file in value] if name == "ca" else str(directory / value)
        return self.model_copy(update=changes)

    def to_core(self) -> dict[str, Any]:
        """As the core takes it."""
        return self.model_dump(exclude_none=True)


def hide_secrets(tls: dict[str, Any]) -> dict[str, Any]:
    """A ClientTls as JSON with what must not be shown replaced."""
    return {**tls, **{name: "***" for name in ("key_pem", "key_password") if tls[name] is not None}}


class ClientWebSocket(Part):
    """The HTTP request that opens a WebSocket."""

    path: HttpPath = Field("/mqtt", description="unless the broker's URL has one")
    headers: Annotated[dict[str, str], AfterValidator(_check_header)] = Field({}, description="sent beside the usual")
    subprotocols: list[str] | None = Field(
        None, min_length=1, description='offered to the broker; null: "mqtt", for MQTT 3.1 "mqttv3.1"'
    )

    def to_core(self, protocol_version: str, path: str | None) -> dict[str, Any]:
        """As the core takes it; `path` is that of the broker's URL."""
        usual = ["mqttv3.1"] if protocol_version == "3.1" else ["mqtt"]
        return {
            "path": path or self.path,
            "headers": [[name, value] for name, value in self.headers.items()],
            "subprotocols": self.subprotocols or usual,
        }
