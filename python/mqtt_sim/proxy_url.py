"""The URL of a proxy that connections go through: socks5://user:password@host:1080, and its kin."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

_PORTS = {"socks5": 1080, "socks5h": 1080, "http": 8080}
_RIGHT = (
    "should look like socks5://user:password@host:1080, socks5h://host (the proxy looks names up) or http://host:8080"
)
_LONGEST = 255  # RFC 1929


def parse_proxy_url(url: str) -> dict[str, Any]:
    """What it says, as the core takes it. Raises ValueError that says what would be right."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(_RIGHT) from None
    if parts.scheme not in _PORTS or not parts.hostname or port == 0:
        raise ValueError(_RIGHT)
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(f"nothing should follow the port; {_RIGHT}")
    username, password = unquote(parts.username or ""), unquote(parts.password or "")
    if max(len(username.encode()), len(password.encode())) > _LONGEST:
        raise ValueError(f"user name and password should have at most {_LONGEST} bytes each")
    return {
        "kind": parts.scheme,
        "host": parts.hostname,
        "port": port or _PORTS[parts.scheme],
        "username": username,
        "password": password,
    }
