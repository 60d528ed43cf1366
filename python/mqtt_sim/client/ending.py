"""What the end of a connection means, in words and as an exception."""

from __future__ import annotations

from typing import Any, NamedTuple

from mqtt_sim.engine import load_core
from mqtt_sim.errors import ConnectError
from mqtt_sim.remedy import remedy_for

_KINDS = {
    "connection refused": "unreachable",
    "host unreachable": "unreachable",
    "TLS failed": "tls",
    "WebSocket upgrade refused": "upgrade",
    "handshake timed out": "timeout",
    "WebSocket rules broken by peer": "protocol",
    "closed by peer": "closed",
    "connection reset": "closed",
}


class Ended(NamedTuple):
    """A connection, or an attempt at one, is over; as the engine tells it."""

    cause: str
    close: str
    reason: int
    text: str
    detail: str
    was_connected: bool
    is_final: bool
    properties: dict[str, Any] | None

    @property
    def by_us(self) -> bool:
        """We wanted it."""
        return self.cause == "ended by us"

    @property
    def by_server(self) -> bool:
        """The broker said so, with DISCONNECT or by refusing in CONNACK."""
        return self.cause == "ended by the server"

    @property
    def is_error(self) -> bool:
        """Whether it is more than a connection that the broker closed in good order, or said goodbye to."""
        if self.by_us:
            return False
        if not self.was_connected:
            return True
        return not self.by_server and self.close != "closed by peer"

    def error(self, place: str) -> ConnectError:
        """The same as an exception. `place`: the URL, without its password."""
        words, kind = self._words(), self._kind()
        remedy = remedy_for(kind, words) if kind == "unreachable" else ""  # the others speak of scenarios
        text = f"{place}: {words}; {remedy}" if remedy else f"{place}: {words}"
        return ConnectError(text, kind=kind, reason=self.reason, properties=self.properties)

    def _words(self) -> str:
        told = (self.properties or {}).get("reason_string")
        more = f" ({told})" if told else ""
        if self.by_server and not self.was_connected:
            return f"connection refused: {load_core().reason_name(self.reason)}{more}"
        if self.by_server:
            return f"disconnected by the broker: {load_core().reason_name(self.reason)}{more}"
        if self.cause == "stream lost":
            is_news = self.detail.lower() not in ("", self.close)
            return f"{self.close}: {self.detail}" if is_news else self.close
        return f"{self.cause}: {self.text}" if self.text not in ("", self.cause) else self.cause

    def _kind(self) -> str:
        if self.by_server:
            return "disconnected" if self.was_connected else "refused"
        if self.cause == "connect timeout":
            return self.text
        return _KINDS.get(self.close, self.close) if self.cause == "stream lost" else self.cause


def reason_words(reason: int, properties: dict[str, Any] | None) -> str:
    """A failing reason code in the standard's words, and what the broker adds; empty for success."""
    if reason < 0x80:
        return ""
    told = (properties or {}).get("reason_string")
    return f"{load_core().reason_name(reason)}{f' ({told})' if told else ''}"
