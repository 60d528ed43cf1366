"""The ways in to the embedded broker, reached over loopback by clients of Python's own."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mqtt_sim
from mqtt_sim.certificates import make_certificates

pytestmark = pytest.mark.net

CONNECT = b"\x10\x0c\0\4MQTT\4\2\0\0\0\0"
WELCOME = b"\x20\2\0\0"
SUBSCRIBE = b"\x82\x16\0\1\0\x08d/client\0\0\x06d/luke\0"
PROXY = b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 1883\r\n"


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with ca, server, client, expired and wrong-host."""
    directory = tmp_path_factory.mktemp("certificates")
    make_certificates(directory)
    return directory


def tls_of(directory: Path, **more: Any) -> dict[str, Any]:
    return {"certificate": str(directory / "server.pem"), "key": str(directory / "server-key.pem"), **more}


def mutual(directory: Path) -> dict[str, Any]:
    return tls_of(directory, client_certificate="required", ca=str(directory / "ca.pem"))


def dial(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=5)


def secured(
    stream: socket.socket, *, ca_pem: str | None = None, ca: Path | None = None, own: Path | None = None
) -> Any:
    """The stream with TLS, the server's certificate and name checked."""
    context = ssl.create_default_context(cafile=ca, cadata=ca_pem)
    if own is not None:
        context.load_cert_chain(own, own.with_name(own.stem + "-key.pem"))
    return context.wrap_socket(stream, server_hostname="localhost")


def receive(stream: Any, size: int) -> bytes:
    """So many bytes, fewer at the end of the stream."""
    got = b""
    while len(got) < size and (part := stream.recv(size - len(got))):
        got += part
    return got


def greeted(stream: Any) -> bytes:
    """The answer to CONNECT."""
    with stream:
        stream.sendall(CONNECT)
        return receive(stream, 4)


def greeted_over_websocket(stream: Any, path: str = "/mqtt", origin: str = "") -> bytes:
    """The answer to CONNECT in a frame, or the status line of a refusal."""
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Connection: Upgrade", "Upgrade: websocket"]
    lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: mqtt"]
    lines += [f"Origin: {origin}"] if origin else []
    with stream:
        stream.sendall("\r\n".join([*lines, "", ""]).encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += receive(stream, 1) or b"\r\n\r\n"
        if not head.startswith(b"HTTP/1.1 101 "):
            return head.splitlines()[0]
        digest = hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        assert base64.b64encode(digest) in head
        mask = b"\1\2\3\4"
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(CONNECT))
        stream.sendall(b"\x82" + bytes([0x80 | len(CONNECT)]) + mask + masked)
        frame = receive(stream, 6)
        assert frame[:2] == b"\x82\x04"
        return frame[2:]


@pytest.mark.req("A-04", "M-28")
def test_a_broker_without_an_argument_answers_every_scheme_at_one_port() -> None:
    with mqtt_sim.Broker() as broker:

        def secure() -> Any:
            return secured(dial(broker.port), ca_pem=broker.ca_pem)

        assert greeted(dial(broker.port)) == WELCOME
        assert greeted(secure()) == WELCOME
        assert greeted_over_websocket(dial(broker.port)) == WELCOME
        assert greeted_over_websocket(secure()) == WELCOME
        for stream in (dial(broker.port), secure()):
            stream.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert receive(stream, 15) == b"HTTP/1.1 200 OK"
            stream.close()
        assert broker.stats()["clients_total"] == 4


def test_each_start_makes_another_certificate() -> None:
    with mqtt_sim.Broker() as one, mqtt_sim.Broker() as other:
        assert one.ca_pem != other.ca_pem
        with pytest.raises(ssl.SSLCertVerificationError):
            secured(dial(one.port), ca_pem=other.ca_pem)


