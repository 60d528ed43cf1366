"""Whole runs against brokers that break the rules: never a crash, a hang or a wrong count; each ends in a named reason.

The broker counts for itself (scripted_broker.py), and the Result has to agree with it to the message.
"""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import misbehaviours as broken
import pytest
from raw_mqtt import Frame, connack, disconnect, varint
from scripted_broker import ScriptedBroker, Session

import mqtt_sim

PATIENCE_S = 20
LEVELS = {"3.1.1": 4, "5.0": 5}
PATIENT = {"generator": {"lateness_limit": "5s", "rate_shortfall_limit": 1}}


def scenario(version: str = "3.1.1", qos: int = 1, **changes: Any) -> dict[str, Any]:
    """Two producers of 15 messages each and a consumer of both."""
    client = {"protocol_version": version, **changes.pop("client", {})}
    return {
        "name": "misbehaviour",
        "duration": "300ms",
        "drain": "300ms",
        "connect": {"timeout": "600ms"},
        "client": client,
        "producers": [
            {
                "name": "p",
                "count": 2,
                "topic": "t/{i}",
                "rate": 50,
                "qos": qos,
                "payload": {"kind": "size", "size": 64},
                "stamp": "trailer",
            }
        ],
        "consumers": [{"name": "c", "count": 1, "topics": ["t/0", "t/1"], "qos": 2}],
        **PATIENT,
        **changes,
    }


def run(broker: ScriptedBroker, document: dict[str, Any]) -> mqtt_sim.Result:
    """The run, which must end in time."""
    began = time.monotonic()
    result = mqtt_sim.run(document, broker=broker.url)
    assert time.monotonic() - began < PATIENCE_S
    assert_reconciled(result, broker)
    return result


def assert_reconciled(result: mqtt_sim.Result, broker: ScriptedBroker) -> None:
    """What the Result says and what the broker saw are the same numbers."""
    counts = result.counts
    assert counts["offered"] + counts["lost"] >= counts["unsent"]
    assert result.delivered + counts["foreign"] + counts["undecodable"] <= broker.counts["delivered"]
    assert counts["delivered"] - counts["duplicated"] == counts["expected"] - counts["lost"]


def errors_of(result: mqtt_sim.Result) -> dict[str, int]:
    """Distinct errors and how often."""
    return {str(error["text"]): int(error["count"]) for error in result.errors}


# ---- clients that cannot be brought up


@dataclass(frozen=True)
class BringUp:
    """A broker that lets nobody in, and what the run says."""

    session: type[Session]
    kind: str
    text: str
    reason: int | None = None
    clients: int = 3


BRING_UP = [
    BringUp(broken.ClosesAtOnce, "refused", "connection reset"),
    BringUp(broken.ResetsAtOnce, "refused", "connection reset"),
    BringUp(broken.ClosesAfterConnect, "refused", "closed by peer"),
    BringUp(broken.NeverAnswers, "connect_timeout", "connack timeout"),
    BringUp(broken.PublishesBeforeConnack, "refused", "packet before CONNACK", 0x82),
    BringUp(broken.SaysSessionPresent, "refused", "session present after a clean start", 0x82),
    BringUp(broken.SubscribesNobody, "refused", "broker refused the subscription: unspecified error", 0x80, 1),
    BringUp(broken.NeverSubscribes, "subscribe_timeout", "no answer to SUBSCRIBE in time", None, 1),
    BringUp(broken.AnswersFewerFilters, "refused", "SUBACK with another number of codes", 0x82, 1),
    BringUp(broken.StopsReading, "subscribe_timeout", "no answer to SUBSCRIBE in time", None, 1),
]


