"""The pytest plugin, in sessions of their own."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

pytest_plugins = ["pytester"]

SCENARIO: dict[str, Any] = {
    "name": "pair",
    "duration": "500ms",
    "producers": [{"count": 2, "topic": "t/{i}", "rate": 10, "payload": {"kind": "size", "size": 64}}],
    "consumers": [{"count": 2, "topic": "t/{i}"}],
    "thresholds": {"latency": ["p(99)<10s"]},
}
TOO_STRICT = {**SCENARIO, "thresholds": {"latency": ["p(99)<1ns"]}}


@pytest.fixture
def session(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Writes a test module and runs it with nothing but our plugin."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makefile(".json", good=json.dumps(SCENARIO), strict=json.dumps(TOO_STRICT))

    def run(source: str, *arguments: str) -> pytest.RunResult:
        pytester.makepyfile("import pytest\n" + source)
        options = ["-p", "mqtt_sim.pytest_plugin", "--strict-markers", "-W", "error", *arguments]
        return pytester.runpytest_subprocess(*options, timeout=60)

    return run


def test_entry_point_is_declared() -> None:
    project = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"mqtt_sim": "mqtt_sim.pytest_plugin"}


def test_collection_loads_no_engine_and_no_pydantic(session: Any, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        "import sys\n"
        "def pytest_collection_finish(session):\n"
        "    loaded = {'mqtt_sim._core', 'pydantic', 'mqtt_sim.engine', 'mqtt_sim.scenario'} & set(sys.modules)\n"
        "    assert not loaded, loaded\n"
        "    print('collected without the engine')\n"
    )
    ended = session(
        "@pytest.mark.mqtt_scenario('good.json')\ndef test_it(mqtt_broker, mqtt_sim): ...\n", "--collect-only", "-s"
    )
    ended.stdout.fnmatch_lines(["*collected without the engine*"])
    assert ended.ret == 0


@pytest.mark.net
def test_broker_is_running_and_takes_options_from_its_marker(session: Any) -> None:
    ended = session(
        "import socket\n"
        "def is_up(broker):\n"
        "    with socket.create_connection((broker.host, broker.port), 5): return True\n"
        "def test_one(mqtt_broker):\n"
        "    assert is_up(mqtt_broker)\n"
        "@pytest.mark.mqtt_broker(max_connections=7)\n"
        "def test_two(mqtt_broker):\n"
        "    assert is_up(mqtt_broker)\n"
        "    assert mqtt_broker.settings.max_connections == 7\n"
    )
    ended.assert_outcomes(passed=2)


@pytest.mark.net
def test_client_is_connected_to_the_broker_and_takes_options_from_its_marker(session: Any) -> None:
    ended = session(
        "@pytest.mark.mqtt_client(client_id='me', protocol_version='5.0')\n"
        "def test_it(mqtt_broker, mqtt_client):\n"
        "    assert (mqtt_client.client_id, mqtt_client.state) == ('me', 'connected')\n"
        "    assert mqtt_client.subscribe('t', qos=1)[0].qos == 1\n"
        "    mqtt_client.publish('t', 'hello', qos=1)\n"
        "    assert next(iter(mqtt_client.messages(timeout=5))).payload == b'hello'\n"
        "    assert mqtt_broker.stats()['clients'] == 1\n"
    )
    ended.assert_outcomes(passed=1)


@pytest.mark.sim
def test_scenario_may_be_a_file_a_dictionary_or_a_model(session: Any) -> None:
    ended = session(
        "import json, pathlib\n"
        "HERE = pathlib.Path(__file__).parent\n"
        "def test_file(mqtt_sim):\n"
        "    assert mqtt_sim('good.json', sim=True).delivered == 10\n"
        "def test_file_beside_the_test(mqtt_sim, monkeypatch):\n"
        "    monkeypatch.chdir('/')\n"
        "    assert mqtt_sim('good.json', sim=True).delivered == 10\n"
        "def test_dictionary(mqtt_sim):\n"
        "    document = json.loads((HERE / 'good.json').read_text())\n"
        "    assert mqtt_sim(document, sim=True, set={'duration': '1s'}).delivered == 20\n"
        "def test_model(mqtt_sim):\n"
        "    from mqtt_sim import load_scenario\n"
        "    assert mqtt_sim(load_scenario(HERE / 'good.json'), sim=True, seed=9).seed == 9\n"
        "def test_shipped(mqtt_sim):\n"
        "    assert mqtt_sim('tutorial', sim=True).passed\n"
    )
    ended.assert_outcomes(passed=5)


@pytest.mark.req("P-10")
@pytest.mark.sim
def test_missed_threshold_fails_with_the_table(session: Any) -> None:
    ended = session(
        "def test_called(mqtt_sim):\n"
        "    mqtt_sim('strict.json', sim=True)\n"
        "def test_unchecked(mqtt_sim):\n"
        "    assert not mqtt_sim('strict.json', sim=True, check=False).passed\n"
        "@pytest.mark.mqtt_scenario('strict.json', sim=True)\n"
        "def test_marked():\n"
        "    raise AssertionError('never comes here')\n"
        "@pytest.mark.mqtt_scenario('strict.json', sim=True, check=False)\n"
        "def test_marked_unchecked(mqtt_result):\n"
        "    assert mqtt_result.status == 'failed'\n"
    )
    ended.assert_outcomes(passed=2, failed=2)
    text, _, _ = ended.stdout.str().partition("short test summary info")  # which repeats them where CI is set
    assert text.count("✗ p(99)<1ns") == 2
    assert text.count("p99.9") >= 2, "the table of latencies"
    assert "never comes here" not in text.replace("raise AssertionError('never comes here')", "")


@pytest.mark.sim
def test_marked_test_runs_its_scenario_and_may_look_at_the_result(session: Any) -> None:
    ended = session(
        "@pytest.mark.mqtt_scenario('good.json', sim=True)\n"
        "def test_silent(): ...\n"
        "@pytest.mark.mqtt_scenario('good.json', sim=True, seed=5)\n"
        "class TestAll:\n"
        "    def test_result(self, mqtt_result):\n"
        "        assert (mqtt_result.seed, mqtt_result.lost) == (5, 0)\n"
        "def test_unmarked(mqtt_result): ...\n"
        "@pytest.mark.mqtt_scenario()\n"
        "def test_empty(): ...\n"
        "@pytest.mark.mqtt_scenario('missing.json')\n"
        "def test_missing(): ...\n"
    )
    ended.assert_outcomes(passed=2, errors=3)
    ended.stdout.fnmatch_lines(
        [
            "*mqtt_result needs a scenario: @pytest.mark.mqtt_scenario*",
            "*takes one scenario*",
            "*missing.json: there is no such scenario file*",
        ]
    )


@pytest.mark.net
def test_scenario_runs_against_a_broker_given_in_any_way(session: Any) -> None:
    ended = session(
        "@pytest.fixture\n"
        "def mine(mqtt_broker):\n"
        "    return mqtt_broker.url\n"
        "def received(broker): return broker.stats()['messages_in']\n"
        "def test_object(mqtt_broker, mqtt_sim):\n"
        "    mqtt_sim('good.json', broker=mqtt_broker)\n"
        "    assert received(mqtt_broker) == 10\n"
        "def test_url(mqtt_broker, mqtt_sim):\n"
        "    mqtt_sim('good.json', broker=mqtt_broker.url)\n"
        "    assert received(mqtt_broker) == 10\n"
        "@pytest.mark.mqtt_scenario('good.json', broker='mine')\n"
        "def test_fixture(mqtt_broker):\n"
        "    assert received(mqtt_broker) == 10\n"
    )
    ended.assert_outcomes(passed=3)


@pytest.mark.net
def test_broker_of_the_command_line_is_for_all_but_virtual_time(session: Any) -> None:
    source = (
        "def test_it(mqtt_sim):\n"
        "    mqtt_sim('good.json')\n"
        "def test_sim(mqtt_sim):\n"
        "    mqtt_sim('good.json', sim=True)\n"
    )
    ended = session(source, "--mqtt-broker", "mqtt://127.0.0.1:1")
    ended.assert_outcomes(passed=1, failed=1)
    ended.stdout.fnmatch_lines(["*mqtt://127.0.0.1:1*"])


@pytest.mark.net
def test_workers_of_xdist_do_not_meet(session: Any, pytester: pytest.Pytester) -> None:
    source = (
        "@pytest.mark.parametrize('number', range(6))\n"
        "def test_it(mqtt_broker, mqtt_sim, number):\n"
        "    mqtt_sim('good.json', broker=mqtt_broker)\n"
    )
    session(source, "-p", "xdist.plugin", "-n", "2").assert_outcomes(passed=6)


@pytest.mark.sim
def test_latency_reaches_the_junit_file(session: Any, pytester: pytest.Pytester) -> None:
    session("def test_it(mqtt_sim):\n    mqtt_sim('good.json', sim=True)\n", "--junit-xml", "junit.xml")
    assert 'name="mqtt_sim.latency.p99_s" value="0.0' in (pytester.path / "junit.xml").read_text()
