"""`mqtt-sim broker --profile public-test`: each of the eleven ports lets in whom the public host's would, nobody else.

The same attempts by four clients: paho, MQTT.js, mosquitto_pub where it speaks the transport, and our own.
"""

from __future__ import annotations

import json
import queue
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from four_listeners import node_program
from installed import InstalledBroker, installed_broker, mqtt_sim_command
from outside import program

import mqtt_sim
from mqtt_sim.public_test import PORTS, USERS, public_test_options

PATIENCE_S = 10
IN, REFUSED, FAILED = "in", "refused", "failed"
"""A message came back; a CONNACK said no; the stream broke before one."""

RW = ("rw", "readwrite")


@dataclass(frozen=True)
class Attempt:
    """A client at a port, and how it must go."""

    port: str
    outcome: str
    user: tuple[str, str] | None = None
    ca: str | None = None
    certificate: str | None = None
    verify: bool = True
    scheme: str | None = None

    def __str__(self) -> str:
        words = [self.port, self.scheme or "", self.user[0] if self.user else "anonymous"]
        words += [f"trusting {self.ca}"] if self.ca else ["trusting all"] if not self.verify else []
        words += [f"as {self.certificate}"] if self.certificate else []
        return " ".join(filter(None, [*words, self.outcome]))

    @property
    def is_websocket(self) -> bool:
        return PORTS[self.port].protocol == "websocket"

    @property
    def uses_tls(self) -> bool:
        return self.scheme in ("mqtts", "wss") if self.scheme else PORTS[self.port].certificate is not None

    @property
    def url_scheme(self) -> str:
        return {(False, False): "mqtt", (False, True): "mqtts", (True, False): "ws", (True, True): "wss"}[
            self.is_websocket, self.uses_tls
        ]


ATTEMPTS = [
    Attempt("plain", IN),
    Attempt("plain", IN, user=RW),
    Attempt("plain", REFUSED, user=("rw", "wrong")),
    Attempt("plain", FAILED, scheme="mqtts", verify=False),
    Attempt("plain-auth", IN, user=RW),
    Attempt("plain-auth", REFUSED),
    Attempt("plain-auth", REFUSED, user=("nobody", "x")),
    Attempt("tls", IN, ca="ca"),
    Attempt("tls", FAILED, ca="public-ca"),
    Attempt("tls", FAILED, scheme="mqtt"),
    Attempt("tls-client-certificate", IN, ca="ca", certificate="client"),
    Attempt("tls-client-certificate", FAILED, ca="ca"),
    Attempt("tls-client-certificate", FAILED, ca="ca", certificate="server"),
    Attempt("tls-auth", IN, ca="ca", user=RW),
    Attempt("tls-auth", REFUSED, ca="ca"),
    Attempt("tls-public-ca", IN, ca="public-ca"),
    Attempt("tls-public-ca", FAILED, ca="ca"),
    Attempt("tls-expired", FAILED, ca="ca"),
    Attempt("tls-expired", IN, verify=False),
    Attempt("ws", IN),
    Attempt("ws", FAILED, scheme="wss", verify=False),
    Attempt("wss", IN, ca="ca"),
    Attempt("wss", FAILED, ca="public-ca"),
    Attempt("ws-auth", IN, user=RW),
    Attempt("ws-auth", REFUSED),
    Attempt("wss-auth", IN, ca="ca", user=RW),
    Attempt("wss-auth", REFUSED, ca="ca"),
]


@dataclass(frozen=True)
class Host:
    broker: InstalledBroker
    certs: Path

    def url(self, attempt: Attempt) -> str:
        path = "/mqtt" if attempt.is_websocket else ""
        return f"{attempt.url_scheme}://127.0.0.1:{self.broker.ports[attempt.port]}{path}"

    def file(self, name: str | None, part: str = "") -> str | None:
        return str(self.certs / f"{name}{part}.pem") if name else None


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    certs = tmp_path_factory.mktemp("public") / "certs"
    arguments = ("--profile", "public-test", "--base-port", "0", "--certs", certs)
    with installed_broker(*arguments, listeners=len(PORTS)) as broker:
        yield Host(broker, certs)


def test_every_kind_of_port_is_tried_both_ways() -> None:
    assert {attempt.port for attempt in ATTEMPTS if attempt.outcome == IN} == set(PORTS)
    assert {attempt.port for attempt in ATTEMPTS if attempt.outcome != IN} == set(PORTS)