@pytest.mark.parametrize("version", LEVELS)
@pytest.mark.parametrize("row", BRING_UP, ids=lambda row: row.session.__name__)
def test_a_client_that_cannot_be_brought_up_ends_the_run_with_the_reason(row: BringUp, version: str) -> None:
    with ScriptedBroker(row.session) as broker:
        result = run(broker, scenario(version))
    assert (result.status, result.exit_code) == ("could_not_run", 106)
    assert result.failure is not None
    assert result.failure["kind"] == row.kind
    assert 1 <= result.failure["clients"] <= row.clients, "the run ends with the first, others may fail in that moment"
    is_reset = row.text == "connection reset" and any(word in result.failure["text"] for word in ("reset", "closed"))
    assert result.failure["text"] == row.text or is_reset
    assert result.failure["reason_code"] == row.reason
    assert result.counts["offered"] == 0


REFUSALS = {
    "3.1.1": {1: "unsupported protocol version", 2: "client identifier not valid", 3: "server unavailable"}
    | {4: "bad user name or password", 5: "not authorized"},
    "5.0": {0x80: "unspecified error", 0x84: "unsupported protocol version", 0x87: "not authorized"}
    | {0x88: "server unavailable", 0x89: "server busy", 0x8A: "banned", 0x97: "quota exceeded"}
    | {0x9C: "use another server", 0x9F: "connection rate exceeded"},
}


@pytest.mark.parametrize(
    ("version", "code", "name"), [(v, code, name) for v, rows in REFUSALS.items() for code, name in rows.items()]
)
def test_every_refusal_is_named(version: str, code: int, name: str) -> None:
    class Refuses(Session):
        async def on_connect(self, frame: Frame) -> None:
            self.send(connack(code, self.level))
            await self.close()

    with ScriptedBroker(Refuses) as broker:
        result = run(broker, scenario(version))
    assert result.exit_code == 106
    assert result.failure is not None
    assert result.failure["text"] == f"broker refused the connection: {name}"
    assert 1 <= result.counts["refused"] <= len(broker.connects) <= 3, "the run ends with the first"


# ---- runs that go on, and what they count


@dataclass(frozen=True)
class Counted:
    """A broker that works in its way, and the counts that differ from 30 sent, acknowledged, delivered."""

    session: type[Session]
    qos: int
    counts: dict[str, int]
    missed: set[str] = field(default_factory=set)
    errors: dict[str, int] = field(default_factory=dict)
    versions: tuple[str, ...] = ("3.1.1", "5.0")


COUNTED = [
    Counted(Session, 0, {"acknowledged": 0}),
    Counted(Session, 1, {}),
    Counted(Session, 2, {}),
    Counted(broken.OneByteAtATime, 2, {}),
    Counted(broken.AllAtOnce, 1, {}),
    Counted(broken.NeverAcknowledges, 1, {"acknowledged": 0, "unacknowledged": 30}, {"unacknowledged"}),
    Counted(broken.NeverAcknowledges, 2, {"acknowledged": 0, "unacknowledged": 30}, {"unacknowledged"}),
    Counted(broken.AcknowledgesTwice, 1, {}),
    Counted(broken.AcknowledgesTwice, 2, {}),
    Counted(broken.AcknowledgesNobody, 1, {}),
    Counted(broken.AcknowledgesNobody, 2, {}),
    Counted(broken.AcknowledgesBackwards, 1, {"acknowledged": 28, "unacknowledged": 2}, {"unacknowledged"}),
    Counted(broken.AcknowledgesBackwards, 2, {"acknowledged": 28, "unacknowledged": 2}, {"unacknowledged"}),
    Counted(
        broken.RefusesMessages,
        1,
        {"acknowledged": 0, "publish_failed": 30, "lost": 30, "delivered": 0},
        {"lost"},
        {"publish refused: quota exceeded": 30},
        ("5.0",),
    ),
    Counted(
        broken.RefusesMessages,
        2,
        {"acknowledged": 0, "publish_failed": 30, "lost": 30, "delivered": 0},
        {"lost"},
        {"publish refused: quota exceeded": 30},
        ("5.0",),
    ),
    Counted(broken.LosesMessages, 1, {"delivered": 20, "lost": 10}, {"lost"}),
    Counted(broken.LosesMessages, 2, {"delivered": 20, "lost": 10}, {"lost"}),
    Counted(broken.DoublesMessages, 1, {"delivered": 60, "duplicated": 30}),
    Counted(broken.DoublesMessages, 2, {"delivered": 60, "duplicated": 30}, {"duplicated"}),
    Counted(broken.RepeatsExactlyOnce, 2, {}),
    Counted(broken.AltersPayloads, 1, {"delivered": 0, "lost": 30, "undecodable": 30}, {"lost"}),
    Counted(broken.DeliversToAnyone, 1, {"foreign": 60}),
    Counted(broken.NeverPongs, 1, {}),
]


