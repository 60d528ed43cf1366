"""Payloads as users give them, judged before anything is copied."""

from __future__ import annotations

from typing import Any

from mqtt_sim.errors import UsageError

Payload = bytes | bytearray | memoryview | str | None
"""Text goes out as UTF-8; None is an empty payload."""

LARGEST_BODY = 268_435_455
"""Bytes of a packet after its fixed header, the most that MQTT can say."""
_TOPIC_LENGTH_AND_ID = 4
_SIZED = (bytes, str, bytearray)


def check_size(topic: str, payload: Any) -> int:
    """Bytes of topic and payload. Raises UsageError for wrong types, and for what no packet can carry."""
    if not isinstance(topic, str):
        raise UsageError(f"a topic should be a text, found {type(topic).__name__}")
    if not topic.isascii():
        utf8(topic, "topic")
    if isinstance(payload, _SIZED):
        size = len(payload)
    elif isinstance(payload, memoryview):
        size = payload.nbytes
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


def utf8(text: str, what: str) -> bytes:
    """As it goes out. Raises UsageError for what UTF-8 cannot carry. [MQTT-1.5.4-1]"""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{what}: half a character (a lone surrogate) at {error.start}, so it is no UTF-8") from None


def not_a_topic(topic: str) -> UsageError:
    """What is wrong with it."""
    return UsageError(f"{topic!r} is no topic to publish to: 1 to 65535 bytes, no wildcard, no NUL")


def payload_bytes(payload: Any) -> bytes:
    """The payload as it goes out, not copied where it is bytes."""
    if isinstance(payload, bytes):
        return payload
    if isinstance(payload, str):
        return utf8(payload, "payload")
    return b"" if payload is None else bytes(payload)
