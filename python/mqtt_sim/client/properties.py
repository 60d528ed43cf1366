"""Properties of MQTT 5.0 packets as dictionaries: {"content_type": "text/plain", "user_property": [("a", "b")]}."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mqtt_sim.engine import load_core
from mqtt_sim.errors import UsageError

_LISTS = ("user_property", "subscription_identifier")
_ALIASES = {
    "user_properties": "user_property",
    "message_expiry": "message_expiry_interval",
    "payload_format": "payload_format_indicator",
}


def encode_properties(properties: Mapping[str, Any] | None, packet: str) -> bytes:
    """As they stand in `packet` ("publish", "will", "subscribe", ...). Raises UsageError that names the wrong one."""
    if not properties:
        return b""
    try:
        encoded = load_core().encode_properties(list(_pairs(properties)), packet)
    except (ValueError, RuntimeError, TypeError) as error:
        raise UsageError(f"{packet}: {error}") from None
    return bytes(encoded)


def _pairs(properties: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    if not isinstance(properties, Mapping):
        raise TypeError(f"properties should be a dictionary, found {type(properties).__name__}")
    for name, value in properties.items():
        name = _ALIASES.get(name, name)
        if name == "payload_format_indicator" and isinstance(value, bool | str):
            value = int(value in (True, "text"))
        if name == "user_property":
            items = list(value.items() if isinstance(value, Mapping) else value if isinstance(value, Iterable) else [0])
            if not all(isinstance(item, tuple | list) and len(item) == 2 for item in items):
                raise TypeError(f"{name}: should be a dictionary or pairs of name and value, found {value!r}")
            yield from ((name, (str(key), str(text))) for key, text in items)
        elif name in _LISTS and isinstance(value, list | tuple):
            yield from ((name, item) for item in value)
        else:
            yield name, value