@pytest.mark.parametrize(
    ("row", "version"),
    [(row, version) for row in COUNTED for version in row.versions],
    ids=lambda value: f"{value.session.__name__}-{value.qos}" if isinstance(value, Counted) else str(value),
)
def test_a_run_counts_what_the_broker_did(row: Counted, version: str) -> None:
    with ScriptedBroker(row.session) as broker:
        result = run(broker, scenario(version, row.qos))
    expected = dict.fromkeys(("offered", "written", "acknowledged", "delivered", "expected"), 30)
    others = ("lost", "duplicated", "reordered", "undecodable", "foreign", "publish_failed", "unsent", "unacknowledged")
    expected |= {**dict.fromkeys(others, 0), **row.counts}
    assert {name: result.counts[name] for name in expected} == expected
    assert {verdict.metric for verdict in result.thresholds if not verdict.ok} == row.missed
    assert result.exit_code == (99 if row.missed else 0)
    assert errors_of(result) == row.errors
    assert broker.counts["published"] == result.written


def test_messages_out_of_order_are_counted() -> None:
    """[MQTT-4.6.0-6]"""
    document = scenario(qos=2)
    document["producers"][0]["count"] = 1
    document["consumers"][0]["topics"] = ["t/0"]
    document["producers"][0]["messages"] = 14
    with ScriptedBroker(broken.ReordersMessages) as broker:
        result = run(broker, document)
    assert (result.delivered, result.reordered, result.lost) == (14, 7, 0)
    assert [verdict.metric for verdict in result.thresholds if not verdict.ok] == ["reordered"]


# ---- connections that are lost in the middle

RECONNECTS = {
    "3.1.1": {"clean_start": False, "reconnect_period": "50ms"},
    "5.0": {"session_expiry_interval": "60s", "reconnect_period": "50ms"},
}


@pytest.mark.parametrize("version", LEVELS)
@pytest.mark.parametrize("qos", [1, 2])
def test_a_connection_cut_before_the_answer_gets_the_same_publish_again_with_dup(version: str, qos: int) -> None:
    """[MQTT-4.4.0-1] [MQTT-3.3.1-1]"""
    with ScriptedBroker(broken.CutsBeforeAck) as broker:
        result = run(broker, scenario(version, qos, client=RECONNECTS[version], drain="2s"))
    assert sorted(broker.cuts) == sorted(broker.repeats)
    assert len(broker.cuts) == 2
    assert result.counts["acknowledged"] == result.delivered == result.expected == 30
    assert (result.counts["disconnected"], result.counts["reconnected"]) == (2, 2)
    assert (result.counts["unsent"], result.counts["unacknowledged"], result.lost, result.duplicated) == (0, 0, 0, 0)


@pytest.mark.parametrize("version", LEVELS)
def test_a_connection_cut_after_pubrec_goes_on_with_pubrel(version: str) -> None:
    """[MQTT-4.4.0-1]: never the PUBLISH again."""
    with ScriptedBroker(broken.CutsAfterPubrec) as broker:
        result = run(broker, scenario(version, 2, client=RECONNECTS[version], drain="2s"))
    assert sorted(broker.cuts) == sorted(broker.repeats)
    assert len(broker.cuts) == 2
    assert result.counts["acknowledged"] == 30
    assert result.duplicated == 0


