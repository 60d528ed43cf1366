"""The broker with the compiled engine: its settings reach the core, its files and signals do what they say."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import mqtt_sim
from mqtt_sim.engine import load_core
from mqtt_sim.scenario.listener import WayIn

# mosquitto_passwd 2.0: the password is "force".
LUKE = (
    "luke:$7$101$2mRJQIqxzP08oga3$8w0V4w97aZ2h2p0+aW5uBA0IMmql4o1sAuGKCXoEeiZ0ycMtf1+"
    "mSMCtzL58EFdgAurHGte8CFRZWVJiwum2JQ==\n"
)


def connect(port: int, *, user: str | None = None, password: str = "", host: str = "127.0.0.1") -> int:
    """The return code that a 3.1.1 client gets."""
    flags = 0x02 if user is None else 0xC2
    fields = [b""] if user is None else [b"", user.encode(), password.encode()]
    body = b"\0\4MQTT\4" + bytes([flags]) + b"\0\0" + b"".join(len(f).to_bytes(2) + f for f in fields)
    with socket.create_connection((host, port), timeout=5) as stream:
        stream.sendall(b"\x10" + bytes([len(body)]) + body)
        return stream.recv(4)[3]


def test_defaults_are_those_of_the_core() -> None:
    ours = mqtt_sim.EmbeddedBroker().to_core()
    not_limits = {"credentials", "web_files", *WayIn.model_fields}
    core = json.loads(load_core().default_broker_options())
    unlimited = core.pop("max_session_expiry_s")
    assert unlimited == 2**32 - 1
    assert {name: value for name, value in ours.items() if name not in not_limits} == core


@pytest.mark.net
def test_every_option_reaches_the_core() -> None:
    changes: dict[str, Any] = {
        name: not value if isinstance(value, bool) else value + 1
        for name, value in mqtt_sim.EmbeddedBroker().model_dump().items()
        if isinstance(value, bool | int)
        and name not in ("max_qos", "max_inflight", "max_client_id_length", *WayIn.model_fields)
    }
    changes |= {"max_qos": 1, "max_inflight": 5, "max_client_id_length": 5, "max_session_expiry": 5}
    changes |= {"drop_policy": "oldest", "profile": "diffusion", "on_qos2_publish": "noack", "sys_interval": "1s"}
    changes |= {"credentials": {"anna": "secret"}, "listeners": [{"name": "a", "max_connections": 5}, {}]}
    with mqtt_sim.Broker(**changes) as broker:
        assert len(set(broker.ports)) == 2


@pytest.mark.sim
@pytest.mark.req("X-21")
def test_virtual_run_is_the_same_with_and_without_sys_topics_that_nobody_reads() -> None:
    scenario = {
        "name": "quiet",
        "duration": "3s",
        "producers": [{"topic": "t", "rate": 5, "payload": "size"}],
        "consumers": [{"topic": "#"}],
    }

    def result(**broker: Any) -> str:
        document = mqtt_sim.run({**scenario, "broker": broker}, sim=True, seed=4).document
        del document["scenario"]
        return json.dumps(document)

    assert result() == result() == result(sys_interval="1s")


@pytest.mark.sim
def test_sys_topics_are_there_in_virtual_time_when_asked_for() -> None:
    scenario: dict[str, Any] = {"name": "watch", "duration": "3s", "consumers": [{"topic": "$SYS/broker/uptime"}]}
    assert mqtt_sim.run(scenario, sim=True).document["broker"]["stats"]["messages_out"] == 0
    scenario["broker"] = {"sys_interval": "1s"}
    assert mqtt_sim.run(scenario, sim=True).document["broker"]["stats"]["messages_out"] >= 3


@pytest.mark.parametrize("sim", [pytest.param(True, marks=pytest.mark.sim), pytest.param(False, marks=pytest.mark.net)])
def test_clients_of_a_scenario_use_the_first_listener(sim: bool) -> None:
    scenario = {
        "name": "two ways in",
        "duration": "500ms",
        "broker": {"listeners": [{"protocol_versions": ["5.0"]}, {"protocol_versions": ["3.1.1"]}]},
        "client": {"protocol_version": "5.0"},
        "devices": [{"count": 2}],
    }
    assert mqtt_sim.run(scenario, sim=sim).document["clients"]["connected"] == 2


@pytest.mark.net
@pytest.mark.req("X-23")
def test_broker_reloads_users_in_python(tmp_path: Path) -> None:
    users = tmp_path / "users"
    users.write_text("")
    with mqtt_sim.Broker(users_file=str(users), credentials={"yoda": "do"}) as broker:
        assert connect(broker.port, user="luke", password="force") == 4
        users.write_text(LUKE)
        broker.reload()
        assert connect(broker.port, user="luke", password="force") == 0
        users.write_text("nonsense\n")
        with pytest.raises(mqtt_sim.ScenarioError, match=r"^users_file .*users: line 1"):
            broker.reload()
        assert connect(broker.port, user="luke", password="force") == 0
        assert connect(broker.port, user="yoda", password="do") == 0


@pytest.mark.net
def test_wrong_users_file_is_told_before_anything_listens(tmp_path: Path) -> None:
    with pytest.raises(mqtt_sim.ScenarioError, match=r"^users_file .*nowhere: No such file"):
        mqtt_sim.Broker(users_file=str(tmp_path / "nowhere"))


@pytest.mark.parametrize("sim", [pytest.param(True, marks=pytest.mark.sim), pytest.param(False, marks=pytest.mark.net)])
def test_wrong_users_file_of_a_scenario_is_the_users_mistake(tmp_path: Path, sim: bool) -> None:
    (tmp_path / "users").write_text("anna:secret\n")
    scenario = {"name": "x", "devices": [{"count": 1}], "broker": {"users_file": "users"}}
    file = tmp_path / "scenario.json"
    file.write_text(json.dumps(scenario))
    with pytest.raises(mqtt_sim.ScenarioError, match=r"^broker: users_file .*users: line 1: user anna"):
        mqtt_sim.run(file, sim=sim)


@pytest.mark.net
def test_a_broker_starts_only_once() -> None:
    with mqtt_sim.Broker() as broker, pytest.raises(mqtt_sim.CouldNotRun, match="starts only once"):
        broker.start()


@pytest.mark.net
@pytest.mark.req("X-33")
def test_stopped_broker_answers_nobody_and_keeps_its_counts() -> None:
    with mqtt_sim.Broker() as broker:
        assert connect(broker.port) == 0
    with pytest.raises(ConnectionRefusedError):
        connect(broker.port)
    assert broker.stats()["clients_total"] == 1


@pytest.mark.net
def test_counts_can_be_asked_for_while_it_stops() -> None:
    broker = mqtt_sim.Broker().start()
    with socket.create_connection(("127.0.0.1", broker.port)):  # it will be waited for
        asking = threading.Thread(target=lambda: [broker.stats() for _ in range(2000)])
        asking.start()
        broker.stop()
        asking.join(10)
        assert not asking.is_alive()


# ---- as a process


@contextmanager
def command(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "mqtt_sim", "broker", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def next_line(process: subprocess.Popen[str], stream: str = "stdout") -> str:
    """Ends by the test's own patience when there is none: the process is killed then."""
    killer = threading.Timer(60, process.kill)
    killer.start()
    try:
        return str(getattr(process, stream).readline().strip())
    finally:
        killer.cancel()


