"""Whole runs with the compiled engine, small ones: in virtual time, and over loopback against the embedded broker."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import mqtt_sim
from mqtt_sim.report.json_file import report_text

ROOT = Path(__file__).resolve().parents[2]
EPISODE4 = ROOT / "scenarios/episode4.json"
TINY = {"duration": "1s", "producers.cast.count": 20, "producers.cast.rate": 10, "consumers.audience.count": 20}
# A busy machine must not fail tests of what is counted.
PATIENT = {"generator": {"lateness_limit": "5s", "rate_shortfall_limit": 1}}


def scenario(**changes: Any) -> dict[str, Any]:
    return {
        "name": "tiny",
        "duration": "1s",
        "producers": [
            {"name": "cast", "count": 5, "topic": "t/{i}", "rate": 20, "payload": {"kind": "size", "size": 64}}
        ],
        "consumers": [{"name": "audience", "count": 5, "topic": "t/{i}"}],
        **PATIENT,
        **changes,
    }


def with_qos(qos: int, **changes: Any) -> dict[str, Any]:
    document = scenario(**changes)
    document["producers"][0]["qos"] = document["consumers"][0]["qos"] = qos
    return document


# ---- virtual time


@pytest.mark.sim
@pytest.mark.req("P-03", "D-04")
def test_the_snippet_of_the_readme_holds() -> None:
    result = mqtt_sim.run(EPISODE4, sim=True, seed=4, set={"duration": "5s"})
    assert result.latency.p99 < 0.050 and result.lost == 0  # noqa: PT018
    assert result.passed, result
    assert result.delivered == result.expected == 5 * 4 * 1000


@pytest.mark.sim
@pytest.mark.req("Z-02")
def test_same_seed_is_the_same_bytes_and_another_is_not() -> None:
    jitter = {**TINY, "link.jitter": "1ms"}
    texts = [report_text(mqtt_sim.run(EPISODE4, sim=True, seed=seed, set=jitter)) for seed in (4, 4, 5)]
    assert texts[0] == texts[1]
    assert texts[0].replace('"seed": 4', '"seed": 5') != texts[2]


@pytest.mark.sim
@pytest.mark.req("D-03")
def test_latency_of_the_link_is_the_latency_measured() -> None:
    result = mqtt_sim.run(scenario(link={"latency": "10ms"}), sim=True)
    assert result.latency.p50 == pytest.approx(0.020, rel=1e-2)
    assert result.latency.percentile(99.99) == pytest.approx(0.020, rel=1e-2)
    assert result.connect_tcp.p50 == pytest.approx(0.020, rel=1e-2)
    assert result.lateness.max == 0


@pytest.mark.sim
@pytest.mark.req("P-10")
def test_missed_threshold_fails_the_run() -> None:
    result = mqtt_sim.run(scenario(link={"latency": "10ms"}, thresholds={"latency": ["p(99)<15ms"]}), sim=True)
    assert (result.status, result.exit_code) == ("failed", 99)
    with pytest.raises(mqtt_sim.ThresholdError, match=r"latency  p\(99\)<15ms\s+actual 20 ms"):
        result.raise_for_status()


@pytest.mark.sim
@pytest.mark.parametrize("version", ["3.1", "3.1.1", "5.0"])
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_every_version_and_quality_of_service_delivers(version: str, qos: int) -> None:
    result = mqtt_sim.run(with_qos(qos, client={"protocol_version": version}), sim=True)
    assert result.passed, result
    assert result.delivered == result.expected == 100
    assert result.acknowledged == (100 if qos else 0)


@pytest.mark.sim
@pytest.mark.parametrize(
    ("payload", "stamp"),
    [
        ({"kind": "dialogue", "order": "shuffle"}, "json"),
        ({"kind": "dialogue", "place": "split"}, "auto"),
        ({"kind": "size", "size": "1KB"}, "trailer"),
        ({"kind": "template", "template": '{"n":{seq},"who":"{client_id}","r":{random}}'}, "json"),
        ({"kind": "template", "template": "{epoch_ms} of {group}"}, "auto"),
    ],
)
def test_every_payload_is_delivered_and_measured(payload: dict[str, Any], stamp: str) -> None:
    document = scenario()
    document["producers"][0] |= {"payload": payload, "stamp": stamp}
    result = mqtt_sim.run(document, sim=True)
    assert result.passed, result
    assert (result.latency.count, result.counts["undecodable"]) == (100, 0)


@pytest.mark.sim
@pytest.mark.req("K-07")
def test_each_speaker_has_a_topic(tmp_path: Path) -> None:
    corpus = tmp_path / "lines.txt"
    rows = ['"1" "ALPHA" "One."', '"2" "BETA" "Two."', '"3" "ALPHA" "Three."']
    corpus.write_text('"character" "dialogue"\n' + "\n".join(rows) + "\n")
    document = scenario(consumers=[{"name": "audience", "topics": ["film/ALPHA", "film/BETA"]}])
    document["producers"][0] |= {
        "count": 2,
        "topic": "film/{speaker}",
        "payload": {"kind": "dialogue", "order": "by-speaker", "loop": False},
    }
    result = mqtt_sim.run(document, sim=True, corpus=corpus)
    assert result.passed, result
    assert result.delivered == 3


@pytest.mark.sim
def test_devices_publish_and_subscribe_in_one_client() -> None:
    device = {
        "count": 4,
        "publish": {"topic": "d/{i}", "rate": 10, "payload": "size"},
        "subscribe": {"topics": ["d/#"]},
    }
    result = mqtt_sim.run({"name": "devices", "duration": "1s", "devices": [device], **PATIENT}, sim=True)
    assert result.passed, result
    assert (result.offered, result.delivered) == (40, 160)


@pytest.mark.sim
@pytest.mark.parametrize(
    ("change", "path", "told"),
    [
        ({"payload": {"kind": "size", "size": 8}}, "producers[0].payload.size", "at least 32 bytes"),
        (
            {"payload": {"kind": "template", "template": "no json"}, "stamp": "json"},
            "producers[0].stamp",
            "JSON object",
        ),
    ],
)
def test_what_only_the_core_can_judge_is_told_by_our_path(change: dict[str, Any], path: str, told: str) -> None:
    document = scenario()
    document["producers"][0] |= change
    with pytest.raises(mqtt_sim.ScenarioError, match=told) as error:
        mqtt_sim.run(document, sim=True)
    assert error.value.path == path


@pytest.mark.sim
@pytest.mark.req("K-03")
def test_broken_corpus_is_told_by_the_real_reader(tmp_path: Path) -> None:
    corpus = tmp_path / "broken.txt"
    corpus.write_text('"character" "dialogue"\n"1" "A" "One."\n"2" "A" "Two.\n')
    with pytest.raises(mqtt_sim.CorpusError, match=rf"{re.escape(str(corpus))}:3:\d+: "):
        mqtt_sim.run(EPISODE4, sim=True, corpus=corpus)


@pytest.mark.sim
@pytest.mark.req("K-05")
def test_corpus_that_ships_is_read_by_python() -> None:
    from mqtt_sim import corpus

    shipped = corpus.load()
    assert len(shipped.rows) >= 400
    assert len(shipped.speakers) >= 20
    assert shipped.warnings == ()
    assert shipped.text_sizes[-1] == 596


@pytest.mark.sim
def test_progress_of_virtual_time_is_told() -> None:
    seen: list[dict[str, Any]] = []
    mqtt_sim.run(EPISODE4, sim=True, set={**TINY, "duration": "3s"}, on_snapshot=seen.append)
    assert seen
    assert seen[-1]["clients"]["planned"] == 43
    assert {"phase", "elapsed_s", "thresholds", "name"} <= set(seen[-1])


# ---- loopback


@pytest.mark.net
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_both_drivers_count_the_same(qos: int) -> None:
    document = with_qos(qos, duration="2s")
    real, virtual = mqtt_sim.run(document), mqtt_sim.run(document, sim=True)
    assert real.passed, real
    names = (
        "planned",
        "offered",
        "written",
        "acknowledged",
        "expected",
        "delivered",
        "lost",
        "duplicated",
        "reordered",
    )
    assert {name: real.counts[name] for name in names} == {name: virtual.counts[name] for name in names}


@pytest.mark.net
def test_full_speed_loses_nothing_that_was_promised() -> None:
    document = with_qos(1)
    document["producers"][0]["rate"] = "max"
    result = mqtt_sim.run(document)
    assert result.passed, result
    assert result.delivered > 1000
    assert [one.metric for one in result.thresholds] == ["unsent", "unacknowledged", "lost", "reordered"]


@pytest.mark.net
def test_report_of_a_real_run_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    mqtt_sim.run(scenario(), json=path)
    document = json.loads(path.read_text())
    assert document["schema"] == 1
    assert document["started"]
    assert {"offered", "written", "acknowledged", "delivered", "lost", "duplicated", "reordered"} <= set(
        document["counts"]
    )
    names = {"connect", "suback", "publish_ack", "latency", "latency_uncorrected", "lateness"}
    assert names <= set(document["metrics"])
    assert document["metrics"]["latency"]["hdr"].startswith("HIST")
    assert document["generator"]["shards"][0]["cpu_s"] >= 0


@pytest.mark.net
@pytest.mark.req("A-04")
def test_broker_in_three_lines_serves_a_run() -> None:
    with mqtt_sim.Broker() as broker:
        result = mqtt_sim.run(scenario(), broker=broker.url)
        assert broker.stats()["clients_total"] >= 10
    assert result.passed, result
    assert result.document["broker"] is None


@pytest.mark.net
def test_unreachable_broker_could_not_run() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        result = mqtt_sim.run(scenario(), broker=f"mqtt://127.0.0.1:{unused.getsockname()[1]}")
    assert (result.status, result.exit_code) == ("could_not_run", 106)
    assert result.failure
    assert result.failure["kind"] == "unreachable"
    assert re.match(r"mqtt://127\.0\.0\.1:\d+: ", result.failure_text)


@pytest.mark.net
@pytest.mark.parametrize("version", ["3.1.1", "5.0"])
def test_refused_connection_tells_its_reason_code(version: str) -> None:
    """[MQTT-3.2.2-7]: the code is in the CONNACK; return codes of 3.1.1 are told as the reason codes they became."""
    document = scenario(broker={"allow_anonymous": False}, client={"protocol_version": version})
    result = mqtt_sim.run(document)
    assert (result.status, result.exit_code) == ("could_not_run", 106)
    assert result.failure
    assert result.failure["kind"] == "refused"
    assert result.failure["reason_code"] == 0x87
    assert result.failure_text.endswith("not authorized (reason code 0x87)")


@pytest.mark.net
def test_port_that_is_taken_could_not_run() -> None:
    with mqtt_sim.Broker() as broker:
        with pytest.raises(mqtt_sim.CouldNotRun, match=str(broker.port)) as error:
            mqtt_sim.run(scenario(broker={"port": broker.port}))
        assert error.value.kind == "port_taken"
        with pytest.raises(mqtt_sim.CouldNotRun, match=f"cannot listen on 127.0.0.1:{broker.port}"):
            mqtt_sim.Broker(port=broker.port).start()


# ---- as processes


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "mqtt_sim", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        try:
            yield child
        finally:
            child.kill()


def wait_for_line(child: subprocess.Popen[str], beginning: str) -> str:
    assert child.stdout
    for line in child.stdout:
        if re.match(beginning, line):
            return line
    raise AssertionError(f"no line like {beginning}; {child.stderr.read() if child.stderr else ''}")


@pytest.fixture
def long_file(tmp_path: Path) -> Path:
    path = tmp_path / "long.json"
    path.write_text(json.dumps(scenario(duration="1h")))
    return path


@pytest.mark.net
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_first_interruption_ends_with_a_partial_report(long_file: Path, tmp_path: Path, number: int) -> None:
    report = tmp_path / "report.json"
    with process(str(long_file), "--json", str(report)) as child:
        wait_for_line(child, r"[1-9]\d*s running")
        child.send_signal(number)
        out, err = child.communicate(timeout=20)
    assert (child.returncode, err) == (105, "")
    assert out.splitlines()[-1].startswith("INTERRUPTED (exit code 105)")
    document = json.loads(report.read_text())
    assert (document["status"], document["exit_code"]) == ("interrupted", 105)
    assert document["counts"]["delivered"] > 0


@pytest.mark.net
def test_second_interruption_ends_at_once(long_file: Path) -> None:
    with process(str(long_file), "--set", "producers.0.qos=1") as child:
        wait_for_line(child, r"[1-9]\d*s running")
        began = time.monotonic()
        child.send_signal(signal.SIGINT)
        time.sleep(0.05)  # two signals at one instant are one
        child.send_signal(signal.SIGINT)
        out, _ = child.communicate(timeout=20)
    assert child.returncode == 105
    assert "INTERRUPTED" in out
    assert time.monotonic() - began < 5


@pytest.mark.net
def test_broker_that_dies_in_the_middle_is_told(long_file: Path) -> None:
    with process("broker", "--port", "0") as broker:
        port = wait_for_line(broker, "listening mqtt").rsplit(":", 1)[1].split()[0]
        with process(str(long_file), "--broker", f"mqtt://127.0.0.1:{port}") as child:
            wait_for_line(child, r"[1-9]\d*s running")
            broker.kill()
            out, err = child.communicate(timeout=20)
    assert (child.returncode, err) == (106, "")
    assert out.splitlines()[-1].startswith("COULD NOT RUN (exit code 106)")
    assert "METRICS" in out


@pytest.mark.net
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_broker_command_ends_in_good_order(number: int) -> None:
    with process("broker", "--port", "0") as broker:
        line = wait_for_line(broker, "listening mqtt")
        assert re.fullmatch(r"listening mqtt 127\.0\.0\.1:\d{4,5} \(also mqtts, ws, wss, http, https\)\n", line)
        broker.send_signal(number)
        assert broker.wait(timeout=10) == 0


@pytest.mark.net
def test_more_clients_than_descriptors_are_told_before_the_run(tmp_path: Path) -> None:
    path = tmp_path / "many.json"
    path.write_text(json.dumps(scenario(devices=[{"count": 300}])))
    command = f"ulimit -n 256; exec {sys.executable} -m mqtt_sim {path}"
    ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stdout) == (106, "")
    assert "310 clients need 684 file descriptors" in ended.stderr
    assert "but this process may open 256" in ended.stderr
