"""Our clients at TLS servers with a fault, mostly `openssl s_server`: what is said, and what to do about it."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from installed import mqtt_sim_command
from outside import program

from mqtt_sim.certificates import make_certificates, public_pems, write_pems
from mqtt_sim.engine import load_core

PATIENCE_S = 20
SCENARIO = {
    "name": "knock",
    "duration": "100ms",
    "connect": {"timeout": "3s"},
    "producers": [{"name": "p", "count": 1, "topic": "door", "rate": 10, "payload": {"kind": "size", "size": 64}}],
}
GOOD = "-cert CERTS/server.pem -key CERTS/server-key.pem"
WANTS_CERTIFICATE = f"{GOOD} -Verify 1 -verify_return_error -CAfile CERTS/ca.pem"
TRUSTING = "ca=CERTS/ca.pem"


@pytest.fixture(scope="module")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a certificate of tomorrow and a self-signed one beside the usual."""
    directory = tmp_path_factory.mktemp("certs")
    make_certificates(directory)
    write_pems(directory, public_pems())
    now = int(time.time())
    authority = load_core().CertificateAuthority("authority of tomorrow", now - 60, now + 9 * 86_400)
    tomorrow = authority.issue("localhost", ["localhost", "127.0.0.1"], True, now + 86_400, now + 2 * 86_400)
    write_pems(directory, {"tomorrow-ca": authority.own(), "tomorrow": tomorrow})
    (directory / "scenario.json").write_text(json.dumps(SCENARIO))
    encrypted = directory / "encrypted-key.pem"
    command = [program("openssl"), "pkey", "-in", directory / "client-key.pem", "-aes128", "-passout", "pass:sesame"]
    subprocess.run([*command, "-out", encrypted], check=True, timeout=30)
    return directory