@pytest.mark.req("X-37")
def test_ports_have_the_names_of_their_kinds(host: Host) -> None:
    assert list(host.broker.ports) == list(PORTS)
    assert len(set(host.broker.ports.values())) == 11


# ---- paho


def knock_with_paho(host: Host, attempt: Attempt) -> str:
    """How it went, and why."""
    answers: queue.Queue[str] = queue.Queue()
    transport = "websockets" if attempt.is_websocket else "tcp"
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, transport=transport, reconnect_on_failure=False)  # type: ignore[arg-type]
    if attempt.uses_tls:
        context = ssl.create_default_context(cafile=host.file(attempt.ca))
        if not attempt.verify:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if attempt.certificate:
            context.load_cert_chain(host.certs / f"{attempt.certificate}.pem", host.file(attempt.certificate, "-key"))
        client.tls_set_context(context)
    if attempt.user:
        client.username_pw_set(*attempt.user)

    def on_connect(_client: object, _data: object, _flags: object, reason: object, _properties: object) -> None:
        if getattr(reason, "is_failure"):  # noqa: B009
            answers.put(f"{REFUSED}: {reason}")
        else:
            client.subscribe("door")
            client.publish("door", b"knock")

    client.on_connect = on_connect
    client.on_message = lambda *_: answers.put(IN)
    client.on_disconnect = lambda _client, _data, _flags, reason, _properties: answers.put(f"{FAILED}: {reason}")
    try:
        client.connect("127.0.0.1", host.broker.ports[attempt.port])
    except (OSError, paho.WebsocketConnectionError) as error:
        return f"{FAILED}: {error}"
    client.loop_start()
    try:
        return answers.get(timeout=PATIENCE_S)
    finally:
        client.disconnect()
        client.loop_stop()


@pytest.mark.req("X-37")
@pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.SSLSocket")  # paho leaves it open when a handshake fails
@pytest.mark.parametrize("attempt", ATTEMPTS, ids=str)
def test_paho(host: Host, attempt: Attempt) -> None:
    told = knock_with_paho(host, attempt)
    assert told.partition(":")[0] == attempt.outcome, told
    if attempt.port == "tls-expired" and attempt.verify:
        assert "certificate has expired" in told


# ---- MQTT.js


