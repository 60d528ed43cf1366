"""The URL of a broker: mqtt://user:password@host:port, and its kin for TLS, WebSocket and Unix sockets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import SplitResult, unquote, urlsplit

Transport = Literal["tcp", "tls", "ws", "wss"]

DEFAULT_PORT = 1883
DEFAULT_PORTS: dict[Transport, int] = {"tcp": DEFAULT_PORT, "tls": 8883, "ws": 80, "wss": 443}
UNIX_SCHEME = "mqtt+unix"
MEMORY_SCHEME = "mqtt+memory"
_PASSWORD = re.compile(r"""(://[^/?#@:\s"']*:)[^/?#\s"']*@""")
SCHEMES: dict[str, Transport] = {
    "mqtt": "tcp",
    "tcp": "tcp",
    "mqtts": "tls",
    "tls": "tls",
    "ssl": "tls",
    "ws": "ws",
    "wss": "wss",
    UNIX_SCHEME: "tcp",
    MEMORY_SCHEME: "tcp",
}
_RIGHT = "should look like mqtt://host:1883, mqtts://user:password@host:8883, wss://host/mqtt or mqtt+unix:///run/mqtt"


@dataclass(frozen=True)
class BrokerUrl:
    """What a broker's URL says."""

    transport: Transport
    host: str
    port: int
    unix: str | None
    """Path of a Unix socket; host and port mean nothing then."""
    memory: str | None
    """Name of a broker of this process, see Broker.memory_url; likewise."""
    path: str | None
    """Of a WebSocket, with its query; None when the URL has none."""
    username: str | None
    password: str | None

    def place(self) -> dict[str, Any]:
        """Where it leads, as the core takes it."""
        if self.unix is not None:
            return {"unix": self.unix}
        return {"host": self.host, "port": self.port} if self.memory is None else {"memory": self.memory}


def parse_broker_url(url: str) -> BrokerUrl:
    """The parts of a broker's URL. Raises ValueError that says what would be right."""
    scheme, separator, _ = url.partition("://")
    if not separator:
        raise ValueError(_RIGHT)
    if scheme.lower() not in SCHEMES:
        raise ValueError(f'there is no transport "{scheme}" (there are {", ".join(SCHEMES)}); {_RIGHT}')
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(f"its port should be a number from 1 to 65535; {_RIGHT}") from None
    if port == 0:
        raise ValueError(f"its port should be a number from 1 to 65535; {_RIGHT}")
    transport = SCHEMES[parts.scheme]
    unix = _unix_path(parts, url) if parts.scheme == UNIX_SCHEME else None
    memory = _memory_name(parts) if parts.scheme == MEMORY_SCHEME else None
    if unix is None and not parts.hostname:
        raise ValueError(f"the host is missing; {_RIGHT}")
    return BrokerUrl(
        transport=transport,
        host=parts.hostname or "",
        port=port or DEFAULT_PORTS[transport],
        unix=unix,
        memory=memory,
        path=None if unix else _websocket_path(parts, transport),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password is not None else None,
    )


def _unix_path(parts: SplitResult, url: str) -> str:
    if parts.port is not None or parts.query or parts.fragment or not parts.path.strip("/"):
        raise ValueError(f"should be mqtt+unix:///path/of/the/socket; {_RIGHT}")
    if parts.hostname:
        raise ValueError(
            f'should have three slashes, since a Unix socket has no host: "{url.replace("://", ":///", 1)}"'
        )
    return unquote(parts.path)


def _memory_name(parts: SplitResult) -> str:
    if parts.port is not None or parts.path or parts.query or parts.fragment or not parts.hostname:
        raise ValueError("should be as Broker.memory_url of a broker in this process gives it")
    return parts.hostname


def _websocket_path(parts: SplitResult, transport: Transport) -> str | None:
    if transport in ("tcp", "tls"):
        if parts.path not in ("", "/") or parts.query or parts.fragment:
            raise ValueError(f"nothing should follow the port, since only a WebSocket has a path; {_RIGHT}")
        return None
    if parts.fragment:
        raise ValueError(f'should have no "#{parts.fragment}" at its end; {_RIGHT}')
    if not parts.path and not parts.query:
        return None
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def without_password(text: str) -> str:
    """A URL, or a text with URLs in it, as a report may show it."""
    return _PASSWORD.sub(r"\1***@", text)