@pytest.mark.req("M-04", "X-24")
def test_several_listeners_at_once_each_with_what_it_says(certificates: Path, tmp_path: Path) -> None:
    path = str(tmp_path / "mqtt.sock")
    listeners: list[dict[str, Any]] = [
        {},
        {"tls": tls_of(certificates)},
        {"protocols": ["websocket"], "websocket": {"paths": ["/live"], "origins": ["https://good.example"]}},
        {"protocols": ["websocket"], "tls": tls_of(certificates)},
        {"unix": path},
        {"proxy_protocol": True, "trusted_proxies": ["127.0.0.1"]},
    ]
    ca = certificates / "ca.pem"
    with mqtt_sim.Broker(listeners=listeners) as broker:
        mqtt, mqtts, ws, wss, unix, proxied = broker.ports
        assert len({mqtt, mqtts, ws, wss, proxied}) == 5
        assert unix == 0
        assert broker.ca_pem == ""
        assert broker.urls == [
            f"mqtt://127.0.0.1:{mqtt}",
            f"mqtts://127.0.0.1:{mqtts}",
            f"ws://127.0.0.1:{ws}/live",
            f"wss://127.0.0.1:{wss}/mqtt",
            f"mqtt+unix://{path}",
            f"mqtt://127.0.0.1:{proxied}",
        ]
        assert greeted(dial(mqtt)) == WELCOME
        assert greeted(secured(dial(mqtts), ca=ca)) == WELCOME
        assert greeted_over_websocket(dial(ws), "/live") == WELCOME
        assert greeted_over_websocket(dial(ws), "/live", "https://good.example") == WELCOME
        assert greeted_over_websocket(dial(ws), "/other").startswith(b"HTTP/1.1 404")
        assert greeted_over_websocket(dial(ws), "/live", "https://bad.example").startswith(b"HTTP/1.1 403")
        assert greeted_over_websocket(secured(dial(wss), ca=ca), "/any") == WELCOME
        with socket.socket(socket.AF_UNIX) as stream:
            stream.settimeout(5)
            stream.connect(path)
            assert greeted(stream) == WELCOME
        stream = dial(proxied)
        stream.sendall(PROXY)
        assert greeted(stream) == WELCOME
        assert greeted(dial(proxied)) == b""
    assert not os.path.lexists(path)


@pytest.mark.req("X-24")
def test_the_certificates_name_is_the_user(certificates: Path, tmp_path: Path) -> None:
    acl = tmp_path / "acl"
    acl.write_text("pattern readwrite d/%u\n")
    listener = {"tls": mutual(certificates), "certificate_name_as_user": True}
    with mqtt_sim.Broker(listeners=[listener], acl_file=acl) as broker:
        with secured(dial(broker.port), ca=certificates / "ca.pem", own=certificates / "client.pem") as stream:
            stream.sendall(CONNECT + SUBSCRIBE)
            assert receive(stream, 10) == WELCOME + b"\x90\4\0\1\0\x80"
        nobody = secured(dial(broker.port), ca=certificates / "ca.pem")
        with pytest.raises(ssl.SSLError):
            greeted(nobody)  # in TLS 1.3 a client learns by its first read that it should have shown a certificate


@pytest.mark.parametrize("minimum", ["1.2", "1.3"])
def test_versions_below_the_minimum_are_refused(certificates: Path, minimum: str) -> None:
    with mqtt_sim.Broker(tls=tls_of(certificates, min_version=minimum)) as broker:
        context = ssl.create_default_context(cafile=certificates / "ca.pem")
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        if minimum == "1.2":
            assert greeted(context.wrap_socket(dial(broker.port), server_hostname="localhost")) == WELCOME
        else:
            with pytest.raises(ssl.SSLError):
                context.wrap_socket(dial(broker.port), server_hostname="localhost")
        ends = time.monotonic() + 20  # the client may know before the broker counts it
        while minimum == "1.3" and broker.stats()["handshakes_failed"] == 0 and time.monotonic() < ends:
            time.sleep(0.01)
        assert broker.stats()["handshakes_failed"] == (0 if minimum == "1.2" else 1)


def test_a_broker_with_a_certificate_of_its_own_takes_no_plain_streams(certificates: Path) -> None:
    with mqtt_sim.Broker(tls=tls_of(certificates), connect_timeout="300ms") as broker:
        assert broker.url == f"mqtts://127.0.0.1:{broker.port}"
        assert greeted(dial(broker.port)) == b""
        assert greeted(secured(dial(broker.port), ca=certificates / "ca.pem")) == WELCOME


# ---- what cannot be used

