"""The types of a scenario's fields: how each is written, what it allows, and what it says when it is wrong."""

from __future__ import annotations

import ipaddress
import math
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from mqtt_sim.proxy_url import parse_proxy_url
from mqtt_sim.quantity import (
    DURATION_PATTERN,
    DURATION_REMEDY,
    SIZE_PATTERN,
    SIZE_REMEDY,
    format_duration,
    parse_duration,
    parse_size,
)
from mqtt_sim.scenario.placeholder import (
    CLIENT_ID_WORDS,
    FILTER_WORDS,
    TOPIC_WORDS,
    check_placeholders,
    without_placeholders,
    words_of,
)

LONGEST_DURATION_S = 365 * 86_400
LARGEST_PAYLOAD = 256_000_000
TOPIC_BYTES_LIMIT = 65_535  # MQTT writes the length of a string in two bytes

_PROTOCOL_VERSIONS = {"3": "3.1", "3.1": "3.1", "4": "3.1.1", "3.1.1": "3.1.1", "5": "5.0", "5.0": "5.0"}


def at_most(value: float, limit: float, text: str) -> float:
    """`value`. Raises ValueError with `text` when it is above the limit."""
    if value > limit:
        raise ValueError(f"should be at most {text}")
    return value


def _read_duration(value: Any) -> Any:
    if isinstance(value, str):
        value = parse_duration(value)
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(DURATION_REMEDY)
    if not 0 <= value < math.inf:
        raise ValueError("should not be negative" if value < 0 else DURATION_REMEDY)
    return float(value)


def _at_most_a_year(value: float) -> float:
    if value > LONGEST_DURATION_S:
        raise ValueError("should be at most 365 days")
    return value


def _positive(value: float) -> float:
    if value <= 0:
        raise ValueError("should be longer than 0s")
    return value


def _whole_seconds(value: float) -> float:
    if not value.is_integer():
        raise ValueError("should be whole seconds, since MQTT counts it in seconds")
    return value


def _read_size(value: Any) -> Any:
    if isinstance(value, str):
        value = parse_size(value)
    elif isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(SIZE_REMEDY)
    return value


def _read_rate(value: Any) -> Any:
    if value == "max":
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError('should be a number of messages per second and client, or "max"')
    if not 1e-6 <= value <= 1_000_000:
        raise ValueError(
            'should be above 0 (at least 0.000001) and at most 1000000 messages per second and client, or "max"; '
            'for silent clients use "devices" without "publish"'
        )
    return float(value)


def _read_qos(value: Any) -> Any:
    if isinstance(value, bool) or value not in (0, 1, 2):
        raise ValueError("should be 0, 1 or 2")
    return value


def _read_protocol_version(value: Any) -> Any:
    version = _PROTOCOL_VERSIONS.get(str(value)) if not isinstance(value, bool) else None
    if version is None:
        raise ValueError('should be "3.1", "3.1.1" or "5.0"')
    return version


def _read_tls_version(value: Any) -> Any:
    if isinstance(value, bool) or str(value) not in ("1.2", "1.3"):
        raise ValueError('should be "1.2" or "1.3"')
    return str(value)


def _check_proxy(value: str) -> str:
    parse_proxy_url(value)
    return value


def _check_http_path(path: str) -> str:
    if not path.startswith("/"):
        raise ValueError('should begin with "/", such as "/mqtt"')
    if any(ord(character) <= 0x20 or ord(character) == 0x7F for character in path):
        raise ValueError("should have no blanks or control characters; write them as %20")
    return path


def _check_mqtt_string(text: str) -> None:
    if "\0" in text:
        raise ValueError("should not contain the character NUL [MQTT-4.7.3-2]")
    if len(text.encode(errors="surrogatepass")) > TOPIC_BYTES_LIMIT:
        raise ValueError(f"should be at most {TOPIC_BYTES_LIMIT} bytes long [MQTT-4.7.3-3]")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("should be text that UTF-8 can carry [MQTT-1.5.4-1]")


def _check_response_topic(topic: str) -> str:
    check_placeholders(topic, FILTER_WORDS)
    return _check_topic(topic)


def _check_topic(topic: str) -> str:
    check_placeholders(topic, TOPIC_WORDS)
    if not topic:
        raise ValueError("should be at least one character long [MQTT-4.7.3-1]")
    plain = without_placeholders(topic)
    for wildcard in "+#":
        if wildcard in plain:
            raise ValueError(f'should be a topic to publish to, without the wildcard "{wildcard}" [MQTT-3.3.2-2]')
    _check_mqtt_string(topic)
    return topic


def _check_share(levels: list[str]) -> list[str]:
    """The levels of the filter in `$share/name/filter`."""
    share = levels[1] if len(levels) > 1 else ""
    if not share or "#" in share or "+" in share or len(levels) < 3:
        raise ValueError('should be "$share/name/filter", the name without wildcards [MQTT-4.8.2-1] [MQTT-4.8.2-2]')
    return levels[2:]


def is_shared(topic: str) -> bool:
    """Whether the filter is that of a shared subscription."""
    return topic.startswith("$share/")


