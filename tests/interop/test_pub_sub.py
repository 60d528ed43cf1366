"""`mqtt-sim pub` and `sub` as processes: what they put on the wire, and with Mosquitto's broker and clients."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import raw_mqtt
from outside import program
from raw_mqtt import Frame

import mqtt_sim
from mqtt_sim.cli import main

TOOL = [sys.executable, "-m", "mqtt_sim"]


def pub(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*TOOL, "pub", *arguments], input=stdin, capture_output=True, timeout=30)


class Listening:
    """A running `sub` that has subscribed."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def end(self) -> tuple[int, list[bytes], bytes]:
        """Exit code, lines, stderr."""
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out.splitlines(), err


@pytest.fixture
def sub(broker: mqtt_sim.Broker) -> Iterator[Callable[..., Listening]]:
    running: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str) -> Listening:
        before = broker.stats()["subscriptions"]
        command = [*TOOL, "sub", "-p", str(broker.port), *arguments]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        ends = time.monotonic() + 15
        while broker.stats()["subscriptions"] == before:
            assert time.monotonic() < ends
            assert running[-1].poll() is None, running[-1].communicate()
            time.sleep(0.02)
        return Listening(running[-1])

    yield start
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


# ---- flags on the wire


def words(value: Any) -> str:
    """A name for a case, by its flags."""
    return " ".join(value) if isinstance(value, list) else ""


class Recorder:
    """Answers one client and keeps its packets."""

    def __init__(self, level: int, filters: int) -> None:
        self._filters = filters
        self.frames: list[Frame] = []
        self._level = level
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        client, _ = self._server.accept()
        client.settimeout(15)
        rest = b""
        with client:
            while data := client.recv(65_536):
                frames, rest = raw_mqtt.cut(rest + data)
                for frame in frames:
                    self.frames.append(frame)
                    if answer := self._answer(frame):
                        client.sendall(answer)

    def _answer(self, frame: Frame) -> bytes:
        if frame.kind == raw_mqtt.CONNECT:
            return raw_mqtt.connack(level=self._level)
        if frame.kind == raw_mqtt.PUBLISH and frame.qos == 1:
            return raw_mqtt.ack(raw_mqtt.PUBACK, frame.packet_id)
        if frame.kind == raw_mqtt.SUBSCRIBE:
            return raw_mqtt.suback(int.from_bytes(frame.body[:2]), [0] * self._filters, self._level)
        return b""

    def end(self) -> list[Frame]:
        self._thread.join(15)
        self._server.close()
        assert not self._thread.is_alive()
        return self.frames


def on_the_wire(command: str, *arguments: str, level: int = raw_mqtt.V311, filters: int = 1) -> list[Frame]:
    recorder = Recorder(level, filters)
    with pytest.raises(SystemExit) as ended:
        main([command, "-p", str(recorder.port), *arguments])
    assert not ended.value.code
    return recorder.end()


@pytest.mark.req("Y-10")
@pytest.mark.parametrize(
    ("flags", "connect"),
    [
        (["-i", "me"], b"\x00\x04MQTT\x04\x02\x00\x3c\x00\x02me"),
        (["--client-id", "me", "-k", "5"], b"\x00\x04MQTT\x04\x02\x00\x05\x00\x02me"),
        (["-i", "me", "-c"], b"\x00\x04MQTT\x04\x00\x00\x3c\x00\x02me"),
        (["-i", "me", "--no-clean"], b"\x00\x04MQTT\x04\x00\x00\x3c\x00\x02me"),
        (["-i", "me", "-V", "mqttv31"], b"\x00\x06MQIsdp\x03\x02\x00\x3c\x00\x02me"),
        (["-i", "me", "-u", "ann", "-P", "x"], b"\x00\x04MQTT\x04\xc2\x00\x3c\x00\x02me\x00\x03ann\x00\x01x"),
        (
            ["-i", "me", "--will-topic", "w", "--will-payload", "gone", "--will-qos", "1", "--will-retain"],
            b"\x00\x04MQTT\x04\x2e\x00\x3c\x00\x02me\x00\x01w\x00\x04gone",
        ),
        (
            ["-i", "me", "--will-topic", "w", "--will-message", "gone"],
            b"\x00\x04MQTT\x04\x06\x00\x3c\x00\x02me\x00\x01w\x00\x04gone",
        ),
    ],
    ids=words,
)
def test_flag_becomes_part_of_connect(flags: list[str], connect: bytes) -> None:
    frames = on_the_wire("pub", "-t", "a", "-m", "b", *flags)
    assert [frame.kind for frame in frames] == [raw_mqtt.CONNECT, raw_mqtt.PUBLISH, raw_mqtt.DISCONNECT]
    assert frames[0].body == connect