@pytest.mark.parametrize(
    ("session", "version"), [(broken.HalfCloses, "3.1.1"), (broken.HalfCloses, "5.0"), (broken.TakesOver, "5.0")]
)
def test_what_a_lost_producer_could_not_send_fails_the_run(session: type[Session], version: str) -> None:
    with ScriptedBroker(session) as broker:
        result = run(broker, scenario(version))
    assert result.counts["disconnected"] == 2
    assert result.counts["written"] + result.counts["unsent"] == result.counts["offered"] == 30
    assert broker.counts["published"] == result.written < 30
    assert "unsent" in {verdict.metric for verdict in result.thresholds if not verdict.ok}
    assert result.exit_code == 99
    text = "session taken over" if session is broken.TakesOver else "closed by peer"
    assert errors_of(result)[text] == 2


def test_a_client_whose_session_was_taken_over_does_not_fight() -> None:
    """[MQTT-3.1.4-3]: 0x8E means that somebody else is here now."""
    document = scenario("5.0", client={"reconnect_period": "20ms"})
    with ScriptedBroker(broken.TakesOver) as broker:
        run(broker, document)
    assert len(broker.connects) == 3


def test_a_broker_that_always_closes_is_not_hammered() -> None:
    class ClosesLater(Session):
        async def on_publish(self, frame: Frame) -> None:
            await super().on_publish(frame)
            await self.close()

        async def on_connect(self, frame: Frame) -> None:
            if self.number > 2:
                await self.close()
            else:
                await super().on_connect(frame)

    client = {"reconnect_period": "250ms", "reconnect_jitter": "full"}
    document = scenario(client=client, duration="8s", drain="100ms")
    document["producers"][0] |= {"count": 1, "rate": 1}
    with ScriptedBroker(ClosesLater) as broker:
        result = run(broker, document)
    attempts = len(broker.connected_at) - 2
    assert 2 <= attempts <= 12, f"{attempts} connects in 8 s"
    assert result.exit_code == 99


@pytest.mark.parametrize("version", LEVELS)
def test_a_broker_that_never_pongs_is_left_when_the_keep_alive_has_passed(version: str) -> None:
    """[MQTT-3.1.2-22]"""
    document = scenario(version, client={"keep_alive": "1s"}, duration="2800ms")
    document["consumers"][0]["qos"] = 0  # it has nothing to say but PINGREQ
    with ScriptedBroker(broken.NeverPongs) as broker:
        result = run(broker, document)
    assert errors_of(result) == {"no PINGRESP in time": 1}, "the consumer is the one that is silent"
    assert result.counts["disconnected"] == 1


# ---- packets that no broker may send


@pytest.mark.parametrize(
    ("version", "what"), [(version, what) for version, level in LEVELS.items() for what in broken.broken(level)]
)
def test_a_packet_that_breaks_the_protocol_ends_the_connection_with_a_named_reason(version: str, what: str) -> None:
    """[MQTT-4.13.1-1] [MQTT-4.8.0-1] of 3.1.1"""

    class SaysIt(broken.Says):
        bytes_to_say = broken.broken(LEVELS[version])[what]

    with ScriptedBroker(SaysIt) as broker:
        result = run(broker, scenario(version))
    tolerated = what.endswith("nobody asked for") and result.counts["disconnected"] == 0
    if tolerated:
        assert result.passed, result
        return
    assert result.counts["disconnected"] == 2
    assert result.exit_code == 99
    assert sum(errors_of(result).values()) >= 2
    # A message whose answer was on its way may be lost with the connection: that is told too, without a code.
    unnamed = [str(error["text"]) for error in result.errors if not error["reason"]]
    assert set(unnamed) <= {"connection lost before the publish was acknowledged"}, result.errors
    if version == "5.0":
        farewells = [frame.body[0] for frame in broker.farewells if frame.body and frame.body[0] >= 0x80]
        assert len(farewells) == 2, "a 5.0 client says why it leaves"
    assert result.counts["written"] + result.counts["unsent"] + result.counts["publish_failed"] >= 30


# ---- limits of a server


