"""`-D COMMAND NAME VALUE` of mosquitto_pub: which properties of MQTT 5.0 there are, and what kind of value each has."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from mqtt_sim.command.client_flags import SEPARATOR
from mqtt_sim.errors import UsageError
from mqtt_sim.suggestion import did_you_mean


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) > 0xFFFF_FFFF:
        raise ValueError("should be a number from 0 to 4294967295")
    return int(text)


_MESSAGE: dict[str, Callable[[str], Any]] = {
    "content-type": str,
    "correlation-data": str.encode,
    "message-expiry-interval": _number,
    "payload-format-indicator": _number,
    "response-topic": str,
}
_KINDS: dict[str, dict[str, Callable[[str], Any]]] = {
    "connect": {
        "maximum-packet-size": _number,
        "receive-maximum": _number,
        "session-expiry-interval": _number,
        "topic-alias-maximum": _number,
    },
    "publish": {**_MESSAGE, "topic-alias": _number},
    "subscribe": {"subscription-identifier": _number},
    "will": {**_MESSAGE, "will-delay-interval": _number},
}


def read_properties(given: Iterable[str], command: str) -> dict[str, Any]:
    """Those of one packet, by the standard's names with underscores. Raises UsageError."""
    properties: dict[str, Any] = {}
    for packet, name, *values in (one.split(SEPARATOR) for one in given):
        if packet != command:
            continue
        if name == "user-property":
            properties.setdefault("user_property", []).append((values[0], values[1]))
            continue
        kinds = _KINDS[packet]
        if name not in kinds:
            raise UsageError(
                f'-D {packet}: there is no property "{name}"; {did_you_mean(name, [*kinds, "user-property"])}'
            )
        try:
            properties[name.replace("-", "_")] = kinds[name](values[0])
        except ValueError as error:
            raise UsageError(f"-D {packet} {name} {values[0]}: {error}") from None
    return properties