@pytest.mark.net
@pytest.mark.req("X-23", "X-39")
def test_command_serves_a_configuration_reloads_and_stops(tmp_path: Path) -> None:
    users = tmp_path / "users"
    users.write_text("# nobody yet\n")
    config = tmp_path / "broker.json"
    config.write_text(
        json.dumps(
            {
                "listeners": [{"name": "open"}, {"name": "closed", "allow_anonymous": False}],
                "users_file": "users",
                "credentials": {"yoda": "do"},
            }
        )
    )
    with command("-c", str(config)) as process:
        ports = []
        for name in ("open", "closed"):
            line = next_line(process)
            assert line.startswith("listening mqtt 127.0.0.1:")
            assert line.endswith(f" ({name})")
            ports.append(int(line.split(":")[1].split()[0]))
        assert connect(ports[0]) == 0
        assert connect(ports[1]) == 5
        assert connect(ports[1], user="yoda", password="do") == 0
        assert connect(ports[1], user="luke", password="force") == 4
        users.write_text(LUKE)
        process.send_signal(signal.SIGHUP)
        assert next_line(process) == f"reloaded {users}"
        assert connect(ports[1], user="luke", password="force") == 0
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert time.monotonic() - began < 4


@pytest.mark.net
def test_command_prints_counts_every_second() -> None:
    with command("--port", "0", "-v") as process:
        lines = iter(lambda: next_line(process), "")
        assert next(lines).startswith("listening mqtt 127.0.0.1:")
        assert next(line for line in lines if line.startswith("clients")).startswith(
            "clients 0 · sessions 0 · subscriptions 0 · in 0/s · out 0/s · dropped 0/s"
        )
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