def test_a_receive_maximum_of_two_is_kept() -> None:
    """[MQTT-3.3.4-7], [MQTT-4.9.0-2]"""

    class Narrow(broken.NeverAcknowledges):
        async def on_connect(self, frame: Frame) -> None:
            self.send(connack(level=5, properties=b"\x21\0\2"))

    with ScriptedBroker(Narrow) as broker:
        result = run(broker, scenario("5.0"))
    assert broker.counts["published by p-0"] == broker.counts["published by p-1"] == 2
    assert result.counts["unacknowledged"] == 4
    assert result.counts["unsent"] == 26


@pytest.mark.parametrize(
    ("properties", "qos", "why"),
    [
        (b"\x24\0", 1, "QoS above the maximum of the server"),
        (b"\x24\1", 2, "QoS above the maximum of the server"),
        (b"\x27\0\0\0\x20", 1, "too large"),
    ],
    ids=["maximum QoS 0", "maximum QoS 1", "maximum packet size 32"],
)
def test_what_a_server_does_not_take_is_not_sent(properties: bytes, qos: int, why: str) -> None:
    """[MQTT-3.2.2-11] [MQTT-3.2.2-15]"""

    class Limited(Session):
        async def on_connect(self, frame: Frame) -> None:
            mine = b"" if self.client_id.startswith("c") else properties
            self.send(connack(level=5, properties=mine))

    with ScriptedBroker(Limited) as broker:
        result = run(broker, scenario("5.0", qos))
    assert broker.counts["published"] == result.written == 0
    assert result.counts["publish_failed"] == 30
    assert errors_of(result) == {f"the broker does not take such a message: {why}": 30}


def test_the_keep_alive_of_the_server_is_used() -> None:
    """[MQTT-3.2.2-21]"""

    class Hurries(Session):
        async def on_connect(self, frame: Frame) -> None:
            self.send(connack(level=5, properties=b"\x13\0\1"))

    document = scenario("5.0", client={"keep_alive": "0s"}, duration="1800ms")
    document["consumers"][0]["qos"] = 0  # it has nothing to say but PINGREQ
    with ScriptedBroker(Hurries) as broker:
        assert run(broker, document).passed
    assert broker.seen[12] >= 1, "PINGREQ"


def test_a_huge_announced_packet_costs_nothing_and_hides_nothing() -> None:
    with ScriptedBroker(broken.AnnouncesHuge) as broker:
        result = run(broker, scenario())
    assert result.delivered == 30
    assert result.counts["acknowledged"] == 2
    assert result.counts["unacknowledged"] == 28
    assert result.exit_code == 99


def test_a_redirect_is_reported_with_the_server_it_names() -> None:
    reference = b"\x1c" + b"\0\x10" + b"other.example:18"

    class Redirects(Session):
        async def on_publish(self, frame: Frame) -> None:
            await super().on_publish(frame)
            self.send(disconnect(0x9D, properties=reference))
            await self.close()

    with ScriptedBroker(Redirects) as broker:
        result = run(broker, scenario("5.0"))
    assert any(text.startswith("server moved") for text in errors_of(result)), errors_of(result)
    assert varint(len(reference)) == b"\x13"


# ---- many at once


def test_a_thousand_connects_refused_at_once_end_in_one_reason() -> None:
    class Refuses(Session):
        async def on_connect(self, frame: Frame) -> None:
            self.send(connack(5))
            await self.close()

    document = scenario()
    document["producers"][0]["count"] = 1000
    document["consumers"] = []
    with ScriptedBroker(Refuses) as broker:
        result = run(broker, document)
    assert result.failure is not None
    refused = result.counts["refused"]
    assert 0 < refused == result.failure["clients"] <= len(broker.connects)
    assert errors_of(result) == {"broker refused the connection: not authorized": refused}


def test_the_command_line_ends_with_the_reason_and_the_exit_code() -> None:
    with ScriptedBroker(broken.NeverAnswers) as broker:
        command = [sys.executable, "-m", "mqtt_sim", "episode4", "--broker", broker.url, "--no-live", "--quiet"]
        command += ["--set", "connect.timeout=500ms"]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert ended.returncode == 106
    assert "connack timeout" in ended.stdout + ended.stderr
