"""What happens in a broker, as records of Python's logging: the logger `mqtt_sim.broker`, each event at its level.

The records are made where events are handled, on a thread of the broker's own or the event loop. A logging handler that
is slow makes events wait, and in the end some are dropped (`event_queue`); the broker and its clients go on.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mqtt_sim.inside.client import BrokerClient
from mqtt_sim.inside.message import PublishedMessage

if TYPE_CHECKING:
    from mqtt_sim.inside.surface import Inside

LOGGER = logging.getLogger("mqtt_sim.broker")
LEVELS = {"error": logging.ERROR, "warning": logging.WARNING, "info": logging.INFO, "debug": logging.DEBUG}

_TOLD = {
    "error": logging.ERROR,
    "client_error": logging.WARNING,
    "connection_error": logging.WARNING,
    "keepalive_timeout": logging.WARNING,
    "ready": logging.INFO,
    "client_connected": logging.INFO,
    "client_disconnected": logging.INFO,
    "closed": logging.INFO,
    "subscribed": logging.DEBUG,
    "unsubscribed": logging.DEBUG,
    "published": logging.DEBUG,
    "ack": logging.DEBUG,
    "ping": logging.DEBUG,
}
_WORDS: dict[str, Callable[..., str]] = {
    "error": str,
    "client_error": lambda client, error: str(error),
    "connection_error": lambda client, error: str(error),
    "keepalive_timeout": lambda client: f"silent for one and a half times {client.keepalive} s",
    "ready": lambda: "all listeners accept",
    "client_connected": lambda client: f"from {client.address} by {client.listener}, MQTT {client.protocol_version}",
    "client_disconnected": lambda client: str(client.reason),
    "closed": lambda: "the broker has ended",
    "subscribed": lambda topic, client: f"{topic} at QoS {topic.qos}",
    "unsubscribed": lambda topic, client: str(topic),
    "published": lambda packet, client: f"{packet.topic}, {len(packet.payload)} bytes at QoS {packet.qos}",
    "ack": lambda packet, client: f"{packet.topic}",
    "ping": lambda packet, client: "ping",
}


def begin_to_log(broker: Inside, level: str) -> None:
    """From now on the logger has a record of each event of this level or a more serious one."""
    for event, of_event in _TOLD.items():
        if of_event >= LEVELS[level]:
            broker.on(event, _recording(event, of_event))


def _recording(event: str, level: int) -> Callable[..., None]:
    def record(*about: Any) -> None:
        client = next((one for one in about if isinstance(one, BrokerClient)), None)
        topic = next((one.topic for one in about if isinstance(one, PublishedMessage)), None)
        extra = {"event": event, "client_id": client.id if client else None, "topic": topic}
        LOGGER.log(level, "%s", _WORDS[event](*about), extra=extra)

    return record


class TextFormatter(logging.Formatter):
    """`2026-01-31T12:00:00.000Z info client_connected anna: from 127.0.0.1:5000 by default, MQTT 5.0`"""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        facts = _facts(record)
        who = f" {facts['client_id']}" if facts["client_id"] else ""
        text = f"{facts['time']} {facts['level']} {facts['event']}{who}: {facts['message']}"
        return text.translate(_ON_ONE_LINE)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, event, client_id and message; topic where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        return json.dumps(_facts(record), ensure_ascii=False)


_ON_ONE_LINE = {code: f"\\x{code:02x}" for code in (*range(0x20), 0x7F)}
"""What a client put into a name must not look like another line, or reach a terminal."""


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    topic = getattr(record, "topic", None)
    return {
        "time": time,
        "level": record.levelname.lower(),
        "event": getattr(record, "event", record.name),
        "client_id": getattr(record, "client_id", None),
        "message": record.getMessage(),
    } | ({} if topic is None else {"topic": topic})


FORMATTERS: dict[str, type[logging.Formatter]] = {"text": TextFormatter, "json": JsonFormatter}


class LogOutput:
    """While it lasts, the records of brokers are written to a stream, and nowhere else."""

    def __init__(self, stream: Any, level: str, form: str) -> None:
        self._handler = logging.StreamHandler(stream)
        self._handler.setFormatter(FORMATTERS[form]())
        self._level = LEVELS[level]

    def __enter__(self) -> None:
        self._before = LOGGER.level, LOGGER.propagate
        LOGGER.addHandler(self._handler)
        LOGGER.setLevel(self._level)
        LOGGER.propagate = False

    def __exit__(self, *why: object) -> None:
        LOGGER.removeHandler(self._handler)
        level, LOGGER.propagate = self._before
        LOGGER.setLevel(level)
