"""Payloads as users give them, judged before anything is copied."""

from __future__ import annotations

from typing import Any

from mqtt_sim.errors import UsageError

Payload = bytes | bytearray | memoryview | str | None
"""Text goes out as UTF-8; None is an empty payload."""

LARGEST_BODY = 268_435_455
"""Bytes of a packet after its fixed header, the most that MQTT can say."""
_TOPIC_LENGTH_AND_ID = 4


def check_size(topic: str, payload: Any) -> int:
    """Bytes of topic and payload. Raises UsageError for wrong types, and for what no packet can carry."""
    if not isinstance(topic, str):
        raise UsageError(f"a topic should be a text, found {type(topic).__name__}")
    if isinstance(payload, memoryview):
        size = payload.nbytes
    elif isinstance(payload, bytes | bytearray | str):
        size = len(payload)
    elif payload is None:
        size = 0
    else:
        remedy = "use publish_json()" if isinstance(payload, dict | list) else "str() makes a text of it"
        raise UsageError(f"a payload should be bytes or text, found {type(payload).__name__}; {remedy}")
    if size + len(topic) + _TOPIC_LENGTH_AND_ID > LARGEST_BODY:
        raise UsageError(
            f"a payload of {size:,} bytes is too large: with its topic, MQTT carries {LARGEST_BODY:,} at most"
        )
    return size + len(topic)


def payload_bytes(payload: Any) -> bytes:
    """The payload as it goes out, not copied where it is bytes."""
    if isinstance(payload, bytes):
        return payload
    if isinstance(payload, str):
        return payload.encode()
    return b"" if payload is None else bytes(payload)
