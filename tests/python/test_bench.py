"""`mqtt-sim bench`: the flags of emqtt-bench as scenarios, and the runs they make."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mqtt_sim
from mqtt_sim.command.bench_flags import without_words
from mqtt_sim.scenario.path import parse_path

Cli = Callable[..., Any]


def at(document: Any, path: str) -> Any:
    for step in parse_path(path):
        document = document[step]
    return document


@pytest.fixture
def meant(cli: Cli) -> Callable[..., dict[str, Any]]:
    """The scenario that the flags mean."""

    def read(*arguments: str) -> dict[str, Any]:
        ended = cli("bench", *arguments, "--print-config")
        assert ended.exit_code == 0, ended.err
        document: dict[str, Any] = json.loads(ended.out)
        return document

    return read


@pytest.mark.req("Y-12")
@pytest.mark.parametrize(
    ("flags", "path", "value"),
    [
        ("pub -t a -c 7", "producers[0].count", 7),
        ("pub -t a", "producers[0].count", 200),
        ("pub -t a --count=7", "producers[0].count", 7),
        ("pub -t a", "connect.rate", 100.0),
        ("pub -t a -i 4", "connect.rate", 250.0),
        ("pub -t a -i 4 -R 1000", "connect.rate", 1000.0),
        ("pub -t a", "producers[0].rate", 1.0),
        ("pub -t a -I 10", "producers[0].rate", 100.0),
        ("pub -t a --interval_of_msg 0", "producers[0].rate", "max"),
        ("pub -t a -s 64", "producers[0].payload", {"kind": "size", "size": 64}),
        ("pub -t a", "producers[0].payload", {"kind": "size", "size": 256}),
        ("pub -t a -q 2", "producers[0].qos", 2),
        ("pub -t a -r", "producers[0].retain", True),
        ("pub -t a -r true", "producers[0].retain", True),
        ("pub -t a -c 5 -L 20", "producers[0].messages", 4),
        ("pub -t a -c 5 -L 20", "duration", "14s"),
        ("pub -t a -c 5 -L 20 -I 0", "duration", "10s"),
        ("pub -t a -F 3", "producers[0].in_flight", 3),
        ("pub -t a -w true -l true", "producers[0].stamp", "none"),
        ("pub -t a/%i/%c", "producers[0].topic", "a/{n}/{client_id}"),
        ("pub -t a/%u/%i -u ann", "producers[0].topic", "a/ann/{n}"),
        ("pub -t a -m %s:%i:%c", "producers[0].payload.template", "{seq}:{n}:{client_id}"),
        ("pub -t a", "producers[0].client.client_id", "mqtt-sim_bench_pub_{n}"),
        ("pub -t a --prefix x", "producers[0].client.client_id", "x_bench_pub_{n}"),
        ("pub -t a -n 100", "producers[0].client.client_id", "mqtt-sim_bench_pub_{n+100}"),
        ("pub -t a/%i --startnumber 100", "producers[0].topic", "a/{n+100}"),
        ("sub -t a/%i -c 7 -n 100", "producers[0].count", 7),
        ("pub -t a", "client.protocol_version", "5.0"),
        ("pub -t a -V 3", "client.protocol_version", "3.1"),
        ("pub -t a -V 4", "client.protocol_version", "3.1.1"),
        ("conn -k 20", "client.keep_alive", "20s"),
        ("conn", "client.keep_alive", "5m"),
        ("conn -C false", "client.clean_start", False),
        ("conn -x 60", "client.session_expiry_interval", "1m"),
        ("conn -u ann", "client.username", "ann"),
        ("conn --ifaddr 127.0.0.1,127.0.0.2", "connect.source_addresses", ["127.0.0.1", "127.0.0.2"]),
        ("conn -z 3s", "duration", "3s"),
        ("conn --seed 9", "seed", 9),
        ("conn --set duration=4s", "duration", "4s"),
        ("conn -h b", "target.url", "mqtt://b:1883"),
        ("conn -p 99", "target.url", "mqtt://localhost:99"),
        ("conn -h ::1", "target.url", "mqtt://[::1]:1883"),
        ("conn -h b -S", "target.url", "mqtts://b:8883"),
        ("conn -h b --ssl true -p 99", "target.url", "mqtts://b:99"),
        ("conn -h b --ws", "target.url", "ws://b:8083"),
        ("conn -h b --ws -S", "target.url", "wss://b:8084"),
        ("conn --broker wss://b/mqtt", "target.url", "wss://b/mqtt"),
        ("conn -S", "transport", "tls"),
        ("conn --ws", "transport", "ws"),
        ("conn --ws --insecure", "transport", "wss"),
        ("conn --insecure", "client.tls.reject_unauthorized", False),
        ("sub -t a -t b/# -q 1", "consumers[0].topics", ["a", "b/#"]),
        ("sub -t a -q 1", "consumers[0].qos", 1),
        ("sub -t a/%i -c 7", "producers[0].count", 7),
        ("sub -t a/+/# -c 7", "producers[0].count", 1),
        ("sub -t a/+/#", "producers[0].topic", "a/any/any"),
        ("sub -t %c -c 2", "producers[0].topic", "mqtt-sim_bench_sub_{n}"),
        ("sub -t a -h b --feed", "producers[0].name", "feed"),
        ("pingpong", "devices[0].publish.in_flight", 1),
        ("pingpong", "devices[0].publish.rate", "max"),
        ("pingpong -t p/%i -q 1", "devices[0].subscribe", {"topic": "p/{n}", "qos": 1}),
        ("idle", "thresholds.disconnected", ["count==0"]),
        ("idle", "duration", "30s"),
    ],
)
def test_flag_becomes_part_of_the_scenario(
    meant: Callable[..., dict[str, Any]], flags: str, path: str, value: Any
) -> None:
    assert at(meant(*flags.split()), path) == value


@pytest.mark.parametrize("flags", ["sub -t a -h b", "sub -t a --no-feed"])
def test_nobody_feeds_subscribers_of_an_outside_broker_or_unasked(meant: Any, flags: str) -> None:
    assert "producers" not in meant(*flags.split())


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        ("-C false -S true", "--no-clean -S"),
        ("--clean=false --ws", "--no-clean --ws"),
        ("-r -t true", "-r -t true"),
        ("--retain true -t false", "--retain -t false"),
        ("-C x", "-C x"),
    ],
)
def test_switch_may_be_followed_by_its_value(given: str, plain: str) -> None:
    assert without_words(given.split()) == plain.split()


@pytest.mark.parametrize(
    ("flags", "exit_code", "words"),
    [
        ("pub", 2, "-t TOPIC"),
        ("sub", 2, "-t FILTER"),
        ("pub -t a/#", 2, "-t: should be a topic to publish to"),
        ("sub -t a#", 2, '-t: "#" should be the last level'),
        ("pub -t a/%u", 2, "%u needs a user name"),
        ("pub -t a/%s", 2, "can stand in -m only"),
        ("pub -t a -q 3", 2, "--qos"),
        ("pub -t a -c 0", 2, "--count"),
        ("pub -t a -c 200 -L 30", 2, "-L 30: should be a multiple of 200"),
        ("pub -t a -V 6", 2, '-V: should be "3.1"'),
        ("pub -t a -x 5 -V 4", 2, "-x: needs MQTT 5.0"),
        ("pub -t a -z long", 2, "-z: should be a duration"),
        ("pub -t a -I 0.0000001", 2, "-I: should be"),
        ("pub -t a -k 70000", 2, "-k: should be at most 65535s"),
        ("pub -t a -P x -V 4", 2, "-P: MQTT 3.1.1 needs a username"),
        ("conn -i 0.0001", 2, "-R or -i: should be at most 1000000"),
        ("conn -h a,b", 2, "one broker a run"),
        ("conn -h b --broker mqtt://b", 2, "leave those out"),
        ("conn --broker b", 2, "--broker: should look like"),
        ("conn --ifaddr lo", 2, "--ifaddr: should be an IP address"),
        ("conn --certfile c.pem", 2, '--certfile: needs its private "key"'),
        ("conn --cacertfile nowhere.pem", 2, "--cacertfile, --certfile, --keyfile: should be usable"),
        ("conn --prefx a", 2, "--prefix"),
        ("con", 2, "Did you mean 'conn'"),
        ("conn --set durration=4s", 104, 'did you mean "duration"'),
        ("pub -t a -m template://nowhere.txt", 2, "No such file"),
        ("conn --sim -h b", 2, "cannot reach an outside one"),
    ],
)
def test_mistake_names_its_flag(cli: Cli, flags: str, exit_code: int, words: str) -> None:
    ended = cli("bench", *flags.split())
    assert ended.exit_code == exit_code
    assert words in " ".join(ended.err.replace("│", " ").split())


def test_password_is_not_shown(cli: Cli) -> None:
    ended = cli("bench", "conn", "-u", "ann", "-P", "geheim", "--print-config")
    assert "geheim" not in ended.out + ended.err
    assert '"***"' in ended.out
    assert "put them back" in ended.err


def test_files_of_tls_are_named_whole(meant: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mqtt_sim.make_certificates(tmp_path)
    monkeypatch.chdir(tmp_path)
    document = meant("conn", "--cacertfile", "ca.pem", "--certfile", "client.pem", "--keyfile", "client-key.pem")
    assert document["client"]["tls"] == {
        "ca": [f"{tmp_path}/ca.pem"],
        "certificate": f"{tmp_path}/client.pem",
        "key": f"{tmp_path}/client-key.pem",
    }
    assert document["transport"] == "tls"


def test_message_may_be_a_file(meant: Any, tmp_path: Path) -> None:
    file = tmp_path / "message.txt"
    file.write_text('{"n": %s, "who": "%c"}')
    template = meant("pub", "-t", "a", "-m", f"template://{file}")["producers"][0]["payload"]["template"]
    assert template == '{"n": {seq}, "who": "{client_id}"}'


@pytest.mark.sim
@pytest.mark.req("Y-12")
@pytest.mark.parametrize(
    ("flags", "metric"),
    [
        ("conn -c 20", "connect"),
        ("pub -c 5 -t a/%i -q 1 -I 100", "publish_ack"),
        ("sub -c 5 -t a/%i", "suback"),
        ("sub -c 5 -t a/%i", "latency"),
        ("sub -c 5 -t %c", "latency"),
        ("pingpong -c 3", "latency"),
        ("idle -c 20", "connect"),
    ],
)
def test_bench_prints_rate_and_percentiles(cli: Cli, flags: str, metric: str) -> None:
    ended = cli("bench", *flags.split(), "--sim", "--quiet")
    assert ended.exit_code == 0, ended.out + ended.err
    row = next(line for line in ended.out.splitlines() if line.split()[:1] == [metric])
    assert int(row.split()[1].replace(",", "")) > 0
    assert "p99" in ended.out
    assert "rate " in ended.out


@pytest.mark.sim
def test_saved_scenario_runs_as_the_flags_did(cli: Cli, tmp_path: Path) -> None:
    flags = "pub -c 5 -t a/%i -q 1 -L 50 -I 20 --seed 3".split()
    saved, first, second = tmp_path / "saved.json", tmp_path / "first.json", tmp_path / "second.json"
    saved.write_text(cli("bench", *flags, "--print-config").out)
    assert cli("bench", *flags, "--sim", "--json", str(first)).exit_code == 0
    assert cli("run", str(saved), "--sim", "--json", str(second)).exit_code == 0
    assert first.read_bytes() == second.read_bytes()
    assert mqtt_sim.Result.load(first).acknowledged == 50


@pytest.mark.net
@pytest.mark.parametrize("ways", ["", "--ssl", "--ws", "--ws --ssl"])
def test_embedded_broker_serves_every_transport(cli: Cli, ways: str) -> None:
    ended = cli("bench", *f"pub -c 4 -i 0 -t a/%i -q 1 -I 10 -L 40 --quiet {ways}".split())
    assert ended.exit_code == 0, ended.out + ended.err
    assert "40 acknowledged" in ended.out


@pytest.mark.net
@pytest.mark.req("Y-12")
def test_outside_broker_gets_what_was_asked_for(cli: Cli, tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    with mqtt_sim.Broker(credentials={"ann": "geheim"}, allow_anonymous=False) as broker:
        ca.write_text(broker.ca_pem)
        where = ["-h", "localhost", "-p", str(broker.port), "-u", "ann", "-P", "geheim", "--cacertfile", str(ca)]
        with mqtt_sim.connect(broker.url, username="ann", password="geheim") as client:
            client.subscribe("to/#")
            messages = client.messages(timeout=5)
            ended = cli("bench", "pub", "-c", "1", "-t", "to/%u/%i", "-m", "%c %s", "-L", "2", "-I", "10", *where)
            heard = [(message.topic, message.text()) for message, _ in zip(messages, range(2), strict=False)]
        refused = cli("bench", "conn", "-c", "2", "-p", str(broker.port), "--quiet")
    assert ended.exit_code == 0, ended.out + ended.err
    assert heard == [("to/ann/1", "mqtt-sim_bench_pub_1 0"), ("to/ann/1", "mqtt-sim_bench_pub_1 1")]
    assert refused.exit_code == 106
    assert "not authorized" in (refused.out + refused.err).lower()


@pytest.mark.net
@pytest.mark.measured
@pytest.mark.req("A-01")
def test_idle_says_how_small_a_client_and_its_side_of_the_broker_are(tmp_path: Path) -> None:
    report = tmp_path / "idle.json"
    ended = subprocess.run(
        [sys.executable, "-m", "mqtt_sim", *f"bench idle -c 5000 -i 0 -z 1s --json {report} --quiet".split()],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    memory = json.loads(report.read_text())["generator"]["memory"]
    assert 0 < memory["per_client"] < 12 * 1024
    assert f"{memory['per_client'] / 1024:.1f} KiB a client, both ends of its connection" in ended.stdout
