"""The shipped scenarios of scripted devices, whole, in both times."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from mqtt_sim import Result, run
from mqtt_sim.scenario import load_scenario
from mqtt_sim.scenario.user_function import function_files

ROOT = Path(__file__).resolve().parents[3]


def play(name: str, is_virtual: bool) -> Result:
    busy = {} if is_virtual else {"generator.on_invalid": "warn", "thresholds": {}}  # so may the machine be
    result = run(ROOT / "scenarios" / name, sim=is_virtual, set=busy)
    assert result.passed, str(result)
    assert result.has_python
    assert result.errors == []
    return result


@pytest.mark.req("A-08")
def test_sensors_obey_their_management_topic(is_virtual: bool) -> None:
    result = play("sensors.json", is_virtual)
    assert result.device_counts["instructions obeyed"] == 30
    rates = {name: count for name, count in result.device_counts.items() if name.startswith("after")}
    assert len(rates) == 3
    assert rates['after {"interval": 0.02}: messages per second of each sensor'] == pytest.approx(
        50, abs=2 if is_virtual else 10
    )
    sent = result.device_groups[0]
    assert sent["returned"] == 10


@pytest.mark.req("X-08")
def test_customers_get_their_responses(is_virtual: bool) -> None:
    result = play("request_response.py", is_virtual)
    asked = result.device_metrics["round trip"].count
    assert asked >= (350 if is_virtual else 200)  # in real time the machine may be busy
    assert result.device_counts["answered"] >= asked
    assert result.device_metrics["round trip"].min >= 0.001


@pytest.mark.req("A-08")
def test_game_server_publishes_and_subscribes(is_virtual: bool) -> None:
    result = play("game_server.py", is_virtual)
    assert result.device_metrics["world age"].count >= 30 * 30
    assert result.device_counts.get("hits", 0) == result.device_counts.get("was hit", 0)
    assert result.lost == 0
    assert result.delivered == 5 * 5 * 20 * 4


@pytest.mark.parametrize("name", ["sensors.json", "request_response.py", "game_server.py"])
@pytest.mark.sim
def test_in_virtual_time_the_same_seed_gives_the_same_report(name: str) -> None:
    def report() -> str:
        return json.dumps(run(ROOT / "scenarios" / name, sim=True, seed=3, set={"duration": "4s"}).to_dict())

    assert report() == report()


def test_scripts_lie_beside_their_scenario() -> None:
    files = list(function_files(load_scenario(ROOT / "scenarios/sensors.json")))
    assert files == [ROOT / "scenarios/devices/sensor.py"] * 2


# ---- without a script no message meets Python


def test_nothing_in_the_bindings_takes_the_gil_from_the_engine() -> None:
    """Python calls the engine and never the other way round, so no message can take the GIL."""
    sources = [path for folder in ("core", "python/bindings") for path in (ROOT / folder).rglob("*.?pp")]
    assert len(sources) > 100
    takes = re.compile(r"gil_scoped_acquire|PyGILState_Ensure|PyEval_AcquireThread|PyEval_RestoreThread")
    given_back = {"without_gil.hpp"}  # by a call from Python that had let it go
    assert {path.name for path in sources if takes.search(path.read_text(encoding="utf-8"))} == given_back


@pytest.mark.net
def test_calls_into_the_engine_do_not_grow_with_the_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    from mqtt_sim.engine import EngineRun

    calls = 0
    original = EngineRun.poll

    def poll(self: EngineRun, timeout_s: float) -> object:
        nonlocal calls
        calls += 1
        return original(self, timeout_s)

    monkeypatch.setattr(EngineRun, "poll", poll)
    result = run(ROOT / "scenarios/throughput.json", set={"duration": "2s", "warmup": "0s"})
    assert not result.has_python
    assert result.delivered > 20_000
    assert calls < 40
