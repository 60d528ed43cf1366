"""How `sub` prints a message: the formats of mosquitto_sub's -F.

    %t topic   %p payload   %x %X payload in hex   %l its length   %q QoS   %r retain   %m packet id   %% a percent sign
    %I local time, ISO 8601   %U seconds since 1970   %@X the strftime conversion %X   %j %J everything as JSON
    %C content type   %D correlation data   %E message expiry   %F payload format   %P user properties
    %R response topic   %S subscription identifiers                                              (MQTT 5.0)
    \\n \\t \\r \\e \\a \\v \\0 \\\\
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mqtt_sim.errors import UsageError

if TYPE_CHECKING:
    from mqtt_sim.client.message import Message

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "e": "\x1b", "a": "\a", "v": "\v", "0": "\0", "\\": "\\"}
_PIECE = re.compile(rb"%@(.)|%(.)|\\(.)|([%\\])$|([^%\\]+)", re.DOTALL)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


Piece = Callable[["Message", datetime], bytes]


def parse_format(text: str) -> Callable[[Message, datetime], bytes]:
    """The format as a function of a message and the time it came. Raises UsageError."""
    pieces = [_piece(*found.groups()) for found in _PIECE.finditer(text.encode())]
    return lambda message, now: b"".join(piece(message, now) for piece in pieces)


def for_terminal(line: bytes) -> bytes:
    """The line with control characters made visible, but for tab and line end."""
    text = line.decode(errors="backslashreplace")
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text).encode()


def _piece(
    conversion: bytes | None, letter: bytes | None, escape: bytes | None, dangling: bytes | None, plain: bytes | None
) -> Piece:
    if plain is not None:
        return lambda message, now: plain
    if conversion is not None:
        pattern = f"%{conversion.decode(errors='replace')}"
        return lambda message, now: now.strftime(pattern).encode()
    name = (letter or escape or b"").decode(errors="replace")
    if escape is not None and name in _ESCAPES:
        return lambda message, now: _ESCAPES[name].encode()
    if letter is not None and name in _LETTERS:
        return _LETTERS[name]
    wrong = (dangling or b"").decode() or ("%" if letter else "\\") + name
    raise UsageError(f"-F: there is no {wrong}; the letters are {' '.join('%' + known for known in _LETTERS)}")


def _property(name: str) -> Piece:
    def show(message: Message, now: datetime) -> bytes:
        value = message.properties.get(name)
        if value is None:
            return b""
        return value if isinstance(value, bytes) else str(value).encode()

    return show


def _user_properties(message: Message, now: datetime) -> bytes:
    return " ".join(f"{name}:{value}" for name, value in message.properties.get("user_property", ())).encode()


def _subscription_identifiers(message: Message, now: datetime) -> bytes:
    return " ".join(map(str, message.properties.get("subscription_identifier", ()))).encode()


def _json(payload_as_json: bool) -> Piece:
    def show(message: Message, now: datetime) -> bytes:
        document = {
            "tst": now.isoformat(),
            "topic": message.topic,
            "qos": message.qos,
            "retain": int(message.retain),
            "payloadlen": len(message.payload),
            **({"mid": message.packet_id} if message.packet_id else {}),
            **({"properties": _shown_properties(message)} if message.properties else {}),
            "payload": _json_payload(message.payload) if payload_as_json else message.payload.decode(errors="replace"),
        }
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")

    return show


def _shown_properties(message: Message) -> dict[str, Any]:
    return {
        name: value.decode(errors="backslashreplace") if isinstance(value, bytes) else value
        for name, value in message.properties.items()
    }


def _json_payload(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        return payload.decode(errors="replace")


_LETTERS: dict[str, Piece] = {
    "t": lambda message, now: message.topic.encode(),
    "p": lambda message, now: message.payload,
    "x": lambda message, now: message.payload.hex().encode(),
    "X": lambda message, now: message.payload.hex().upper().encode(),
    "l": lambda message, now: str(len(message.payload)).encode(),
    "q": lambda message, now: str(message.qos).encode(),
    "r": lambda message, now: b"1" if message.retain else b"0",
    "m": lambda message, now: str(message.packet_id).encode(),
    "I": lambda message, now: now.strftime("%Y-%m-%dT%H:%M:%S%z").encode(),
    "U": lambda message, now: f"{int(now.timestamp())}.{now.microsecond:06d}000".encode(),
    "j": _json(payload_as_json=False),
    "J": _json(payload_as_json=True),
    "C": _property("content_type"),
    "D": _property("correlation_data"),
    "E": _property("message_expiry_interval"),
    "F": _property("payload_format_indicator"),
    "P": _user_properties,
    "R": _property("response_topic"),
    "S": _subscription_identifiers,
    "%": lambda message, now: b"%",
}
