"""Bad input below MQTT at the installed broker: the right close code, status or end; never a hang, others unharmed."""

from __future__ import annotations

import json
import random
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bad_transports
import pytest
from bad_transports import BAD_FRAMES, BAD_REQUESTS, BAD_TLS, BAD_UPGRADES, FRAME_LIMIT, GOOD_CLOSES, GOOD_FRAMES
from canary import Canary
from installed import installed_broker, mqtt_sim_command
from outside import program
from raw_mqtt import PINGREQ, packet
from raw_websocket import BINARY, CLOSE, PING, PONG, RawStream, frame, request, websocket

from mqtt_sim.certificates import make_certificates

CONNACK = b"\x20\x02\x00\x00"
CONNECT_TIMEOUT_S = 2.0
QUICK_TIMEOUT_S = 0.4
LISTENERS: dict[str, dict[str, Any]] = {
    "mqtt": {},
    "tls": {"tls": "auto"},
    "ws": {
        "protocols": ["websocket"],
        "websocket": {"paths": ["/mqtt"], "origins": ["https://good.example"], "max_frame": FRAME_LIMIT},
    },
    "http": {"protocols": ["http"]},
    "all": {
        "protocols": ["mqtt", "websocket", "http"],
        "tls": "auto",
        "plain_beside_tls": True,
        "websocket": {"max_frame": FRAME_LIMIT},
    },
    "proxied": {"proxy_protocol": True, "trusted_proxies": ["127.0.0.1"]},
    "quick": {
        "protocols": ["mqtt", "websocket", "http"],
        "tls": "auto",
        "plain_beside_tls": True,
        "handshake_timeout": f"{QUICK_TIMEOUT_S}s",
    },
    "quick-tls": {"tls": "auto", "handshake_timeout": f"{QUICK_TIMEOUT_S}s"},
}


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    file = tmp_path_factory.mktemp("broker") / "broker.json"
    listeners = [{"name": name} | options for name, options in LISTENERS.items()]
    file.write_text(json.dumps({"connect_timeout": f"{CONNECT_TIMEOUT_S}s", "listeners": listeners}))
    with installed_broker("-c", file, listeners=len(LISTENERS)) as broker:
        yield broker.ports


@pytest.fixture(autouse=True)
def canary(request: pytest.FixtureRequest) -> Iterator[Canary | None]:
    """Sings before and after every test that has the broker."""
    if "ports" not in request.fixturenames:
        yield None
        return
    bird = Canary(request.getfixturevalue("ports")["mqtt"])
    yield bird
    bird.sing()
    bird.client.close()


# ---- WebSocket


@pytest.mark.parametrize("scheme", ["ws", "wss"])
@pytest.mark.parametrize("row", [*BAD_FRAMES, *GOOD_CLOSES], ids=str)
def test_frames_end_with_the_right_close_code(ports: dict[str, int], row: bad_transports.Frames, scheme: str) -> None:
    """[MQTT-6.0.0-1]"""
    with websocket(ports["all"], tls=scheme == "wss") as stream:
        stream.send(row.data)
        frames = stream.receive_frames()
    assert [one.opcode for one in frames] == [CLOSE]
    assert frames[0].close_code == row.code


@pytest.mark.parametrize("data", GOOD_FRAMES.values(), ids=GOOD_FRAMES)
def test_a_connect_may_come_in_any_frames(ports: dict[str, int], data: bytes) -> None:
    """[MQTT-6.0.0-2]"""
    with websocket(ports["ws"]) as stream:
        stream.send(data)
        frames = [stream.receive_frame()]
        if frames[0] and frames[0].opcode == PONG:
            assert frames[0].payload == b"?"
            frames.append(stream.receive_frame())
    assert frames[-1]
    assert (frames[-1].opcode, frames[-1].payload) == (BINARY, CONNACK)


