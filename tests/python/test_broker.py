"""The broker's settings, the broker in Python and as a command, with a stand-in for the compiled module."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mqtt_sim
from fake_core import FakeCore, PlanError, RunError
from mqtt_sim.broker_command import status_line
from mqtt_sim.scenario.load import load_embedded_broker, load_scenario
from mqtt_sim.scenario.plan import resolved_document

Cli = Callable[..., Any]


def crossed(**options: Any) -> dict[str, Any]:
    """What of these options differs from the defaults when it reaches the core."""
    plain = mqtt_sim.EmbeddedBroker().to_core()
    return {
        key: value for key, value in mqtt_sim.EmbeddedBroker(**options).to_core().items() if plain.get(key) != value
    }


# ---- settings


@pytest.mark.req("X-39")
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"close_timeout": "1500ms"}, {"close_timeout_ns": 1_500_000_000}),
        ({"drain_timeout": "0s"}, {"drain_timeout_ns": 0}),
        ({"sys_interval": "10s"}, {"sys_interval_ns": 10_000_000_000}),
        ({"max_session_expiry": "1h"}, {"max_session_expiry_s": 3600}),
        ({"max_session_expiry": 0}, {"max_session_expiry_s": 0}),
        ({"max_packet_size": "64KiB"}, {"max_packet_size": 65_536}),
        ({"max_qos": 1}, {"max_qos": 1}),
        ({"profile": "mosca", "on_qos2_publish": "noack"}, {"profile": "mosca", "on_qos2_publish": "noack"}),
        ({"drop_policy": "oldest", "queue_qos0": True}, {"drop_policy": "oldest", "queue_qos0": True}),
        ({"users_file": "u", "acl_file": "a"}, {"users_file": "u", "acl_file": "a"}),
        ({"credentials": {"anna": "secret"}}, {"credentials": {"anna": "secret"}}),
    ],
)
def test_settings_cross_in_the_units_of_the_core(options: dict[str, Any], expected: dict[str, Any]) -> None:
    assert crossed(**options) == expected


def test_listeners_cross_with_what_they_say_and_without_the_port_beside_them() -> None:
    plan = mqtt_sim.EmbeddedBroker(
        host="::1", listeners=[{"port": 1883}, {"name": "new", "host": "127.0.0.1", "protocol_versions": [5]}]
    ).to_core()
    assert plan["host"] == "::1"
    assert "port" not in plan
    plain = {"protocols": ["mqtt"], "tls": "off", "plain_beside_tls": False, "certificate_name_as_user": False}
    plain |= {"proxy_protocol": False, "trusted_proxies": [], "allow_anonymous": True}
    assert plan["listeners"] == [
        {**plain, "port": 1883, "protocol_versions": ["3.1", "3.1.1", "5.0"]},
        {**plain, "name": "new", "host": "127.0.0.1", "port": 0, "protocol_versions": ["5.0"]},
    ]
    assert "listeners" not in mqtt_sim.EmbeddedBroker().to_core()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_conections": 5}, 'max_conections = 5: there is no key "max_conections" here; did you mean "max_connect'),
        ({"listeners": [{"prt": 5}]}, 'listeners[0].prt = 5: there is no key "prt" here; did you mean "port"?'),
        ({"listeners": [{}], "port": 7}, "port = 7: should be left out beside listeners"),
        ({"listeners": [{"name": "a"}, {"name": "a"}]}, 'listeners[1].name = "a": another listener has this name'),
        ({"listeners": [{"protocol_versions": []}]}, "listeners[0].protocol_versions = []: should hold at least one"),
        (
            {"listeners": [{"protocol_versions": ["6"]}]},
            'protocol_versions[0] = "6": should be "3.1", "3.1.1" or "5.0"',
        ),
        ({"receive_maximum": 0}, "receive_maximum = 0: should be at least 1"),
        ({"max_packet_size": "1GiB"}, "max_packet_size = 1073741824: should be at most 268435460"),
        ({"max_qos": 3}, "max_qos = 3: should be 0, 1 or 2"),
        ({"profile": "aedes"}, "profile = \"aedes\": should be 'standard', 'diffusion' or 'mosca'"),
        ({"drain_timeout": -1}, "drain_timeout = -1: should not be negative"),
        ({"max_session_expiry": "1500ms"}, 'max_session_expiry = "1500ms": should be whole seconds'),
        ({"max_queued": None}, "max_queued = null: should be a whole number"),
    ],
)
def test_broker_names_what_is_wrong_in_its_options(core: FakeCore, options: dict[str, Any], message: str) -> None:
    with pytest.raises(mqtt_sim.ScenarioError) as error:
        mqtt_sim.Broker(**options)
    assert str(error.value).startswith("Broker: ")
    assert message in str(error.value)
    assert core.brokers == []


def test_passwords_are_never_shown(small: dict[str, Any]) -> None:
    small["broker"] = {"credentials": {"anna": "hush"}, "listeners": [{}]}
    shown = resolved_document(load_scenario(small))
    assert shown["broker"]["credentials"] == {"anna": "***"}
    assert load_scenario(shown).broker is not None
    for wrong in ({"anna": 4711}, {"anna": ["4711"]}, 4711):
        with pytest.raises(mqtt_sim.ScenarioError) as error:
            mqtt_sim.Broker(credentials=wrong)
        assert "4711" not in str(error.value)


def test_files_of_the_broker_are_looked_for_beside_the_scenario(small: dict[str, Any], tmp_path: Path) -> None:
    small["broker"] = {"users_file": "users", "acl_file": "/etc/acl"}
    file = tmp_path / "one.json"
    file.write_text(json.dumps(small))
    assert load_scenario(file).to_plan()["broker"]["users_file"] == str(tmp_path / "users")
    assert load_scenario(file).to_plan()["broker"]["acl_file"] == "/etc/acl"
    set_by_hand = load_scenario(file, {"broker.users_file": "mine"})
    assert set_by_hand.to_plan()["broker"]["users_file"] == "mine"


# ---- in Python


@pytest.mark.req("A-04", "X-39")
def test_broker_needs_no_argument_and_tells_about_itself_every_ten_seconds(core: FakeCore) -> None:
    with mqtt_sim.Broker() as broker:
        assert (broker.host, broker.port, broker.ports) == ("127.0.0.1", 40_000, [40_000])
        assert broker.url == "mqtt://127.0.0.1:40000"
    assert core.brokers == [{**mqtt_sim.EmbeddedBroker().to_core(), "sys_interval_ns": 10_000_000_000}]
    assert core.calls == ["broker start", "broker stop"]


def test_broker_takes_ready_settings_and_options_over_them(core: FakeCore) -> None:
    settings = mqtt_sim.EmbeddedBroker(sys_interval=0, max_queued=5)
    mqtt_sim.Broker(settings)
    mqtt_sim.Broker(settings, max_queued=6)
    assert [(one["sys_interval_ns"], one["max_queued"]) for one in core.brokers] == [(0, 5), (0, 6)]


def test_broker_has_an_url_for_each_listener(core: FakeCore) -> None:
    broker = mqtt_sim.Broker(listeners=[{"port": 7}, {"host": "::1"}])
    assert broker.ports == [7, 0]
    broker.start()
    assert broker.ports == [7, 40_001]
    assert broker.urls == ["mqtt://127.0.0.1:7", "mqtt://[::1]:40001"]
    assert (broker.port, broker.url, broker.host) == (7, "mqtt://127.0.0.1:7", "127.0.0.1")


def test_broker_reloads_its_files(core: FakeCore) -> None:
    broker = mqtt_sim.Broker(users_file="users")
    broker.reload()
    assert core.calls == ["broker reload"]
    core.reload_error = RunError("broker", "users_file users: line 2: user anna: is there twice; remove one")
    with pytest.raises(mqtt_sim.ScenarioError, match=r"^users_file users: line 2"):
        broker.reload()


def test_broker_that_the_core_refuses_is_the_users_mistake(core: FakeCore) -> None:
    core.broker_error = RunError("broker", "users_file users: No such file or directory")
    with pytest.raises(mqtt_sim.ScenarioError, match=r"^users_file users: No such file"):
        mqtt_sim.Broker(users_file="users")
    core.broker_error = PlanError("max_queued", "7", "at least 8")
    with pytest.raises(mqtt_sim.ScenarioError, match=r"^max_queued = 7: should be at least 8"):
        mqtt_sim.Broker(max_queued=7)


# ---- as a command


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "broker.json"
    path.write_text(json.dumps({"max_queued": 1, "max_retained": 2, "users_file": "users"}))
    return path


def signals(monkeypatch: pytest.MonkeyPatch, core: FakeCore, *numbers: int) -> None:
    """After its start the command finds these signals, one after the other."""
    to_us = threading.get_ident()
    start = core.Broker.start

    def started(self: Any) -> Any:
        for number in numbers:
            signal.pthread_kill(to_us, number)
        return start(self)

    monkeypatch.setattr(core.Broker, "start", started)


@pytest.mark.req("X-39")
def test_command_reads_file_then_options_then_settings(cli: Cli, config: Path) -> None:
    shown = json.loads(cli("broker", "-c", str(config), "--print-config").out)
    assert (shown["port"], shown["sys_interval"], shown["max_queued"], shown["max_retained"]) == (1883, "10s", 1, 2)
    assert shown["users_file"] == str(config.parent / "users")
    arguments = ["--port", "7", "--host", "0.0.0.0", "--users", "u", "--acl", "a", "--no-anonymous"]
    arguments += ["--profile", "mosca", "--max-connections", "8", "--sys-interval", "3", "--set", "max_queued=9"]
    shown = json.loads(cli("broker", "--config", str(config), *arguments, "--print-config").out)
    assert {
        "port": 7,
        "host": "0.0.0.0",
        "users_file": "u",
        "acl_file": "a",
        "allow_anonymous": False,
        "profile": "mosca",
        "max_connections": 8,
        "sys_interval": "3s",
        "max_queued": 9,
        "max_retained": 2,
    }.items() <= shown.items()


def test_command_prints_a_configuration_that_it_reads_back(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "again.json"
    for arguments in (["--set", "max_queued=7"], ["--set", 'listeners=[{"port":7},{"name":"b"}]']):
        printed = cli("broker", *arguments, "--print-config").out
        file.write_text(printed)
        assert cli("broker", "-c", str(file), "--print-config").out == printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "max_quued=1"], '--set: max_quued: there is no field "max_quued" here; did you mean "max_queued"?'),
        (["--set", "max_queued"], "--set max_queued: should look like path=value"),
        (["--profile", "mosca1"], "profile = \"mosca1\": should be 'standard', 'diffusion' or 'mosca'"),
        (["--sys-interval", "soon"], 'sys_interval = "soon": should be a duration'),
        (["-c", "nowhere.json"], "nowhere.json: cannot be read: No such file or directory"),
        (["-c", "broker.json"], "broker.json:1:2: is not JSON"),
        (["--port", "5", "--set", "listeners=[{}]"], "port = 5: should be left out beside listeners"),
    ],
)
def test_command_says_what_is_wrong(
    core: FakeCore, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broker.json").write_text("{")
    ended = cli("broker", *arguments)
    assert ended.exit_code == (2 if "look like" in message else 104)
    assert message in ended.err
    assert core.brokers == []


def test_command_announces_each_listener(core: FakeCore, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    signals(monkeypatch, core, signal.SIGTERM)
    ended = cli("broker", "--set", 'listeners=[{"port":7},{"name":"inside","host":"::1"}]')
    assert ended == (0, "listening mqtt 127.0.0.1:7\nlistening mqtt [::1]:40001 (inside)\n", "")


@pytest.mark.req("X-23")
def test_command_reloads_on_a_hang_up_and_says_so(core: FakeCore, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    signals(monkeypatch, core, signal.SIGHUP, signal.SIGTERM)
    reload = core.Broker.reload
    order = []
    monkeypatch.setattr(core.Broker, "reload", lambda self: (order.append("reload"), reload(self)))
    # Both wait at once, and which is taken first is the system's choice: the end is held back until the reload.
    waited = signal.sigwait
    monkeypatch.setattr(signal, "sigwait", lambda numbers: waited(numbers if order else {signal.SIGHUP}))
    ended = cli("broker", "--users", "one", "--acl", "two")
    assert ended.out.splitlines()[-1] == "reloaded one, two"
    assert core.calls == ["broker start", "broker reload", "broker stop"]


def test_command_goes_on_when_a_reload_fails(core: FakeCore, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    core.reload_error = RunError("broker", "acl_file two: line 1: nonsense")
    waits = iter([signal.SIGHUP, signal.SIGINT])
    monkeypatch.setattr(signal, "sigwait", lambda numbers: next(waits))
    ended = cli("broker", "--acl", "two")
    assert ended.exit_code == 0
    assert ended.err == "mqtt-sim: not reloaded, what was in force stays: acl_file two: line 1: nonsense\n"
    assert core.calls[-1] == "broker stop"


def test_command_with_no_files_has_nothing_to_reload(core: FakeCore, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = iter([signal.SIGHUP, signal.SIGINT])
    monkeypatch.setattr(signal, "sigwait", lambda numbers: next(waits))
    assert "nothing to reload" in cli("broker").out


def test_command_counts_every_second_when_asked(core: FakeCore, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = iter([None, None, signal.SIGINT])

    def waited(numbers: frozenset[int], seconds: float) -> Any:
        assert seconds == 1
        number = next(waits)
        return None if number is None else type("Info", (), {"si_signo": number})

    monkeypatch.setattr(signal, "sigtimedwait", waited)
    out = cli("broker", "-v").out.splitlines()
    line = "clients 7 · sessions 7 · subscriptions 7 · in 1,500/s · out 0/s · dropped 2/s"
    assert [text for text in out if text.startswith("clients")] == [line, line]


def test_status_line_adds_up_all_that_was_dropped() -> None:
    counts = dict.fromkeys(["clients", "sessions", "subscriptions", "messages_in", "messages_out"], 0)
    before = {**counts, "dropped_slow": 1, "dropped_absent": 1}
    now = {**counts, "clients": 1200, "messages_out": 5, "dropped_slow": 2, "dropped_absent": 4}
    assert status_line(before, now) == ("clients 1,200 · sessions 0 · subscriptions 0 · in 0/s · out 5/s · dropped 4/s")


def test_command_leaves_the_signal_mask_as_it_was(core: FakeCore, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    signals(monkeypatch, core, signal.SIGINT)
    cli("broker", "--port", "0")
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before


def test_configuration_may_name_its_schema(tmp_path: Path) -> None:
    file = tmp_path / "broker.json"
    file.write_text('{"$schema": "x", "port": 5}')
    assert load_embedded_broker(file, {}, {}).port == 5
    file.write_text("[]")
    with pytest.raises(mqtt_sim.ScenarioError, match="should be an object"):
        load_embedded_broker(file, {}, {})