@pytest.mark.req("Y-10")
@pytest.mark.parametrize(
    ("flags", "first", "body"),
    [
        (["-t", "a", "-m", "b"], 0x30, b"\x00\x01ab"),
        (["--topic", "a", "--message", "ü"], 0x30, b"\x00\x01a\xc3\xbc"),
        (["a", "b"], 0x30, b"\x00\x01ab"),
        (["-t", "a", "b"], 0x30, b"\x00\x01ab"),
        (["-t", "a", "-n"], 0x30, b"\x00\x01a"),
        (["-t", "a", "-n", "-r"], 0x31, b"\x00\x01a"),
        (["-t", "a", "-m", "b", "-q", "1"], 0x32, b"\x00\x01a\x00\x01b"),
        (["-t", "a", "-m", "b", "-q", "1", "-r"], 0x33, b"\x00\x01a\x00\x01b"),
    ],
    ids=words,
)
def test_flag_becomes_part_of_publish(flags: list[str], first: int, body: bytes) -> None:
    frame = on_the_wire("pub", *flags)[1]
    assert (frame.kind << 4 | frame.flags, frame.body) == (first, body)


@pytest.mark.req("Y-11")
def test_properties_become_part_of_their_packets() -> None:
    connect, publish, *_ = on_the_wire(
        *["pub", "-t", "a", "-m", "b", "-i", "me", "-x", "7"],
        *["-D", "connect", "user-property", "k", "v", "-D", "publish", "content-type", "c"],
        level=raw_mqtt.V5,
    )
    assert b"\x11\x00\x00\x00\x07" in connect.body
    assert b"\x26\x00\x01k\x00\x01v" in connect.body
    assert publish.body == b"\x00\x01a\x04\x03\x00\x01cb"


@pytest.mark.req("Y-11")
def test_subscribe_asks_for_all_topics_with_the_qos() -> None:
    frames = on_the_wire("sub", "-t", "a/#", "-t", "b", "c", "-q", "2", "-E", filters=3)
    assert frames[1].body[2:] == b"\x00\x03a/#\x02\x00\x01b\x02\x00\x01c\x02"
    assert frames[2].kind == raw_mqtt.DISCONNECT


# ---- to and fro


@pytest.mark.req("D-24")
def test_two_shell_lines_of_the_quick_start(broker: mqtt_sim.Broker, sub: Callable[..., Listening]) -> None:
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
    listen, speak = "mqtt-sim sub -t presence -C 1", 'mqtt-sim pub -t presence -m "Hello mqtt"'
    assert listen in readme
    assert speak in readme
    listening = sub(*listen.split()[2:])
    assert pub("-p", str(broker.port), "-t", "presence", "-m", "Hello mqtt").returncode == 0
    assert listening.end() == (0, [b"Hello mqtt"], b"")


@pytest.mark.req("Y-10")
@pytest.mark.parametrize("flag", ["-l", "--stdin-line", "-M", "--multiline"])
def test_lines_of_standard_input_become_messages_in_order(
    broker: mqtt_sim.Broker, sub: Callable[..., Listening], flag: str
) -> None:
    listening = sub("-t", "log", "-q", "1", "-C", "3000")
    lines = [b"line %d" % number for number in range(2_999)] + [b"no end"]
    assert pub("-p", str(broker.port), "-t", "log", "-q", "1", flag, stdin=b"\n".join(lines)).returncode == 0
    assert listening.end() == (0, lines, b"")


def test_file_and_whole_standard_input_are_one_message(
    broker: mqtt_sim.Broker, sub: Callable[..., Listening], tmp_path: Path
) -> None:
    data = bytes(range(256)) + b"\nline\n"
    path = tmp_path / "data"
    path.write_bytes(data)
    listening = sub("-t", "x", "-F", "%x", "-C", "2")
    assert pub("-p", str(broker.port), "-t", "x", "-f", str(path)).returncode == 0
    assert pub("-p", str(broker.port), "-t", "x", "-s", stdin=data).returncode == 0
    assert listening.end()[1] == [data.hex().encode()] * 2


def test_repeat_sends_so_many_with_a_pause(broker: mqtt_sim.Broker, sub: Callable[..., Listening]) -> None:
    listening = sub("-t", "x", "-C", "3")
    began = time.monotonic()
    options = ["--repeat", "3", "--repeat-delay", "0.2"]
    assert pub("-p", str(broker.port), "-t", "x", "-m", "again", *options).returncode == 0
    assert time.monotonic() - began >= 0.4
    assert listening.end() == (0, [b"again"] * 3, b"")


