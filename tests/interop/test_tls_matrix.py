"""TLS at the installed broker, judged by `openssl s_client`: who is let in, what is refused, and with which alert."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from installed import InstalledBroker, installed_broker
from outside import program
from raw_mqtt import connect

from mqtt_sim.certificates import certificate_path, make_certificates, public_pems, tls_of, write_pems

TLS1_1 = ("-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0")
CONNACK = b"\x20\x02\x00\x00"
DISCONNECT = b"\xe0\x00"


@dataclass(frozen=True)
class Server:
    broker: InstalledBroker
    certs: Path

    def s_client(self, listener: str, *arguments: str, send: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """`openssl s_client` at a listener, until the end of the stream; CERTS/ in an argument is the directory."""
        at = [program("openssl"), "s_client", "-connect", f"127.0.0.1:{self.broker.ports[listener]}"]
        given = [argument.replace("CERTS/", f"{self.certs}/") for argument in arguments]
        return subprocess.run([*at, *given], input=send, capture_output=True, timeout=30)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    certs = tmp_path_factory.mktemp("certs")
    make_certificates(certs, clients=["gate-7"])
    write_pems(certs, public_pems())
    good = tls_of(certs)
    wants = {"client_certificate": "required", "ca": str(certificate_path(certs, "ca"))}
    options: dict[str, dict[str, Any]] = {
        "good": {"tls": good | {"key_log": str(certs / "keys")}},
        "expired": {"tls": tls_of(certs, "expired")},
        "wrong-host": {"tls": tls_of(certs, "wrong-host")},
        "required": {"tls": good | wants},
        "requested": {"tls": good | wants | {"client_certificate": "requested"}},
        "named": {"tls": good | wants, "certificate_name_as_user": True, "allow_anonymous": False},
        "newest": {"tls": good | {"min_version": "1.3"}},
        "one-cipher": {"tls": good | {"ciphers": "ECDHE-ECDSA-AES256-GCM-SHA384"}},
        "no-tickets": {"tls": good | {"session_tickets": 0}},
        "alpn": {"tls": good | {"alpn": ["mqtt", "x-other"]}},
    }
    listeners = [{"name": name} | listener for name, listener in options.items()]
    file = certs / "broker.json"
    file.write_text(json.dumps({"listeners": listeners}))
    with installed_broker("-c", file, listeners=len(listeners)) as broker:
        yield Server(broker, certs)


@dataclass(frozen=True)
class Row:
    """What s_client is told, whether it gets its CONNACK, and the words that it says."""

    listener: str
    arguments: str
    is_let_in: bool
    words: str = ""

    def __str__(self) -> str:
        return f"{self.listener}: {self.arguments}"


TRUSTING = "-verify_return_error -CAfile CERTS/ca.pem"
AS_CLIENT = "-cert CERTS/client.pem -key CERTS/client-key.pem"
ROWS = [
    Row("good", f"{TRUSTING} -verify_hostname localhost", is_let_in=True),
    Row("good", f"{TRUSTING} -verify_ip 127.0.0.1", is_let_in=True),
    Row("good", f"{TRUSTING} -x509_strict", is_let_in=True),
    Row("good", f"{TRUSTING} -verify_hostname other.example", is_let_in=False, words="hostname mismatch"),
    Row("good", "-verify_return_error -CAfile CERTS/public-ca.pem", is_let_in=False, words="unable to get local"),
    Row("good", "-verify_return_error", is_let_in=False, words="unable to get local"),
    Row("wrong-host", f"{TRUSTING} -verify_hostname localhost", is_let_in=False, words="hostname mismatch"),
    Row("wrong-host", f"{TRUSTING} -verify_hostname wrong-host.invalid", is_let_in=True),
    Row("expired", TRUSTING, is_let_in=False, words="certificate has expired"),
    Row("good", "-tls1_3", is_let_in=True),
    Row("good", "-tls1_2", is_let_in=True),
    Row("good", " ".join(TLS1_1), is_let_in=False, words="alert protocol version"),
    Row("newest", "-tls1_3", is_let_in=True),
    Row("newest", "-tls1_2", is_let_in=False, words="alert protocol version"),
    Row("good", "-tls1_2 -cipher NULL@SECLEVEL=0", is_let_in=False, words="handshake failure"),
    Row("one-cipher", "-tls1_2 -cipher ECDHE-ECDSA-AES256-GCM-SHA384", is_let_in=True),
    Row("one-cipher", "-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256", is_let_in=False, words="handshake failure"),
    Row("required", AS_CLIENT, is_let_in=True),
    Row("required", "", is_let_in=False, words="alert certificate required"),
    Row("required", "-tls1_2", is_let_in=False, words="handshake failure"),
    Row("required", "-cert CERTS/server.pem -key CERTS/server-key.pem", is_let_in=False, words="alert unsupported"),
    Row(
        "required",
        "-cert CERTS/public-server.pem -key CERTS/public-server-key.pem",
        is_let_in=False,
        words="alert unknown ca",
    ),
    Row("requested", "", is_let_in=True),
    Row("requested", AS_CLIENT, is_let_in=True),
    Row(
        "requested",
        "-cert CERTS/public-server.pem -key CERTS/public-server-key.pem",
        is_let_in=False,
        words="alert unknown ca",
    ),
    Row("named", "-cert CERTS/gate-7.pem -key CERTS/gate-7-key.pem", is_let_in=True),
    Row("alpn", "-alpn x-mine,mqtt", is_let_in=True),
    Row("alpn", "", is_let_in=True),
    Row("alpn", "-alpn h2", is_let_in=False, words="alert no application protocol"),
]


@pytest.mark.req("C-03", "X-24")
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_s_client_is_let_in_or_refused(server: Server, row: Row) -> None:
    done = server.s_client(row.listener, "-quiet", *row.arguments.split(), send=connect("s_client") + DISCONNECT)
    assert (CONNACK in done.stdout) == row.is_let_in, done.stderr
    assert row.words in done.stderr.decode(), done.stderr


@pytest.mark.req("X-24")
def test_renegotiation_is_refused(server: Server) -> None:
    done = server.s_client("good", "-tls1_2", send=b"R\n")
    assert b"RENEGOTIATING" in done.stderr + done.stdout
    assert b"no renegotiation" in done.stderr


@pytest.mark.parametrize("version", ["-tls1_3", "-tls1_2"])
@pytest.mark.parametrize(("listener", "resumes"), [("good", True), ("no-tickets", False)])
def test_sessions_are_resumed_where_there_are_tickets(
    server: Server, tmp_path: Path, version: str, listener: str, *, resumes: bool
) -> None:
    session = str(tmp_path / "session")
    packets = connect("resuming") + DISCONNECT
    first = server.s_client(listener, version, "-ign_eof", "-sess_out", session, send=packets)
    assert b"\nNew, TLSv" in first.stdout
    if not Path(session).exists():
        assert not resumes
        return
    second = server.s_client(listener, version, "-ign_eof", "-sess_in", session, send=packets)
    assert (b"\nReused, TLSv" in second.stdout) == resumes
    assert CONNACK in second.stdout


def test_secrets_are_appended_to_the_key_log(server: Server) -> None:
    log = server.certs / "keys"
    before = log.read_text() if log.exists() else ""
    done = server.s_client("good", "-tls1_3", "-keylogfile", "CERTS/theirs", "-ign_eof", send=connect("x") + DISCONNECT)
    assert CONNACK in done.stdout
    ours = log.read_text().removeprefix(before).splitlines()
    theirs = [line for line in (server.certs / "theirs").read_text().splitlines() if not line.startswith("#")]
    assert {line.split()[0] for line in ours} >= {"CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"}
    assert set(theirs) <= set(ours)
