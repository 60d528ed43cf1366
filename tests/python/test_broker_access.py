"""Who may come in, as the broker command tells it at start, on reload, and when a file is wrong; without the core."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mqtt_sim
from fake_core import FakeCore, PlanError, RunError

Cli = Callable[..., Any]

NOBODY = (
    "clients must give a user name, and there are no users; name them with --users FILE (mqtt-sim adduser makes it) or "
    "credentials, or say --allow-anonymous\n"
)
OPEN = {"name": "open"}
CLOSED = {"name": "closed", "allow_anonymous": False}


@pytest.fixture(autouse=True)
def ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "sigwait", lambda numbers: signal.SIGTERM)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--no-anonymous"], f"mqtt-sim: nobody can connect: {NOBODY}"),
        (["--no-anonymous", "--users", "u"], ""),
        (["--no-anonymous", "--set", 'credentials={"anna":"x"}'], ""),
        (["--no-anonymous", "--acl", "a"], f"mqtt-sim: nobody can connect: {NOBODY}"),
        (["--allow-anonymous"], ""),
        ([], ""),
        (["--set", f"listeners={json.dumps([OPEN, CLOSED])}"], f"mqtt-sim: nobody can connect by closed: {NOBODY}"),
        (["--set", f"listeners={json.dumps([CLOSED])}"], f"mqtt-sim: nobody can connect: {NOBODY}"),
        (["--set", 'listeners=[{"protocols":["http"],"allow_anonymous":false}]'], ""),
        (["--no-anonymous", "--set", "listeners=[{}]", "--users", "u"], ""),
    ],
)
def test_command_says_when_nobody_can_connect(core: FakeCore, cli: Cli, arguments: list[str], said: str) -> None:
    ended = cli("broker", *arguments)
    assert (ended.exit_code, ended.err) == (0, said)


def test_certificates_that_name_users_let_them_in(tmp_path: Path) -> None:
    tls = {"certificate": "c", "key": "k", "ca": "a", "client_certificate": "required"}
    settings = mqtt_sim.EmbeddedBroker(tls=tls, certificate_name_as_user=True, allow_anonymous=False)
    assert settings.closed_ways_in() == []


@pytest.mark.req("X-23")
def test_files_that_are_read_again_are_those_of_users_rights_and_certificates() -> None:
    tls = {"certificate": "c.pem", "key": "k.pem", "key_log": "log"}
    settings = mqtt_sim.EmbeddedBroker(
        users_file="u", acl_file="a", listeners=[{"tls": tls}, {"tls": "auto"}, {"tls": {**tls, "key": "other.pem"}}]
    )
    assert settings.reloaded_paths() == ["u", "a", "c.pem", "k.pem", "other.pem"]
    assert mqtt_sim.EmbeddedBroker().reloaded_paths() == []


# ---- what the core finds in a configuration file


@pytest.fixture
def config(tmp_path: Path) -> str:
    file = tmp_path / "broker.json"
    document = {"users_file": "users", "connect_timeout": "1s", "listeners": [{"trusted_proxies": ["::1"]}]}
    document["listeners"][0]["proxy_protocol"] = True
    file.write_text(json.dumps(document))
    return str(file)


@pytest.mark.req("X-39")
@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            PlanError("listeners[0].trusted_proxies", '["::1"]', "usable"),
            'listeners[0].trusted_proxies = ["::1"]: should',
        ),
        (PlanError("connect_timeout_ns", "1", "longer"), "connect_timeout = 1: should be longer"),
        (RunError("broker", "users_file /a/users: line 1: wrong"), "users_file /a/users: line 1: wrong"),
    ],
)
def test_error_of_the_core_names_the_file_and_the_key(
    core: FakeCore, cli: Cli, config: str, error: Exception, message: str
) -> None:
    core.broker_error = error
    ended = cli("broker", "-c", config)
    assert (ended.exit_code, core.calls) == (104, [])
    assert f"{config}: {message}" in ended.err


@pytest.mark.parametrize("arguments", [["--users", "mine"], ["--set", "users_file=mine"]])
def test_error_in_what_an_argument_gave_does_not_blame_the_file(
    core: FakeCore, cli: Cli, config: str, arguments: list[str]
) -> None:
    core.broker_error = RunError("broker", "users_file mine: line 1: wrong")
    ended = cli("broker", "-c", config, *arguments)
    assert ended.exit_code == 104
    assert config not in ended.err
    assert "users_file mine: line 1: wrong" in ended.err
