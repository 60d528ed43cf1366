"""`--listen URL`: a listener of the embedded broker in one word, such as wss://127.0.0.1:8884/mqtt."""

from __future__ import annotations

from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from mqtt_sim.broker_url import UNIX_SCHEME

LISTEN_SCHEMES = {
    "mqtt": (("mqtt",), 1883),
    "mqtts": (("mqtt",), 8883),
    "ws": (("websocket",), 80),
    "wss": (("websocket",), 443),
    "http": (("websocket", "http"), 80),
    "https": (("websocket", "http"), 443),
}
"""What is spoken, and the port that is meant when there is none. Pages talk over WebSocket."""
_ALIASES = {"tcp": "mqtt", "tls": "mqtts", "ssl": "mqtts"}
_RIGHT = "should look like mqtts://127.0.0.1:8883, wss://127.0.0.1:8884/mqtt or mqtt+unix:///run/mqtt.sock"


def parse_listen_url(url: str, tls: dict[str, Any] | str = "auto") -> dict[str, Any]:
    """Fields of a Listener; `tls` is for those that have it. Raises ValueError that says what would be right."""
    scheme, separator, _ = url.partition("://")
    scheme = _ALIASES.get(scheme.lower(), scheme.lower())
    if not separator or scheme not in (*LISTEN_SCHEMES, UNIX_SCHEME):
        raise ValueError(_RIGHT)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(f"its port should be a number from 0 to 65535; {_RIGHT}") from None
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError(f"a listener has no user, no query and no fragment; {_RIGHT}")
    if scheme == UNIX_SCHEME:
        return {"unix": _socket_path(parts)}
    protocols, usual_port = LISTEN_SCHEMES[scheme]
    listener: dict[str, Any] = {"port": usual_port if port is None else port, "protocols": list(protocols)}
    if parts.hostname:
        listener["host"] = parts.hostname
    if scheme in ("mqtts", "wss", "https"):
        listener["tls"] = tls
    if parts.path not in ("", "/"):
        if not scheme.startswith("ws"):
            raise ValueError(f"nothing should follow the port, since only a WebSocket has a path; {_RIGHT}")
        listener["websocket"] = {"paths": [parts.path]}
    return listener


def _socket_path(parts: SplitResult) -> str:
    if parts.netloc or not parts.path.strip("/"):
        raise ValueError("should be mqtt+unix:///path/of/the/socket, with three slashes")
    return unquote(parts.path)
