"""mosca's command line on `mqtt-sim broker`: each flag becomes a configuration key, or says what there is instead."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fake_core import FakeCore
from mqtt_sim.broker import Broker
from mqtt_sim.command.mosca_flags import MoscaFlags

Cli = Callable[..., Any]

TLS = {"key": "k.pem", "certificate": "c.pem"}
WEB = {"protocols": ["websocket", "http"]}


def shown(cli: Cli, *arguments: str) -> Any:
    ended = cli("broker", *arguments, "--print-config")
    assert ended.exit_code == 0, ended.err
    return json.loads(ended.out)


def at(document: Any, path: str) -> Any:
    for step in path.split("."):
        document = document[int(step) if isinstance(document, list) else step]
    return document


def contains(found: Any, wanted: Any) -> bool:
    return wanted.items() <= found.items() if isinstance(wanted, dict) else bool(found == wanted)


TABLE = [
    ("--port 1884", "port", 1884),
    ("-p 1884", "port", 1884),
    ("--host 127.0.0.2", "host", "127.0.0.2"),
    ("--users credentials.txt", "users_file", "credentials.txt"),
    ("--key k.pem --cert c.pem", "listeners.0.tls", TLS),
    ("--key k.pem --cert c.pem", "listeners.0.port", 8883),
    ("--secure-port 8884 --key k.pem --cert c.pem", "listeners.0.port", 8884),
    ("--non-secure --key k.pem --cert c.pem --port 5", "listeners.0.port", 5),
    ("--http-port 3005", "listeners.1", {"port": 3005, **WEB}),
    ("--http-port 3005 --http-static public", "listeners.1.http.static", [{"path": "/", "directory": "public"}]),
    ("--http-static public", "http.static", [{"path": "/", "directory": "public"}]),
    ("--http-bundle", "http.bundle", True),
    ("--https-port 3006 --key k.pem --cert c.pem", "listeners.1", {"port": 3006, **WEB}),
    ("--https-port 3006 --https-static public --key k.pem --cert c.pem", "listeners.1.tls", TLS),
    ("--https-port 3006 --https-bundle --key k.pem --cert c.pem", "listeners.1.http.bundle", True),
    ("--only-http", "listeners.0", {"port": 3000, **WEB}),
    ("--only-http --http-port 3005", "listeners.0.port", 3005),
    ("--disable-stats", "sys_interval", "0s"),
    ("--config FILE", "max_queued", 7),
    ("--very-verbose", "log_level", "debug"),
]


@pytest.mark.req("M-32")
@pytest.mark.parametrize(("flags", "path", "value"), TABLE)
def test_flag_becomes_a_key(cli: Cli, tmp_path: Path, flags: str, path: str, value: Any) -> None:
    (tmp_path / "file").write_text('{"max_queued": 7}')
    found = at(shown(cli, *flags.replace("FILE", str(tmp_path / "file")).split()), path)
    assert contains(found, value), found


REFUSED = [
    (["--credentials", "users.json"], "mqtt-sim adduser, and say --users FILE"),
    (["--db", "path"], "kept in memory"),
    (["-d", "path"], "kept in memory"),
    (["--parent-host", "h"], "brokers are not joined"),
    (["--parent-port", "1"], "brokers are not joined"),
    (["--parent-prefix", "x"], "brokers are not joined"),
    (["--authorize-publish", "a/#"], "mqtt-sim adduser, as --publish"),
    (["--authorize-subscribe", "a/#"], "mqtt-sim adduser, as --subscribe"),
    (["--key", "k"], "--key: needs --key FILE and --cert FILE"),
    (["--secure-port", "1"], "--secure-port: needs --key FILE and --cert FILE"),
    (["--https-port", "1"], "--https-port: needs --key FILE and --cert FILE"),
    (["--https-bundle"], "need --https-port N"),
    (["--http-port", "3000", "--listen", "mqtt://localhost"], "leave out --listen"),
]


@pytest.mark.req("M-32")
@pytest.mark.parametrize(("flags", "words"), REFUSED)
def test_flag_that_cannot_be_says_what_to_use(cli: Cli, core: FakeCore, flags: list[str], words: str) -> None:
    ended = cli("broker", *flags)
    assert (ended.exit_code, core.brokers) == (2, [])
    assert f"{flags[0]}" in ended.err
    assert words in ended.err


@pytest.mark.req("M-32")
def test_every_flag_of_mosca_is_tried_here() -> None:
    tried = {word for flags, _, _ in TABLE for word in flags.split()} | {word for flags, _ in REFUSED for word in flags}
    flags = {f"--{name.replace('_', '-')}" for name in MoscaFlags.__dataclass_fields__}
    assert flags - tried == {"--broker-id"}  # below


@pytest.mark.req("M-32")
def test_broker_id_is_that_of_the_broker(core: FakeCore, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = []
    start = Broker.start
    monkeypatch.setattr(Broker, "start", lambda self: (start(self), ids.append(self))[0])
    monkeypatch.setattr(signal, "sigwait", lambda numbers: signal.SIGTERM)
    assert cli("broker", "--broker-id", "moody").exit_code == 0
    assert [broker.id for broker in ids] == ["moody"]


@pytest.mark.req("M-32", "M-04")
def test_configuration_file_may_be_moscas(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "mosca.json"
    settings = {"port": 1, "http": {"port": 2, "bundle": True}, "logger": {"name": "x", "level": "info"}, "id": "y"}
    file.write_text(json.dumps(settings))
    found = shown(cli, "-c", str(file))
    assert [listener["port"] for listener in found["listeners"]] == [1, 2]
    assert found["log_level"] == "info"
    file.write_text('{"backend": {"type": "redis"}}')
    ended = cli("broker", "-c", str(file))
    assert (ended.exit_code, ended.err.startswith(f"mqtt-sim: {file}: backend.type")) == (104, True)
