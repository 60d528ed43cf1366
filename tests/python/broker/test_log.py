"""What a broker tells Python's logging, and how the command writes it."""

from __future__ import annotations

import io
import json
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import mqtt_sim
from mqtt_sim.inside.log import LOGGER, JsonFormatter, LogOutput, TextFormatter


class Records(logging.Handler):
    """Keeps what it gets, and can be slow about it."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def emit(self, record: logging.LogRecord) -> None:
        self.may_go_on.wait(30)
        self.records.append(record)

    def of(self, event: str) -> list[logging.LogRecord]:
        return [record for record in self.records if getattr(record, "event", None) == event]


@pytest.fixture
def records() -> Iterator[Records]:
    handler = Records()
    before = LOGGER.level
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.DEBUG)
    yield handler
    LOGGER.removeHandler(handler)
    LOGGER.setLevel(before)


def session(**options: Any) -> None:
    """One client's life at a broker of its own."""
    with mqtt_sim.Broker(**options) as broker, mqtt_sim.connect(broker.url, client_id="anna") as anna:
        anna.subscribe("a/#", qos=1)
        anna.publish("a/b", "hello", qos=1)


@pytest.mark.net
@pytest.mark.req("M-02")
@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("off", set()),
        ("error", set()),
        ("info", {"ready", "client_connected", "client_disconnected", "closed"}),
        (
            "debug",
            {"ready", "client_connected", "subscribed", "published", "client_disconnected", "unsubscribed", "closed"},
        ),
    ],
)
def test_level_filters_events(records: Records, level: str, expected: set[str]) -> None:
    session(log_level=level)
    events = {getattr(record, "event", "") for record in records.records}
    assert expected <= events
    assert level != "info" or events == expected
    assert bool(events) == bool(expected)


@pytest.mark.net
@pytest.mark.req("M-02")
def test_record_has_its_level_client_and_topic(records: Records) -> None:
    session(log_level="debug")
    [published] = records.of("published")
    assert (published.levelname, published.client_id, published.topic) == ("DEBUG", "anna", "a/b")  # type: ignore[attr-defined]
    assert published.getMessage() == "a/b, 5 bytes at QoS 1"
    [connected] = records.of("client_connected")
    assert connected.levelname == "INFO"
    assert connected.getMessage().endswith("MQTT 3.1.1")


@pytest.mark.net
@pytest.mark.req("M-02")
def test_what_clients_do_wrong_is_a_warning(records: Records) -> None:
    broker = mqtt_sim.Broker(log_level="warning", credentials={"anna": "right"})
    with broker, pytest.raises(mqtt_sim.ConnectError):
        mqtt_sim.connect(broker.url, client_id="c", username="anna", password="wrong", reconnect_period=0)
    assert [record.levelname for record in records.records] == ["WARNING"]
    assert "bad user name or password" in records.records[0].getMessage()


@pytest.mark.net
@pytest.mark.req("M-02")
def test_slow_logging_holds_up_no_client(records: Records) -> None:
    records.may_go_on.clear()
    with mqtt_sim.Broker(log_level="debug", event_queue=10) as broker:
        with mqtt_sim.connect(broker.url, client_id="anna") as anna:
            anna.subscribe("a", qos=1)
            for number in range(100):
                anna.publish("a", str(number), qos=1)  # each waits for its PUBACK
            assert broker.stats()["messages_in"] == 100
        assert broker.events_dropped > 0
        assert len(records.records) <= 1
        records.may_go_on.set()


def record(message: str = "it", **extra: Any) -> logging.LogRecord:
    made = logging.LogRecord("mqtt_sim.broker", logging.INFO, "", 0, "%s", (message,), None)
    made.__dict__.update({"event": "published", "client_id": "anna", "topic": None} | extra)
    made.created = 0.25
    return made


@pytest.mark.req("M-02")
def test_json_lines_have_time_level_event_and_client() -> None:
    assert json.loads(JsonFormatter().format(record(topic="a\nb"))) == {
        "time": "1970-01-01T00:00:00.250Z",
        "level": "info",
        "event": "published",
        "client_id": "anna",
        "message": "it",
        "topic": "a\nb",
    }
    assert "\n" not in JsonFormatter().format(record("a\nb"))


def test_text_lines_cannot_be_forged_by_a_client() -> None:
    formatted = TextFormatter().format(record(client_id="x\n2026 error y\x1b[2J"))
    assert formatted == "1970-01-01T00:00:00.250Z info published x\\x0a2026 error y\\x1b[2J: it"
    assert TextFormatter().format(record(client_id=None)) == "1970-01-01T00:00:00.250Z info published: it"


def test_output_of_a_command_takes_the_records_and_gives_the_logger_back() -> None:
    stream = io.StringIO()
    before = (LOGGER.level, LOGGER.propagate, list(LOGGER.handlers))
    with LogOutput(stream, "warning", "text"):
        LOGGER.info("no")
        LOGGER.warning("yes", extra={"event": "e", "client_id": "c"})
    assert (LOGGER.level, LOGGER.propagate, LOGGER.handlers) == before
    assert stream.getvalue().endswith(" warning e c: yes\n")
    assert stream.getvalue().count("\n") == 1


def test_scenario_has_no_log_of_its_own() -> None:
    with pytest.raises(mqtt_sim.ScenarioError, match=r"broker\.log_level.*in its report"):
        mqtt_sim.run({"name": "x", "devices": [{}], "broker": {"log_level": "info"}})