def test_frames_may_come_right_behind_the_request(ports: dict[str, int]) -> None:
    with RawStream(ports["ws"]) as stream:
        stream.send(request() + frame(bad_transports.HELLO))
        assert stream.receive_head().startswith("HTTP/1.1 101 ")
        answer = stream.receive_frame()
    assert answer
    assert answer.payload == CONNACK


def test_a_flood_of_pings_is_survived_and_answered_with_the_latest(ports: dict[str, int]) -> None:
    with websocket(ports["ws"]) as stream:
        stream.send(frame(bad_transports.HELLO))
        for _ in range(100):
            stream.send(b"".join(frame(bytes(100), PING) for _ in range(100)))
        stream.send(frame(b"last", PING) + frame(packet(PINGREQ)))
        frames = []
        while not frames or frames[-1].opcode != BINARY or frames[-1].payload[:1] != b"\xd0":
            one = stream.receive_frame()
            assert one is not None
            frames.append(one)
    pongs = [one.payload for one in frames if one.opcode == PONG]
    assert pongs[-1] == b"last"
    assert len(pongs) <= 10_001


def test_a_flooder_that_does_not_read_holds_up_nobody(ports: dict[str, int], canary: Canary) -> None:
    with websocket(ports["ws"]) as stream:
        stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stream.socket.settimeout(0.5)
        flood = b"".join(frame(bytes(125), PING) for _ in range(1000))
        try:
            for _ in range(50):
                stream.socket.sendall(flood)
        except OSError:
            pass  # it reads no more from who does not read
        assert canary.sing() < 2


# ---- HTTP


