"""The shapes in which topic filters may be given, and what the broker grants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from mqtt_sim.client.payload import utf8
from mqtt_sim.engine import load_core
from mqtt_sim.errors import UsageError
from mqtt_sim.suggestion import did_you_mean

Filters = str | tuple[str, int] | Iterable[Any] | Mapping[str, Any]
"""One filter; (filter, qos); several of these; {filter: qos} or {filter: {"qos": 1, "no_local": True}}."""

_RETAIN_HANDLING = {"send": 0, "send_if_new": 1, "do_not_send": 2, 0: 0, 1: 1, 2: 2}
_OPTIONS = ("qos", "no_local", "retain_as_published", "retain_handling")


class Grant(NamedTuple):
    """The broker's answer to one filter, in the order in which they were asked for."""

    topic: str
    qos: int
    """Highest QoS of its messages; 0x80 or above where the filter was refused."""

    @property
    def is_refused(self) -> bool:
        """Whether the broker said no."""
        return self.qos >= 0x80


def subscribe_entries(filters: Filters, **defaults: Any) -> list[tuple[str, int]]:
    """(filter, options byte of SUBSCRIBE) for each. Raises UsageError."""
    entries = [(topic, _options_byte({**defaults, **options})) for topic, options in _each(filters)]
    if not entries:
        raise UsageError("subscribe: there should be at least one topic filter [MQTT-3.8.3-2]")
    return [(check_filter(topic), options) for topic, options in entries]


def _each(filters: Any) -> Iterable[tuple[Any, dict[str, Any]]]:
    if isinstance(filters, str):
        yield filters, {}
    elif isinstance(filters, Mapping):
        for topic, options in filters.items():
            yield topic, _options(options)
    elif isinstance(filters, tuple) and len(filters) == 2 and not isinstance(filters[1], str | tuple):
        yield filters[0], _options(filters[1])
    elif isinstance(filters, Iterable) and not isinstance(filters, bytes | bytearray):
        for item in filters:
            yield from _each(item)
    else:
        raise UsageError(f"subscribe: a topic filter should be a text, found {type(filters).__name__}")


def _options(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {"qos": value}


def _options_byte(options: dict[str, Any]) -> int:
    """Section 3.8.3.1."""
    for name in options:
        if name not in _OPTIONS:
            raise UsageError(f"subscribe: there is no option {name!r}; {did_you_mean(name, _OPTIONS)}")
    qos, handling = options.get("qos", 0), options.get("retain_handling", "send")
    if handling not in _RETAIN_HANDLING:
        raise UsageError(f"subscribe: retain_handling should be send, send_if_new or do_not_send, found {handling!r}")
    flags = bool(options.get("no_local")) << 2 | bool(options.get("retain_as_published")) << 3
    return check_qos(qos) | flags | _RETAIN_HANDLING[handling] << 4


def check_qos(qos: Any) -> int:
    """`qos`. Raises UsageError unless it is 0, 1 or 2."""
    if qos not in (0, 1, 2) or isinstance(qos, bool | float):
        raise UsageError(f"qos should be 0, 1 or 2, found {qos!r}")
    return int(qos)


def check_filter(text: Any) -> str:
    """`text`. Raises UsageError unless it is a topic filter."""
    if not isinstance(text, str):
        raise UsageError(f"a topic filter should be a text, found {type(text).__name__}")
    if not text.isascii():
        utf8(text, "topic filter")
    if not load_core().is_topic_filter(text):
        raise UsageError(f'{text!r} is no topic filter: "#" alone at the end, "+" alone in a level, no NUL')
    return text


def filter_list(filters: str | Iterable[str]) -> list[str]:
    """Filters to unsubscribe from. Raises UsageError."""
    if not isinstance(filters, Iterable) or isinstance(filters, bytes | bytearray):
        raise UsageError(f"unsubscribe: a topic filter should be a text, found {type(filters).__name__}")
    listed = [filters] if isinstance(filters, str) else list(filters)
    if not listed:
        raise UsageError("unsubscribe: there should be at least one topic filter [MQTT-3.10.3-2]")
    return [check_filter(text) for text in listed]
