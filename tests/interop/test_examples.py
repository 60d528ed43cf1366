"""The programs in examples/: with the embedded broker, with Mosquitto and with aedes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from outside import free_port, mosquitto_with, program

import mqtt_sim

ROOT = Path(__file__).resolve().parents[2]
PEERS = Path(__file__).parent / "peers"
LONGEST = {
    "broker.py": 12,
    "publisher.py": 24,
    "subscriber.py": 30,
    "dialogue_producer.py": 60,
    "dialogue_consumer.py": 60,
    "mosca_server.py": 60,
    "mosca_client.py": 60,
    "mosca_listener.py": 60,
}
"""Lines that the program may have to stay in the size of the one that it follows."""


class Program:
    """A running example and what it has said."""

    def __init__(self, name: str, **environment: str) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-u", str(ROOT / "examples" / name)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **environment},
        )
        assert self.process.stdout is not None
        self._stream = self.process.stdout
        self._reader = threading.Thread(target=lambda: self.lines.extend(iter(self._stream.readline, "")), daemon=True)
        self._reader.start()

    def wait_for(self, wanted: Callable[[list[str]], bool]) -> None:
        ends = time.monotonic() + 30
        while not wanted(self.lines):
            assert time.monotonic() < ends, self.lines
            time.sleep(0.02)

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(20)
        self._reader.join(10)
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        self._reader.join(10)
        self._stream.close()


@pytest.fixture
def start() -> Iterator[Callable[..., Program]]:
    running: list[Program] = []

    def begin(name: str, **environment: str) -> Program:
        running.append(Program(name, **environment))
        return running[-1]

    yield begin
    for one in running:
        one.close()


@pytest.fixture(params=["embedded", "mosquitto", "aedes"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Of each of the three brokers."""
    if request.param == "embedded":
        with mqtt_sim.Broker() as broker:
            yield broker.url
    elif request.param == "mosquitto":
        with mosquitto_with("allow_anonymous true\n", tmp_path) as port:
            yield f"mqtt://127.0.0.1:{port}"
    else:
        mqtt_sim.make_certificates(tmp_path)
        command = [program("node"), str(PEERS / "aedes_broker.mjs"), "server.pem", "server-key.pem"]
        with subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            yield f"mqtt://127.0.0.1:{json.loads(process.stdout.readline())['tcp']}"
            process.kill()


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "examples").glob("*.py")))
def test_program_is_about_as_long_as_the_one_it_follows(name: str) -> None:
    assert len((ROOT / "examples" / name).read_text().splitlines()) <= LONGEST[name]


@pytest.mark.req("A-07", "A-14")
def test_publisher_greets_and_subscriber_prints(start: Callable[..., Program], url: str) -> None:
    subscriber = start("subscriber.py", MQTT_URL=url)
    subscriber.wait_for(lambda lines: "connected!\n" in lines)
    start("publisher.py", MQTT_URL=url, INTERVAL="0.1")
    subscriber.wait_for(lambda lines: len(lines) >= 7)
    assert subscriber.lines[1:7:2] == ["test\n"] * 3
    assert all(re.fullmatch(r"Hello mqtt \d{13}\n", line) for line in subscriber.lines[2:8:2])


@pytest.mark.req("A-07")
def test_three_processes_make_the_small_project(start: Callable[..., Program]) -> None:
    port = str(free_port())
    broker = start("broker.py", MQTT_PORT=port)
    broker.wait_for(lambda lines: lines == [f"server listening on port {port}\n"])
    subscriber = start("subscriber.py", MQTT_URL=f"mqtt://localhost:{port}")
    start("publisher.py", MQTT_URL=f"mqtt://localhost:{port}", INTERVAL="0.1")
    subscriber.wait_for(lambda lines: len(lines) >= 7)
    assert broker.end() == 0


@pytest.mark.req("D-01", "D-15")
def test_dialogue_reaches_the_console(start: Callable[..., Program], url: str, tmp_path: Path) -> None:
    talk = tmp_path / "talk.txt"
    talk.write_text('"character" "dialogue"\n"1" "ANN" "One."\n"2" "BOB" "Two: ä"\n', encoding="utf-8")
    consumer = start("dialogue_consumer.py", MQTT_URL=url)
    consumer.wait_for(lambda lines: lines == ["subscribed\n"])
    producer = start("dialogue_producer.py", MQTT_URL=url, MQTT_SIM_CORPUS=str(talk), INTERVAL="0.2")
    consumer.wait_for(lambda lines: len(lines) >= 4)
    assert consumer.lines[1:] == ["NARRATOR: A long time ago...\n", "ANN: One.\n", "BOB: Two: ä\n"]
    assert producer.process.wait(20) == 0
    assert producer.lines[:2] == [
        'StarWars {"character":"NARRATOR","text":"A long time ago..."}\n',
        'StarWars {"character":"ANN","text":"One."}\n',
    ]


def test_mosca_client_tells_its_events(start: Callable[..., Program], url: str) -> None:
    client = start("mosca_client.py", MQTT_URL=url, STAY="0.5")
    assert client.process.wait(30) == 0
    client.wait_for(lambda lines: "client is closed\n" in lines)
    told = [line.partition(" :")[0].strip() for line in client.lines]
    assert told[:2] == ["client is connected", "granted"]
    assert sorted(told[2:4]) == ["message published", '{"name": "saikat", "title": "hajra"}']
    assert told[4:] == ["client is closed"]


@pytest.mark.req("M-31")
def test_mosca_listener_that_comes_later_gets_the_record_once(start: Callable[..., Program], url: str) -> None:
    client = start("mosca_client.py", MQTT_URL=url, STAY="0")
    assert client.process.wait(30) == 0
    listener = start("mosca_listener.py", MQTT_URL=url, STAY="2")
    assert listener.process.wait(30) == 0
    listener.wait_for(lambda lines: len(lines) >= 2)
    granted, record = sorted(listener.lines)  # either may come first
    assert granted.startswith("granted :")
    assert record == '{"name": "saikat", "title": "hajra"}\n'


def test_mosca_server_tells_its_events(start: Callable[..., Program]) -> None:
    port = str(free_port())
    server = start("mosca_server.py", MQTT_PORT=port)
    server.wait_for(lambda lines: "server running\n" in lines)
    client = start("mosca_client.py", MQTT_URL=f"mqtt://localhost:{port}", STAY="0.2")
    assert client.process.wait(30) == 0
    server.wait_for(lambda lines: "client is disconnected\n" in lines)
    wanted = [
        "server running\n",
        "new client connected\n",
        "new client subscribed to --> topic/client\n",
        "published packet : topic/client\n",
        'Message received from package : {"name": "saikat", "title": "hajra"}\n',
        "client is disconnecting\n",
        "client unsubscribed to --> topic/client\n",
        "client is disconnected\n",
    ]
    assert [line for line in server.lines if line in wanted] == wanted
    assert server.end() == 0
