"""A dialogue message as a console shows it: `CHARACTER: text`, always one line."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mqtt_sim.client.message import Message

_LINE_ENDS = {ord("\n"): "\\n", ord("\r"): "\\r", 0x0B: "\\v", 0x0C: "\\f", 0x85: "\\x85", 0x2028: " ", 0x2029: " "}


def spoken_line(payload: bytes) -> str:
    """`CHARACTER: text`; what is no dialogue is shown as it is. Line ends become `\\n`."""
    line = _object_of(payload)
    text = payload.decode(errors="backslashreplace")
    if line is not None and isinstance(line.get("character"), str) and isinstance(line.get("text"), str):
        text = f"{line['character']}: {line['text']}"
    return text.translate(_LINE_ENDS)


def show_spoken(message: Message, now: datetime) -> bytes:
    """A message as `consume` prints it."""
    return spoken_line(message.payload).encode(errors="backslashreplace")


def show_with_topic(message: Message, now: datetime) -> bytes:
    """The same with its topic in front."""
    return message.topic.encode() + b" " + show_spoken(message, now)


def show_json(message: Message, now: datetime) -> bytes:
    """As one JSON object: what was received, its topic and when it came."""
    line = _object_of(message.payload)
    if line is None:
        line = {"payload": message.payload.decode(errors="backslashreplace")}
    received = now.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    shown: dict[str, Any] = {**line, "topic": message.topic, "receiveTime": received}
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode(errors="backslashreplace")


def _object_of(payload: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