def answers_in(data: bytes) -> list[int]:
    """The status of each answer; a body that looks like one would count."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", data)]


@pytest.mark.req("W24")
@pytest.mark.parametrize("row", BAD_UPGRADES, ids=str)
def test_requests_that_open_no_websocket_are_refused(ports: dict[str, int], row: bad_transports.Request) -> None:
    """[MQTT-6.0.0-3] of 3.1.1"""
    with RawStream(ports["ws"]) as stream:
        stream.send(row.data + frame(bad_transports.HELLO))
        answer = stream.receive_until_end()
    assert answers_in(answer) == [row.status], answer
    assert row.has.encode() in answer
    assert CONNACK not in answer


@pytest.mark.parametrize(
    "changes",
    [
        ("Origin: https://good.example",),
        ("Origin: https://GOOD.example",),
        ("Connection: keep-alive, upgrade",),
        ("-Sec-WebSocket-Protocol",),
        ("Sec-WebSocket-Protocol: soap, mqttv3.1",),
    ],
)
def test_requests_that_are_right_open_one(ports: dict[str, int], changes: tuple[str, ...]) -> None:
    with RawStream(ports["ws"]) as stream:
        stream.send(request(*changes))
        assert stream.receive_head().startswith("HTTP/1.1 101 ")


@pytest.mark.parametrize(
    ("listener", "row"),
    # At the other one a first byte that is no letter would be MQTT.
    [(name, row) for name in ("http", "all") for row in BAD_REQUESTS if name == "http" or row.data[:1].isalpha()],
    ids=str,
)
def test_requests_that_could_be_read_in_two_ways_get_one_answer(
    ports: dict[str, int], listener: str, row: bad_transports.Request
) -> None:
    with RawStream(ports[listener]) as stream:
        stream.send(row.data)
        answer = stream.receive_until_end()
    assert answers_in(answer) == [row.status], answer[:1000]
    assert row.has.encode() in answer


def test_a_thousand_requests_in_one_write_are_all_answered(ports: dict[str, int]) -> None:
    one = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
    with RawStream(ports["http"]) as stream:
        stream.send((one + b"\r\n") * 99 + one + b"Connection: close\r\n\r\n")
        assert answers_in(stream.receive_until_end()) == [200] * 100


# ---- one where another is expected


@pytest.mark.parametrize("data", BAD_TLS.values(), ids=BAD_TLS)
def test_what_is_no_tls_is_closed_at_a_tls_port(ports: dict[str, int], data: bytes) -> None:
    began = time.monotonic()
    with RawStream(ports["tls"]) as stream:
        stream.send(data)
        stream.socket.shutdown(socket.SHUT_WR)
        answer = stream.receive_until_end()
    assert answer == b"" or answer[0] == 0x15, "nothing or an alert"
    assert time.monotonic() - began < CONNECT_TIMEOUT_S


@pytest.mark.parametrize("listener", ["mqtt", "ws", "http", "proxied"])
def test_a_tls_client_is_told_that_a_plain_port_speaks_none(ports: dict[str, int], listener: str) -> None:
    at = f"127.0.0.1:{ports[listener]}"
    command = [program("openssl"), "s_client", "-connect", at]
    done = subprocess.run(command, input=b"", capture_output=True, timeout=30)
    assert done.returncode != 0
    assert b"New, (NONE)" in done.stdout


@pytest.mark.parametrize(
    ("listener", "data", "answer"),
    [
        ("ws", bad_transports.HELLO, [400]),
        ("http", bad_transports.HELLO, [400]),
        ("mqtt", request(), []),
        ("tls", request(), []),
        ("http", request(), [404]),
        ("proxied", bad_transports.HELLO, []),
        ("proxied", b"PROXY TCP4 1.2.3.4\r\n" + bad_transports.HELLO, []),
        ("proxied", b"PROXY TCP4 999.0.0.1 1.2.3.4 1 2\r\n" + bad_transports.HELLO, []),
        ("proxied", b"PROXY " + b"x" * 200 + b"\r\n", []),
        ("mqtt", b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + bad_transports.HELLO, []),
    ],
)
def test_another_protocol_is_refused(ports: dict[str, int], listener: str, data: bytes, answer: list[int]) -> None:
    with RawStream(ports[listener]) as stream:
        stream.send(data)
        stream.socket.shutdown(socket.SHUT_WR)
        said = stream.receive_until_end()
    assert answers_in(said) == answer
    assert CONNACK not in said


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("listener", LISTENERS)
def test_noise_is_closed_in_time(ports: dict[str, int], listener: str, seed: int) -> None:
    noise = random.Random(f"{listener} {seed}").randbytes(4096)
    with RawStream(ports[listener]) as stream:
        stream.send(noise)
        stream.receive_until_end()


# ---- slowness


@pytest.mark.parametrize(
    ("listener", "tls", "data"),
    [
        ("quick", False, b""),
        ("quick", False, b"G"),
        ("quick", False, request()[:-2]),
        ("quick", False, bad_transports.CLIENT_HELLO[:7]),
        ("quick", True, b""),
        ("quick", True, request()[:20]),
        ("quick-tls", False, b""),
        ("quick-tls", False, bad_transports.CLIENT_HELLO[:30]),
    ],
)
def test_a_handshake_that_stands_still_is_closed_in_time(
    ports: dict[str, int], listener: str, *, tls: bool, data: bytes
) -> None:
    with RawStream(ports[listener], tls=tls) as stream:
        began = time.monotonic()
        stream.send(data)
        stream.receive_until_end()
        assert 0.5 * QUICK_TIMEOUT_S < time.monotonic() - began < CONNECT_TIMEOUT_S


def test_a_handshake_of_a_byte_at_a_time_is_closed_in_time(ports: dict[str, int]) -> None:
    """Each byte gives no new time."""
    with RawStream(ports["quick"]) as stream:
        began = time.monotonic()
        stream.socket.settimeout(0.05)
        for byte in request()[:-1]:
            stream.send(bytes([byte]))
            try:
                if not stream.socket.recv(1024):
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        assert time.monotonic() - began < 2 * QUICK_TIMEOUT_S + 1


def test_a_websocket_without_a_connect_is_closed_in_time(ports: dict[str, int]) -> None:
    with websocket(ports["ws"]) as stream:
        began = time.monotonic()
        frames = stream.receive_frames()
        assert 0.5 * CONNECT_TIMEOUT_S < time.monotonic() - began < CONNECT_TIMEOUT_S + 3
    assert [one.close_code for one in frames] == [1000]


def test_many_who_stand_still_leave_room_for_others(ports: dict[str, int], canary: Canary) -> None:
    crowd = [RawStream(ports[name]) for name in ("quick", "quick-tls", "ws") for _ in range(200)]
    assert canary.sing() < 2
    with websocket(ports["all"]) as stream:
        stream.send(frame(bad_transports.HELLO))
        answer = stream.receive_frame()
        assert answer
        assert answer.payload == CONNACK
    for one in crowd:
        one.close()


# ---- configurations that cannot work


@pytest.fixture(scope="module")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("certs")
    make_certificates(directory)
    (directory / "text.pem").write_text("hello")
    command = [program("openssl"), "pkey", "-in", directory / "server-key.pem", "-aes128", "-passout", "pass:sesame"]
    subprocess.run([*command, "-out", directory / "locked-key.pem"], check=True, timeout=30)
    return directory


@pytest.mark.parametrize(
    ("tls", "said"),
    [
        ({"certificate": "none.pem"}, "cannot read certificate DIR/none.pem: No such file or directory"),
        ({"certificate": "."}, "certificate DIR: is a directory"),
        ({"certificate": "text.pem"}, "certificate DIR/text.pem: holds no certificate in PEM form"),
        ({"key": "none.pem"}, "cannot read private key DIR/none.pem: No such file or directory"),
        ({"key": "text.pem"}, "private key DIR/text.pem: not a private key in PEM form"),
        ({"key": "client-key.pem"}, "private key DIR/client-key.pem: does not fit certificate DIR/server.pem"),
        ({"key": "locked-key.pem"}, "private key DIR/locked-key.pem: is encrypted, and no password was given"),
        ({"key": "locked-key.pem", "key_password": "x"}, "private key DIR/locked-key.pem: wrong password"),
        ({"client_certificate": "required"}, 'needs "ca", the file of the CAs whose client certificates are believed'),
        ({"client_certificate": "required", "ca": "text.pem"}, "CA file DIR/text.pem: holds no certificate"),
        ({"client_certificate": "required", "ca": "ca.pem", "crl": "text.pem"}, "holds no revocation list"),
        ({"key_log": "none/keys"}, "cannot write key log DIR/none/keys: No such file or directory"),
        ({"ciphers": "ROT13"}, 'ciphers "ROT13": none of them is known'),
        ({"ciphersuites": "ROT13"}, 'ciphersuites "ROT13": not all of them are known'),
        ({"min_version": "1.1"}, 'should be "1.2" or "1.3"'),
        ({"alpn": ["x" * 256]}, "ALPN name of 256 bytes"),
    ],
)
def test_a_broker_that_cannot_speak_tls_says_why(certs: Path, tls: dict[str, Any], said: str) -> None:
    file = certs / "broker.json"
    good = {"certificate": "server.pem", "key": "server-key.pem"}
    file.write_text(json.dumps({"listeners": [{"tls": good | tls}]}))
    done = mqtt_sim_command("broker", "-c", file)
    assert (done.returncode, done.stdout) == (104, "")
    assert said.replace("DIR", str(certs)) in done.stderr
    assert "listeners[0].tls" in done.stderr


def test_a_key_that_may_not_be_read_is_named(certs: Path) -> None:
    key = certs / "secret-key.pem"
    key.write_bytes((certs / "server-key.pem").read_bytes())
    key.chmod(0)
    try:
        key.read_bytes()
    except PermissionError:
        pass
    else:
        pytest.skip("this user may read everything")
    done = mqtt_sim_command("broker", "--set", f"tls.certificate={certs}/server.pem", "--set", f"tls.key={key}")
    assert done.returncode == 104
    assert f"cannot read private key {key}: Permission denied" in done.stderr