@contextmanager
def s_server(certs: Path, arguments: str) -> Iterator[int]:
    """The port of an `openssl s_server`."""
    given = arguments.replace("CERTS/", f"{certs}/").split()
    process = subprocess.Popen(
        [program("openssl"), "s_server", "-accept", "127.0.0.1:0", *given],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    limit = threading.Timer(PATIENCE_S, process.kill)
    limit.start()
    try:
        assert process.stdout
        said = ""
        while not (told := re.search(r"ACCEPT 127\.0\.0\.1:(\d+)", said)):
            line = process.stdout.readline()
            assert line, said
            said += line
        yield int(told[1])
    finally:
        limit.cancel()
        process.kill()
        process.communicate()


@contextmanager
def plain_server(answer: bytes | None) -> Iterator[int]:
    """The port of a server that answers every client that, and ends; None: says nothing."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)

        def serve() -> None:
            held = []
            while not stop.is_set():
                try:
                    peer, _ = listener.accept()
                except TimeoutError:
                    continue
                if answer is None:
                    held.append(peer)
                    continue
                peer.settimeout(PATIENCE_S)
                peer.recv(1)
                peer.sendall(answer)
                peer.shutdown(socket.SHUT_WR)
                while peer.recv(4096):
                    pass
                peer.close()
            for peer in held:
                peer.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            stop.set()
            thread.join(PATIENCE_S)


@dataclass(frozen=True)
class Row:
    """A server, what the user set in client.tls, and the end of the last line."""

    name: str
    server: str
    settings: str
    said: str
    host: str = "localhost"

    def __str__(self) -> str:
        return self.name


ROWS = [
    Row(
        "unknown authority",
        GOOD,
        "",
        "TLS failed: certificate verify failed: unable to get local issuer certificate; "
        "name the CA that signed it with --set client.tls.ca=FILE",
    ),
    Row(
        "another authority",
        GOOD,
        "ca=CERTS/public-ca.pem",
        "TLS failed: certificate verify failed: unable to get local issuer certificate; "
        "name the CA that signed it with --set client.tls.ca=FILE",
    ),
    Row(
        "self-signed",
        "-cert CERTS/ca.pem -key CERTS/ca-key.pem",
        "ca=CERTS/public-ca.pem",
        "TLS failed: certificate verify failed: self-signed certificate; "
        "name the CA that signed it with --set client.tls.ca=FILE",
    ),
    Row(
        "wrong host",
        "-cert CERTS/wrong-host.pem -key CERTS/wrong-host-key.pem",
        TRUSTING,
        "TLS failed: certificate verify failed: hostname mismatch; "
        "use the name in the certificate, or set it with --set client.tls.server_name=NAME",
    ),
    Row(
        "wrong address",
        "-cert CERTS/wrong-host.pem -key CERTS/wrong-host-key.pem",
        TRUSTING,
        "TLS failed: certificate verify failed: IP address mismatch; "
        "use the name in the certificate, or set it with --set client.tls.server_name=NAME",
        host="127.0.0.1",
    ),
    Row(
        "expired",
        "-cert CERTS/expired.pem -key CERTS/expired-key.pem",
        TRUSTING,
        "TLS failed: certificate verify failed: certificate has expired; "
        "renew it, or look at the clock of this machine",
    ),
    Row(
        "of tomorrow",
        "-cert CERTS/tomorrow.pem -key CERTS/tomorrow-key.pem",
        "ca=CERTS/tomorrow-ca.pem",
        "TLS failed: certificate verify failed: certificate is not yet valid; look at the clock of this machine",
    ),
    Row(
        "for clients only",
        "-cert CERTS/client.pem -key CERTS/client-key.pem",
        TRUSTING,
        "TLS failed: certificate verify failed: unsuitable certificate purpose; it is not one for a server",
    ),
    Row(
        "no certificate where one is required",
        WANTS_CERTIFICATE,
        TRUSTING,
        "TLS failed: alert from peer: certificate required; "
        "show one with --set client.tls.certificate=FILE --set client.tls.key=FILE",
    ),
    Row(
        "no certificate where one is required by TLS 1.2",
        f"{WANTS_CERTIFICATE} -tls1_2",
        TRUSTING,
        "TLS failed: TLS handshake: alert from peer: handshake failure; "
        "perhaps no cipher in common, or it wants a client certificate",
    ),
    Row(
        "a certificate that the server does not trust",
        WANTS_CERTIFICATE,
        f"{TRUSTING} certificate=CERTS/public-server.pem key=CERTS/public-server-key.pem",
        "TLS failed: alert from peer: unknown CA; it does not know who signed client.tls.certificate",
    ),
    Row(
        "a certificate for servers",
        WANTS_CERTIFICATE,
        f"{TRUSTING} certificate=CERTS/server.pem key=CERTS/server-key.pem",
        "TLS failed: alert from peer: unsupported certificate; client.tls.certificate is not one for a client",
    ),
    Row(
        "TLS 1.1",
        f"{GOOD} -tls1_1 -cipher DEFAULT@SECLEVEL=0",
        TRUSTING,
        "TLS failed: TLS handshake: alert from peer: protocol version; "
        "it speaks no version that is allowed here: see client.tls.min_version",
    ),
    Row(
        "TLS 1.2 where 1.3 is wanted",
        f"{GOOD} -tls1_2",
        f"{TRUSTING} min_version=1.3",
        "TLS failed: TLS handshake: alert from peer: protocol version; "
        "it speaks no version that is allowed here: see client.tls.min_version",
    ),
    Row(
        "no cipher in common",
        f"{GOOD} -tls1_2 -cipher ECDHE-ECDSA-AES256-GCM-SHA384",
        f"{TRUSTING} ciphers=ECDHE-ECDSA-AES128-GCM-SHA256",
        "TLS failed: TLS handshake: alert from peer: handshake failure; "
        "perhaps no cipher in common, or it wants a client certificate",
    ),
    Row(
        "no application protocol in common",
        f"{GOOD} -alpn mqtt",
        f'{TRUSTING} alpn=["h2"]',
        "TLS failed: TLS handshake: alert from peer: no application protocol; it knows none of client.tls.alpn",
    ),
]


def last_line(certs: Path, url: str, settings: str) -> str:
    """Of `mqtt-sim run`, which must end with exit code 106."""
    sets = [f"client.tls.{one}" for one in settings.replace("CERTS/", f"{certs}/").split()]
    options = [word for one in sets for word in ("--set", one)]
    done = mqtt_sim_command("run", certs / "scenario.json", "-q", "--broker", url, *options)
    assert done.returncode == 106, done.stdout + done.stderr
    return done.stdout.splitlines()[-1]


@pytest.mark.req("C-03")
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_the_fault_is_named_and_what_to_do(certs: Path, row: Row) -> None:
    with s_server(certs, row.server) as port:
        url = f"mqtts://{row.host}:{port}"
        assert last_line(certs, url, row.settings) == f"COULD NOT RUN (exit code 106): {url}: {row.said}"


@pytest.mark.parametrize(
    ("answer", "scheme", "said"),
    [
        (b"", "mqtts", "TLS failed: TLS handshake: the peer ended the stream; this port does not seem to speak TLS"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "mqtts", "the peer does not speak TLS; try mqtt:// or ws://"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "wss", "the peer does not speak TLS; try mqtt:// or ws://"),
        (None, "mqtts", "stream open timeout; nothing answers there as it should"),
        (None, "wss", "stream open timeout; nothing answers there as it should"),
        (None, "ws", "stream open timeout; nothing answers there as it should"),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "ws", "perhaps the path is another one: --set client.websocket.path=/PATH"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "ws", "WebSocket upgrade refused: "),
        (b"\x15\x03\x03\x00\x02\x02\x32", "ws", "WebSocket upgrade refused: "),
        (b"\x20\x02\x00\x00", "ws", "WebSocket upgrade refused: "),
    ],
)
def test_a_server_of_another_kind_is_told(certs: Path, answer: bytes | None, scheme: str, said: str) -> None:
    with plain_server(answer) as port:
        url = f"{scheme}://localhost:{port}"
        line = last_line(certs, url, "")
    assert line.startswith(f"COULD NOT RUN (exit code 106): {url}")
    assert said in line


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("ca=CERTS/none.pem", "cannot read CA file CERTS/none.pem: No such file or directory"),
        ("ca=CERTS/scenario.json", "CA file CERTS/scenario.json: holds no certificate in PEM form"),
        ("certificate=CERTS/client.pem", 'needs its private "key"'),
        ("certificate=CERTS/client.pem key=CERTS/server-key.pem", "does not fit certificate CERTS/client.pem"),
        ("certificate=CERTS/client.pem key=CERTS/encrypted-key.pem", "is encrypted, and no password was given"),
        ("certificate=CERTS/client.pem key=CERTS/encrypted-key.pem key_password=x", "wrong password"),
        ("key_log=CERTS/none/keys", "cannot write key log CERTS/none/keys: No such file or directory"),
        ("ciphers=ROT13", "none of them is known"),
    ],
)
def test_settings_that_cannot_work_are_told_before_the_run(certs: Path, settings: str, said: str) -> None:
    sets = [f"client.tls.{one}" for one in settings.replace("CERTS/", f"{certs}/").split()]
    options = [word for one in sets for word in ("--set", one)]
    done = mqtt_sim_command("run", certs / "scenario.json", "--broker", "mqtts://localhost:1", *options)
    assert done.returncode == 104, done.stdout + done.stderr
    assert said.replace("CERTS/", f"{certs}/") in done.stderr
    assert "client.tls" in done.stderr