@pytest.fixture(scope="module")
def told_by_mqttjs(host: Host) -> dict[Attempt, str]:
    """All attempts in one process."""
    lines = [
        json.dumps(
            {
                "url": host.url(attempt),
                "ca": host.file(attempt.ca),
                "certificate": host.file(attempt.certificate),
                "key": host.file(attempt.certificate, "-key"),
                "verify": attempt.verify,
                **dict(zip(("user", "password"), attempt.user or (), strict=False)),
            }
        )
        for attempt in ATTEMPTS
    ]
    command = [program("node"), node_program("mqttjs_door.mjs")]
    done = subprocess.run(command, input="\n".join(lines), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return dict(zip(ATTEMPTS, map(json.loads, done.stdout.splitlines()), strict=True))


@pytest.mark.req("X-37")
@pytest.mark.parametrize("attempt", ATTEMPTS, ids=str)
def test_mqttjs(told_by_mqttjs: dict[Attempt, str], attempt: Attempt) -> None:
    told = told_by_mqttjs[attempt]
    assert told.partition(":")[0] == attempt.outcome, told
    if attempt.port == "tls-expired" and attempt.verify:
        assert "certificate has expired" in told


# ---- mosquitto_pub


@pytest.mark.req("X-37")
@pytest.mark.parametrize("attempt", [attempt for attempt in ATTEMPTS if not attempt.is_websocket], ids=str)
def test_mosquitto_pub(host: Host, attempt: Attempt) -> None:
    command = [program("mosquitto_pub"), "-h", "localhost", "-p", str(host.broker.ports[attempt.port]), "-t", "door"]
    command += ["-m", "knock", "-q", "1"]
    if attempt.user:
        command += ["-u", attempt.user[0], "-P", attempt.user[1]]
    if attempt.uses_tls:
        # Without verification it still wants to be told some authority, and looks at the dates.
        command += ["--cafile", host.file(attempt.ca or "ca") or ""]
    if not attempt.verify:
        command += ["--insecure"]
    if attempt.certificate:
        key = host.file(attempt.certificate, "-key") or ""
        command += ["--cert", host.file(attempt.certificate) or "", "--key", key]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    if attempt.port == "tls-expired":
        assert done.returncode != 0, "--insecure is about the name only"
    else:
        assert (done.returncode == 0) == (attempt.outcome == IN), done.stderr
        assert ("Connection Refused" in done.stderr) == (attempt.outcome == REFUSED), done.stderr


# ---- ours


KNOCK = {
    "name": "knock",
    "duration": "100ms",
    "producers": [{"name": "p", "count": 1, "topic": "door", "rate": 10, "payload": {"kind": "size", "size": 64}}],
    "consumers": [{"name": "c", "count": 1, "topic": "door"}],
}


@pytest.mark.req("X-37")
@pytest.mark.parametrize("attempt", ATTEMPTS, ids=str)
def test_ours(host: Host, attempt: Attempt) -> None:
    tls = {"ca": host.file(attempt.ca)} if attempt.ca else {} if attempt.verify else {"reject_unauthorized": False}
    if attempt.certificate:
        tls |= {"certificate": host.file(attempt.certificate), "key": host.file(attempt.certificate, "-key")}
    scenario = KNOCK | ({"client": {"tls": tls}} if attempt.uses_tls else {})
    scheme, place = host.url(attempt).split("://")
    user = f"{':'.join(attempt.user)}@" if attempt.user else ""
    result = mqtt_sim.run(scenario, broker=f"{scheme}://{user}{place}")
    assert result.exit_code == (0 if attempt.outcome == IN else 106), result.failure_text
    assert ("broker refused the connection" in result.failure_text) == (attempt.outcome == REFUSED)
    if attempt.outcome == IN:
        assert result.delivered == result.expected == 1
    if attempt.port == "tls-expired" and attempt.verify:
        assert "certificate has expired; renew it" in result.failure_text


# ---- the users, and what can be said wrong


@pytest.mark.req("X-37")
@pytest.mark.parametrize(
    ("user", "may_write", "may_read"), [("rw", True, True), ("ro", False, True), ("wo", True, False)]
)
def test_users_may_do_what_their_names_say(host: Host, user: str, may_write: bool, may_read: bool) -> None:
    topic = f"rights/{user}"
    at = ["-h", "localhost", "-p", str(host.broker.ports["plain-auth"]), "-t", topic]
    us, rw = (["-u", name, "-P", USERS[name]] for name in (user, "rw"))
    publish = [program("mosquitto_pub"), *at, "-m", "x", "-q", "1", "-r", "-V", "5"]
    done = subprocess.run([*publish, *us], capture_output=True, text=True, timeout=30)
    assert ("Not authorized" in done.stderr) != may_write, done.stderr
    subprocess.run([*publish, *rw], check=True, timeout=30)
    listen = [program("mosquitto_sub"), *at, "-C", "1", "-W", "1", *us]
    heard = subprocess.run(listen, capture_output=True, text=True, timeout=30)
    assert (heard.stdout == "x\n") == may_read


def test_in_python_too_and_without_a_directory() -> None:
    with mqtt_sim.Broker(**public_test_options(base_port=0)) as broker:
        ports = dict(zip(PORTS, broker.ports, strict=True))
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        for name in ("tls", "tls-public-ca", "tls-expired", "wss"):
            ssl.get_server_certificate(("127.0.0.1", ports[name]), timeout=PATIENCE_S)


def test_a_base_port_gives_eleven_in_a_row() -> None:
    ports = [listener["port"] for listener in public_test_options(base_port=20_000)["listeners"]]
    assert ports == list(range(20_000, 20_011))
    usual = [listener["port"] for listener in public_test_options()["listeners"]]
    assert usual == [1883, 1884, 8883, 8884, 8885, 8886, 8887, 8080, 8081, 8090, 8091]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--profile", "public-test", "--base-port", "65526"), "base port 65526: the last of 11 ports must be 65535"),
        (
            ("--profile", "public-test", "--port", "1"),
            "--port 1: the profile public-test has 11 ports; say --base-port",
        ),
        (("--base-port", "1"), "--base-port 1: is for --profile public-test only; say --port"),
    ],
)
def test_what_makes_no_sense_is_told(arguments: tuple[str, ...], problem: str) -> None:
    done = mqtt_sim_command("broker", *arguments)
    assert done.returncode == 2
    assert problem in done.stderr