@pytest.mark.req("Y-11")
def test_retained_messages_are_told_apart(broker: mqtt_sim.Broker, sub: Callable[..., Listening]) -> None:
    place = ["-p", str(broker.port)]
    pub(*place, "-t", "a", "-m", "kept", "-r")
    everything = sub("-t", "#", "-F", "%t %r %p", "-C", "2")
    fresh = sub("-t", "#", "-R", "-C", "1", "-v")
    old = sub("-t", "#", "--retained-only")
    without = sub("-t", "#", "-T", "a", "-C", "1", "-v")
    pub(*place, "-t", "b", "-m", "new")
    assert everything.end()[1] == [b"a 1 kept", b"b 0 new"]
    assert fresh.end()[1] == [b"b new"]
    assert old.end() == (0, [b"kept"], b"")
    assert without.end()[1] == [b"b new"]


@pytest.mark.req("D-05")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_a_sub_with_disconnect(
    broker: mqtt_sim.Broker, sub: Callable[..., Listening], number: signal.Signals
) -> None:
    listening = sub("-t", "x", "--will-topic", "w", "--will-payload", "lost")
    watching = sub("-t", "w", "-W", "2")
    listening.process.send_signal(number)
    assert listening.end() == (0, [], b"")
    assert watching.end() == (0, [], b""), "no will, so it said goodbye"


def test_time_is_over(broker: mqtt_sim.Broker) -> None:
    def listen(*arguments: str) -> Any:
        command = [*TOOL, "sub", "-p", str(broker.port), "-t", "x", "-W", "0.3", *arguments]
        return subprocess.run(command, capture_output=True, timeout=20)

    assert listen().returncode == 0
    ended = listen("-C", "1")
    assert (ended.returncode, ended.stderr) == (106, b"mqtt-sim: 0 of 1 messages came within 0.3 s\n")


@pytest.mark.req("Y-11")
def test_refusals_have_an_exit_code_and_a_sentence(tmp_path: Path) -> None:
    acl = tmp_path / "acl"
    acl.write_text("topic readwrite open\n")
    with mqtt_sim.Broker(port=0, acl_file=acl, credentials={"ann": "geheim"}) as broker:
        place = ["-p", str(broker.port)]
        wrong = pub(*place, "-t", "open", "-m", "x", "-u", "ann", "-P", "falsch")
        assert wrong.returncode == 106
        assert b"connection refused" in wrong.stderr
        refused = pub(*place, "-t", "closed", "-m", "x", "-q", "1", "-V", "5")
        assert refused.returncode == 106
        assert b"not authorized" in refused.stderr.lower()
        command = [*TOOL, "sub", *place, "-t", "closed", "-E"]
        unheard = subprocess.run(command, capture_output=True, timeout=20)
        assert unheard.returncode == 106
        assert b"refused: 'closed'" in unheard.stderr
    nobody = pub(*place, "-t", "open", "-m", "x")
    assert nobody.returncode == 106
    assert b"connection refused; nothing listens there" in nobody.stderr


def test_reader_that_leaves_early_ends_the_sub(broker: mqtt_sim.Broker, sub: Callable[..., Listening]) -> None:
    listening = sub("-t", "x")
    assert listening.process.stdout is not None
    listening.process.stdout.close()
    pub("-p", str(broker.port), "-t", "x", "-m", "y", "--repeat", "3", "--repeat-delay", "0.1")
    assert listening.process.wait(15) == 0
    assert listening.process.stderr is not None
    assert listening.process.stderr.read() == b""


@pytest.mark.parametrize("scheme", ["mqtt", "mqtts", "ws", "wss"])
def test_every_transport_carries_them(broker: mqtt_sim.Broker, scheme: str, tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text(broker.ca_pem)
    trust = ["--cafile", str(ca)] if scheme in ("mqtts", "wss") else []
    place = ["-h", "127.0.0.1", "-p", str(broker.port), "--protocol", scheme, *trust]
    assert pub(*place, "-t", "kept", "-m", scheme, "-r", "-q", "1").returncode == 0
    command = [*TOOL, "sub", *place, "-t", "kept", "-C", "1", "-W", "10"]
    assert subprocess.run(command, capture_output=True, timeout=20).stdout == scheme.encode() + b"\n"


@pytest.mark.req("Y-11")
def test_mosquitto_hears_us_and_we_hear_mosquitto(mosquitto: str) -> None:
    port = mosquitto.rpartition(":")[2]
    assert pub("-L", f"{mosquitto}/ours", "-m", "from us", "-q", "1", "-r").returncode == 0
    theirs = [program("mosquitto_sub"), "-p", port, "-t", "ours", "-C", "1", "-W", "5"]
    assert subprocess.run(theirs, capture_output=True, timeout=20).stdout == b"from us\n"
    subprocess.run([program("mosquitto_pub"), "-p", port, "-t", "theirs", "-m", "from them", "-r"], check=True)
    ours = [*TOOL, "sub", "-L", f"{mosquitto}/theirs", "-C", "1", "-W", "5"]
    assert subprocess.run(ours, capture_output=True, timeout=20).stdout == b"from them\n"