WRONG: dict[str, Callable[[Path, Path], tuple[dict[str, Any], str]]] = {
    "certificate missing": lambda made, at: (
        {**tls_of(made), "certificate": str(at / "no.pem")},
        f"cannot read certificate {at}/no.pem: No such file or directory",
    ),
    "key missing": lambda made, at: (
        {**tls_of(made), "key": str(at / "no.pem")},
        f"cannot read private key {at}/no.pem: No such file or directory",
    ),
    "no PEM": lambda made, at: (
        {**tls_of(made), "certificate": str(at / "text")},
        f"certificate {at}/text: holds no certificate in PEM form",
    ),
    "key of another": lambda made, at: (
        {**tls_of(made), "key": str(made / "client-key.pem")},
        f"private key {made}/client-key.pem: does not fit certificate {made}/server.pem",
    ),
    "password missing": lambda made, at: (
        {**tls_of(made), "key": str(at / "locked.pem")},
        f"private key {at}/locked.pem: is encrypted, and no password was given",
    ),
    "password wrong": lambda made, at: (
        {**tls_of(made), "key": str(at / "locked.pem"), "key_password": "guess"},
        f"private key {at}/locked.pem: wrong password",
    ),
    "CA missing": lambda made, at: (
        {**mutual(made), "ca": str(at / "no.pem")},
        f"cannot read CA file {at}/no.pem: No such file or directory",
    ),
    "cipher unknown": lambda made, at: (tls_of(made, ciphers="ROT13"), 'ciphers "ROT13": none of them is known'),
    "key log": lambda made, at: (
        tls_of(made, key_log=str(at / "no/log")),
        f"cannot write key log {at}/no/log: No such file or directory",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_certificates_that_cannot_be_used_are_told_before_anything_listens(
    certificates: Path, tmp_path: Path, wrong: str
) -> None:
    (tmp_path / "text").write_text("no certificate\n")
    locked = ["openssl", "pkey", "-in", certificates / "server-key.pem", "-aes256", "-passout", "pass:right"]
    subprocess.run([*locked, "-out", tmp_path / "locked.pem"], check=True, timeout=20)
    tls, problem = WRONG[wrong](certificates, tmp_path)
    with pytest.raises(mqtt_sim.ScenarioError) as error:
        mqtt_sim.Broker(listeners=[{}, {"tls": tls}])
    assert str(error.value) == f"listeners[1].tls: should be usable: {problem}"
    for sim in (True, False):
        with pytest.raises(mqtt_sim.ScenarioError) as error:
            mqtt_sim.run({"name": "x", "devices": [{"count": 1}], "broker": {"tls": tls}}, sim=sim)
        assert str(error.value).endswith(f"broker.tls: should be usable: {problem}")
    if "locked" in problem:
        mqtt_sim.Broker(tls={**tls, "key_password": "right"})


def test_a_unix_socket_does_not_replace_a_file(tmp_path: Path) -> None:
    file = tmp_path / "precious"
    file.write_text("text")
    with pytest.raises(mqtt_sim.CouldNotRun, match="precious: a file that is no socket is there already"):
        mqtt_sim.Broker(unix=file).start()
    assert file.read_text() == "text"


# ---- as a process


def test_command_listens_at_urls_with_certificates_of_a_directory(certificates: Path, tmp_path: Path) -> None:
    arguments = ["--listen", "mqtt://127.0.0.1:0", "--listen", "wss://127.0.0.1:0/mqtt", "--certs", str(certificates)]
    arguments += ["--listen", f"mqtt+unix://{tmp_path}/mqtt.sock", "--require-certificate"]
    command = [sys.executable, "-m", "mqtt_sim", "broker", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        killer = threading.Timer(30, process.kill)
        killer.start()
        try:
            assert process.stdout
            lines = [process.stdout.readline().strip() for _ in range(3)]
            assert [line.rpartition(":")[0] for line in lines[:2]] == [
                "listening mqtt 127.0.0.1",
                "listening wss 127.0.0.1",
            ]
            assert lines[2] == f"listening mqtt+unix {tmp_path}/mqtt.sock"
            mqtt, wss = (int(line.rpartition(":")[2]) for line in lines[:2])
            assert greeted(dial(mqtt)) == WELCOME
            mine = secured(dial(wss), ca=certificates / "ca.pem", own=certificates / "client.pem")
            assert greeted_over_websocket(mine) == WELCOME
            with pytest.raises(ssl.SSLError):
                greeted_over_websocket(secured(dial(wss), ca=certificates / "ca.pem"))
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
        finally:
            killer.cancel()
            process.kill()


def test_command_writes_the_authority_of_the_certificate_it_makes(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    command = [sys.executable, "-m", "mqtt_sim", "broker", "--port", "0", "--write-ca", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        killer = threading.Timer(30, process.kill)
        killer.start()
        try:
            assert process.stdout
            listening, made = (process.stdout.readline().strip() for _ in range(2))
            assert listening.endswith(" (also mqtts, ws, wss, http, https)")
            assert made == f"TLS with a certificate made at this start; the CA that clients must trust is in {file}"
            assert greeted(secured(dial(int(listening.split(":")[1].split()[0])), ca=file)) == WELCOME
        finally:
            killer.cancel()
            process.kill()


@pytest.mark.parametrize("options", [["--certs", "made", "--port", "0"], ["--certs", "made", "--require-certificate"]])
def test_command_takes_plain_streams_beside_certificates_unless_they_are_required(
    cli: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = json.loads(cli("broker", *options, "--print-config").out)
    is_required = "--require-certificate" in options
    assert shown["plain_beside_tls"] is not is_required
    assert shown["tls"]["client_certificate"] == ("required" if is_required else "ignored")
    assert shown["tls"]["ca"] == ("made/ca.pem" if is_required else None)