def port_of(process: subprocess.Popen[str]) -> int:
    """From the first line that it prints."""
    return int(next_line(process).split(":")[1].split()[0])


@pytest.mark.net
@pytest.mark.req("A-06")
def test_command_prints_its_port_and_names_one_that_is_taken() -> None:
    with command("--port", "0") as first:
        line = next_line(first)
        port = line.removeprefix("listening mqtt 127.0.0.1:").split()[0]
        assert line == f"listening mqtt 127.0.0.1:{port} (also mqtts, ws, wss, http, https)"
        with command("--port", port) as second:
            out, err = second.communicate(timeout=20)
            assert (second.returncode, out) == (106, "")
            assert err == f"mqtt-sim: cannot listen on 127.0.0.1:{port}: address already in use\n"


@pytest.mark.net
@pytest.mark.req("M-02")
def test_command_writes_events_as_json_lines() -> None:
    with command("--port", "0", "--log-level", "info", "--log-format", "json") as process:
        mqtt_sim.connect(f"mqtt://127.0.0.1:{port_of(process)}", client_id="anna").end()
        lines = [json.loads(next_line(process, "stderr")) for _ in range(3)]
    assert [line["event"] for line in lines] == ["ready", "client_connected", "client_disconnected"]
    assert [line["client_id"] for line in lines] == [None, "anna", "anna"]
    assert {line["level"] for line in lines} == {"info"}
    assert all(line["time"].endswith("Z") for line in lines)


@pytest.mark.net
@pytest.mark.req("M-33")
def test_removed_user_is_disconnected_on_a_hang_up_and_others_stay(tmp_path: Path) -> None:
    users = tmp_path / "users"
    users.write_text(LUKE)
    with command("--port", "0", "--users", str(users), "--set", 'credentials={"yoda":"do"}') as process:
        url = f"mqtt://127.0.0.1:{port_of(process)}"
        luke = mqtt_sim.connect(url, protocol_version=5, username="luke", password="force", reconnect_period=0)
        yoda = mqtt_sim.connect(url, username="yoda", password="do")
        users.write_text("# nobody\n")
        process.send_signal(signal.SIGHUP)
        ends = time.monotonic() + 20
        while luke.client.state == "connected" and time.monotonic() < ends:
            time.sleep(0.02)
        assert luke.client.state != "connected"
        yoda.publish("t", "x", qos=1)
        with pytest.raises(mqtt_sim.ConnectError):
            mqtt_sim.connect(url, username="luke", password="force", reconnect_period=0)
        yoda.end()
        luke.end(force=True)


@pytest.mark.net
@pytest.mark.req("X-23")
def test_broker_reloads_certificates_for_streams_to_come(tmp_path: Path) -> None:
    def files_of(folder: str) -> dict[str, str]:
        mqtt_sim.make_certificates(tmp_path / folder)
        return {name: (tmp_path / folder / name).read_text() for name in ("server.pem", "server-key.pem")}

    def is_believed(folder: str) -> bool:
        try:
            with mqtt_sim.connect(broker.url_for("mqtts"), ca=str(tmp_path / folder / "ca.pem"), reconnect_period=0):
                return True
        except mqtt_sim.ConnectError:
            return False

    one, two = files_of("one"), files_of("two")
    tls = {"certificate": str(tmp_path / "server.pem"), "key": str(tmp_path / "server-key.pem")}
    for name, text in one.items():
        (tmp_path / name).write_text(text)
    with mqtt_sim.Broker(tls=tls) as broker:
        assert is_believed("one")
        (tmp_path / "server.pem").write_text(two["server.pem"])
        with pytest.raises(mqtt_sim.ScenarioError, match=r"^private key .*server-key\.pem: does not fit certificate"):
            broker.reload()
        assert is_believed("one")
        (tmp_path / "server-key.pem").write_text(two["server-key.pem"])
        broker.reload()
        assert is_believed("two")
        assert not is_believed("one")
