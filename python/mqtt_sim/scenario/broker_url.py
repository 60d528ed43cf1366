"""The URL of an outside broker: mqtt://user:password@host:port."""

from __future__ import annotations

from urllib.parse import SplitResult, unquote, urlsplit

DEFAULT_PORT = 1883
SUPPORTED_SCHEMES = ("mqtt", "tcp")
OTHER_SCHEMES = ("mqtts", "ssl", "tls", "ws", "wss", "quic", "unix")


def split_broker_url(url: str) -> SplitResult:
    """The parts of a broker's URL. Raises ValueError that says what would be right."""
    right = "should look like mqtt://host:1883 or mqtt://user:password@host:1883"
    scheme, separator, _ = url.partition("://")
    if not separator:
        raise ValueError(right)
    if scheme in OTHER_SCHEMES:
        raise ValueError(f'the transport "{scheme}" is not supported by this version; {right}')
    if scheme not in SUPPORTED_SCHEMES:
        raise ValueError(f'there is no transport "{scheme}"; {right}')
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(f"its port should be a number from 1 to 65535; {right}") from None
    if port == 0:
        raise ValueError(f"its port should be a number from 1 to 65535; {right}")
    if not parts.hostname:
        raise ValueError(f"the host is missing; {right}")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(f"nothing should follow the port; {right}")
    return parts


def credentials_of(parts: SplitResult) -> tuple[str | None, str | None]:
    """User name and password of a broker's URL."""
    return (
        unquote(parts.username) if parts.username else None,
        unquote(parts.password) if parts.password is not None else None,
    )


def without_password(url: str) -> str:
    """The URL as a report may show it."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    return url.replace(f":{parts.password}@", ":***@", 1)