def _check_filter(text: str) -> str:
    check_placeholders(text, FILTER_WORDS)
    levels = without_placeholders(text).split("/")
    if levels[0] == "$share":
        levels = _check_share(levels)
    if levels == [""]:
        raise ValueError("should be at least one character long [MQTT-4.7.3-1]")
    if any("#" in level for level in levels[:-1]) or ("#" in levels[-1] and levels[-1] != "#"):
        raise ValueError('"#" should be the last level, alone in it: "a/#" [MQTT-4.7.1-1]')
    if any("+" in level and level != "+" for level in levels):
        raise ValueError('"+" should be alone in its level: "a/+/b" [MQTT-4.7.1-2]')
    _check_mqtt_string(text)
    return text


def _check_client_id(text: str) -> str:
    check_placeholders(text, CLIENT_ID_WORDS)
    _check_mqtt_string(text)
    return text


def _check_text(text: str) -> str:
    _check_mqtt_string(text)
    return text


def _check_user_properties(properties: dict[str, str]) -> dict[str, str]:
    for name, value in properties.items():
        _check_mqtt_string(name)
        _check_mqtt_string(value)
    return properties


def _check_address(text: str) -> str:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        raise ValueError('should be an IP address of this machine, such as "127.0.0.2"') from None
    return text


def template_needs_corpus(template: str) -> bool:
    """Whether a template speaks lines of the dialogue corpus."""
    return bool({"character", "text"} & set(words_of(template)))


_DURATION_SCHEMA = WithJsonSchema(
    {
        "anyOf": [{"type": "string", "pattern": DURATION_PATTERN}, {"type": "number", "minimum": 0}],
        "description": 'a duration such as "500ms", "20s", "1h30m", or a number of seconds',
    }
)
_SIZE_SCHEMA = WithJsonSchema(
    {
        "anyOf": [{"type": "string", "pattern": SIZE_PATTERN}, {"type": "integer", "minimum": 0}],
        "description": 'a size such as "1KB", "64KiB", or a number of bytes',
    }
)

_AS_TEXT = PlainSerializer(format_duration, when_used="json")

Duration = Annotated[
    float, BeforeValidator(_read_duration), AfterValidator(_at_most_a_year), _AS_TEXT, _DURATION_SCHEMA
]
"""Seconds; written as "500ms", "20s", "1h30m" or a number."""
PositiveDuration = Annotated[Duration, AfterValidator(_positive), _DURATION_SCHEMA]
WholeSeconds = Annotated[
    float, BeforeValidator(_read_duration), AfterValidator(_whole_seconds), _AS_TEXT, _DURATION_SCHEMA
]
KeepAlive = Annotated[
    WholeSeconds,
    AfterValidator(partial(at_most, limit=65_535, text="65535s, the longest keep alive of MQTT")),
    _DURATION_SCHEMA,
]
SessionExpiry = Annotated[
    WholeSeconds,
    AfterValidator(partial(at_most, limit=4_294_967_295, text="4294967295s, the longest session expiry of MQTT")),
    _DURATION_SCHEMA,
]
WillDelay = Annotated[
    WholeSeconds,
    AfterValidator(partial(at_most, limit=4_294_967_295, text="4294967295s, the longest will delay of MQTT")),
    _DURATION_SCHEMA,
]
Size = Annotated[int, BeforeValidator(_read_size), Field(ge=0, le=LARGEST_PAYLOAD), _SIZE_SCHEMA]
"""Bytes of a payload; written as "1KB", "64KiB" or a number."""
ByteLimit = Annotated[int, BeforeValidator(_read_size), Field(ge=0, le=2**63 - 1), _SIZE_SCHEMA]
Rate = Annotated[
    float | Literal["max"],
    BeforeValidator(_read_rate),
    WithJsonSchema({"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"const": "max"}]}),
]
"""Messages per second of each client, or "max"."""
ProtocolVersion = Annotated[
    Literal["3.1", "3.1.1", "5.0"],
    BeforeValidator(_read_protocol_version),
    WithJsonSchema({"enum": ["3.1", "3.1.1", "5.0", 3, 4, 5]}),
]
TlsVersion = Annotated[
    Literal["1.2", "1.3"], BeforeValidator(_read_tls_version), WithJsonSchema({"enum": ["1.2", "1.3", 1.2, 1.3]})
]
HttpPath = Annotated[str, AfterValidator(_check_http_path)]
ProxyUrl = Annotated[str, AfterValidator(_check_proxy)]
Qos = Annotated[int, BeforeValidator(_read_qos), WithJsonSchema({"enum": [0, 1, 2]})]
Port = Annotated[int, Field(ge=0, le=65_535)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Limit = Annotated[int, Field(ge=0, le=2**32 - 1)]
"""Most of something the embedded broker keeps or takes."""
Limit16 = Annotated[int, Field(ge=0, le=65_535)]
Topic = Annotated[str, AfterValidator(_check_topic)]
"""A topic to publish to; placeholders {i} {n} {group} {client_id}, and {speaker} with the order "by-speaker"."""
TopicFilter = Annotated[str, AfterValidator(_check_filter)]
ClientId = Annotated[str, AfterValidator(_check_client_id)]
ResponseTopic = Annotated[str, AfterValidator(_check_response_topic)]
MqttText = Annotated[str, AfterValidator(_check_text)]
UserProperties = Annotated[dict[str, str], AfterValidator(_check_user_properties)]
PacketSize = Annotated[int, BeforeValidator(_read_size), Field(ge=4, le=268_435_460), _SIZE_SCHEMA]
Template = Annotated[str, Field(max_length=1_000_000)]
"""Payload text; placeholders of topics and {seq} {epoch_ms} {random} {character} {text}; other braces are text."""
Address = Annotated[str, AfterValidator(_check_address)]
GroupName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$")]
