"""run(): what is checked before the first connection, how a run is driven, stopped and judged. The engine is faked."""

from __future__ import annotations

import json
import resource
import signal
from pathlib import Path
from typing import Any

import pytest

import mqtt_sim
from fake_core import CorpusError, FakeCore, PlanError, RunError, measured, snapshot
from mqtt_sim.machine import require_descriptors

Document = dict[str, Any]


def test_run_gives_what_was_measured(core: FakeCore, small: Document) -> None:
    result = mqtt_sim.run(small)
    assert result.passed
    assert (result.name, result.lost, result.delivered) == ("small", 0, 1000)
    assert result.latency.p99 < 0.050
    assert core.calls == ["start", "result"]


def test_report_names_tool_versions_machine_and_scenario(core: FakeCore, small: Document) -> None:
    document = mqtt_sim.run(small).to_dict()
    assert document["schema"] == 1
    assert document["tool"] == {"name": "mqtt-sim", "version": mqtt_sim.__version__}
    assert document["versions"]["core"] == core.__version__
    assert document["machine"]["cores"] >= 1
    assert document["scenario"]["producers"][0]["topic"] == "t/{i}"
    assert document["started"].endswith("+00:00")
    assert {"status", "exit_code", "thresholds", "counts", "metrics", "errors", "generator"} <= set(document)


@pytest.mark.req("Z-02")
def test_virtual_time_tells_no_machine_and_no_wall_clock(core: FakeCore, small: Document) -> None:
    core.document = measured(driver="sim", seed=4)
    documents = [mqtt_sim.run(small, sim=True, seed=4).to_dict() for _ in range(2)]
    assert documents[0] == documents[1]
    assert documents[0]["machine"] == {"clock": "virtual"}
    assert documents[0]["started"] is None
    assert (core.plans[0]["driver"], core.plans[0]["seed"]) == ("sim", 4)


def test_options_reach_the_plan(core: FakeCore, small: Document) -> None:
    small["broker"] = {"port": 1}
    mqtt_sim.run(small, seed=7, broker="mqtt://u:p@h:1884", set={"duration": "1s", "producers.cast.qos": 1})
    plan = core.plans[0]
    assert (plan["seed"], plan["duration_ns"], plan["groups"][0]["publish"]["qos"]) == (7, 1_000_000_000, 1)
    assert (plan["broker"], plan["target"]) == (None, {"host": "h", "port": 1884})


@pytest.mark.parametrize("url", ["h:1883", "quic://h", "mqtt://"])
def test_wrong_broker_url_is_wrong_usage(core: FakeCore, small: Document, url: str) -> None:
    with pytest.raises(mqtt_sim.UsageError, match="--broker: "):
        mqtt_sim.run(small, broker=url)
    assert core.calls == []


def test_virtual_time_cannot_reach_an_outside_broker(core: FakeCore, small: Document) -> None:
    with pytest.raises(mqtt_sim.UsageError, match="leave out --sim, or the target"):
        mqtt_sim.run(small, sim=True, broker="mqtt://h")


def test_seed_outside_its_range_is_refused(core: FakeCore, small: Document) -> None:
    with pytest.raises(mqtt_sim.ScenarioError, match=r"seed = -1: should be from 0"):
        mqtt_sim.run(small, seed=-1)


def test_what_the_core_refuses_is_told_in_the_words_of_the_scenario(core: FakeCore, small_file: Path) -> None:
    core.plan_error = PlanError("groups.0.publish.payload.size", "8", "at least 32 bytes, which the stamp needs")
    with pytest.raises(mqtt_sim.ScenarioError) as error:
        mqtt_sim.run(small_file)
    assert str(error.value) == (
        f"{small_file}: producers[0].payload.size = 8: should be at least 32 bytes, which the stamp needs"
    )
    assert core.calls == []


def test_port_taken_could_not_run(core: FakeCore, small: Document) -> None:
    core.start_error = RunError("port_taken", "127.0.0.1:1883 is in use")
    with pytest.raises(mqtt_sim.CouldNotRun, match=r"127\.0\.0\.1:1883 is in use") as error:
        mqtt_sim.run(small)
    assert (error.value.kind, error.value.exit_code) == ("port_taken", 106)


def test_failure_in_the_middle_gives_a_partial_result(core: FakeCore, small: Document) -> None:
    core.document = measured(
        failure={"kind": "broker_lost", "text": "the broker closed all connections", "reason_code": None, "clients": 10}
    )
    result = mqtt_sim.run(small)
    assert (result.status, result.exit_code, result.delivered) == ("could_not_run", 106, 1000)
    with pytest.raises(mqtt_sim.CouldNotRun, match="closed all connections"):
        result.raise_for_status()


# ---- corpus


def dialogues(small: Document) -> Document:
    small["producers"][0]["payload"] = "dialogue"
    return small


@pytest.mark.req("D-06")
def test_corpus_option_goes_before_environment_before_scenario(
    core: FakeCore, small: Document, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, environment, own = (tmp_path / name for name in ("given", "environment", "own"))
    for path in (given, environment, own):
        path.write_text("")
    dialogues(small)["corpus"] = {"path": str(own), "header": "as-record", "parser": "tutorial", "strict": True}
    mqtt_sim.run(small)
    monkeypatch.setenv("MQTT_SIM_CORPUS", str(environment))
    mqtt_sim.run(small)
    mqtt_sim.run(small, corpus=given)
    assert [plan["corpus"]["path"] for plan in core.plans] == [str(own), str(environment), str(given)]
    assert core.calls[0] == f"load_corpus {own} as-record tutorial True"


@pytest.mark.req("K-05")
def test_corpus_that_ships_is_the_last_resort(core: FakeCore, small: Document) -> None:
    mqtt_sim.run(dialogues(small))
    assert Path(core.plans[0]["corpus"]["path"]).name == "long_haul.txt"


def test_scenario_without_dialogues_reads_no_corpus(
    core: FakeCore, small: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MQTT_SIM_CORPUS", "/does/not/exist")
    assert mqtt_sim.run(small).passed


@pytest.mark.parametrize("origin", ["option", "environment", "scenario"])
def test_missing_corpus_is_named_with_its_origin(
    core: FakeCore, small: Document, monkeypatch: pytest.MonkeyPatch, origin: str
) -> None:
    dialogues(small)
    path = "/does/not/exist.txt"
    if origin == "environment":
        monkeypatch.setenv("MQTT_SIM_CORPUS", path)
    if origin == "scenario":
        small["corpus"] = {"path": path}
    with pytest.raises(mqtt_sim.CorpusError, match="there is no such file") as error:
        mqtt_sim.run(small, corpus=path if origin == "option" else None)
    where = {"option": "", "environment": "MQTT_SIM_CORPUS", "scenario": "corpus.path of the scenario"}[origin]
    assert where in str(error.value)
    assert error.value.exit_code == 104
    assert core.calls == []


@pytest.mark.req("K-03")
def test_broken_corpus_is_told_with_line_and_column(core: FakeCore, small: Document, tmp_path: Path) -> None:
    path = tmp_path / "broken.txt"
    path.write_text("")
    core.corpus_error = CorpusError(str(path), 3, 14, "a closing quote")
    with pytest.raises(mqtt_sim.CorpusError, match=r"broken\.txt:3:14: a closing quote") as error:
        mqtt_sim.run(dialogues(small), corpus=path)
    assert (error.value.line, error.value.column, error.value.exit_code) == (3, 14, 104)


def test_warnings_of_the_corpus_reach_the_result(core: FakeCore, small: Document) -> None:
    core.corpus = ([("A", "B")], ["x.txt:5: lone backslash"])
    assert mqtt_sim.run(dialogues(small)).warnings == ["x.txt:5: lone backslash"]


# ---- snapshots and interruption


def test_snapshots_come_with_thresholds_so_far(core: FakeCore, small: Document) -> None:
    core.snapshots = [snapshot(), snapshot(counts={"lost": 2, "reordered": 3, "expected": 10})]
    seen: list[dict[str, Any]] = []
    mqtt_sim.run(small, on_snapshot=seen.append)
    assert [one["name"] for one in seen] == ["small", "small"]
    verdicts = [{one["metric"]: one["ok"] for one in document["thresholds"]} for document in seen]
    assert verdicts == [{"reordered": True, "lateness": True}, {"reordered": False, "lateness": True}]


def test_exception_of_the_callers_callback_ends_the_run(core: FakeCore, small: Document) -> None:
    core.snapshots = [snapshot()]
    with pytest.raises(ZeroDivisionError):
        mqtt_sim.run(small, on_snapshot=lambda _: 1 / 0)
    assert core.calls == ["start", "abort"]


@pytest.mark.parametrize(("times", "calls"), [(1, ["interrupt"]), (2, ["interrupt", "abort"])])
def test_interruption_is_orderly_first_and_at_once_the_second_time(
    core: FakeCore, small: Document, times: int, calls: list[str]
) -> None:
    before = signal.getsignal(signal.SIGINT)
    core.interrupts_itself = times
    result = mqtt_sim.run(small)
    assert core.calls == ["start", *calls, "result"]
    assert (result.status, result.exit_code, result.delivered) == ("interrupted", 105, 1000)
    assert signal.getsignal(signal.SIGINT) is before


def test_third_interruption_is_a_keyboard_interrupt(core: FakeCore, small: Document) -> None:
    core.interrupts_itself = 3
    with pytest.raises(KeyboardInterrupt):
        mqtt_sim.run(small)


# ---- report file


def test_report_is_written(core: FakeCore, small: Document, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    result = mqtt_sim.run(small, json=path)
    assert json.loads(path.read_text()) == result.to_dict()


def test_report_that_cannot_be_written_stops_the_run_before_it_begins(
    core: FakeCore, small: Document, tmp_path: Path
) -> None:
    with pytest.raises(mqtt_sim.CouldNotRun, match=r"no/report\.json: the report cannot be written"):
        mqtt_sim.run(small, json=tmp_path / "no" / "report.json")
    assert core.calls == []


# ---- file descriptors


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[int, int]]:
    """The limit on open files, as the process sees and sets it."""
    state = {"limit": (1024, 4096)}
    monkeypatch.setattr(resource, "getrlimit", lambda _: state["limit"])
    monkeypatch.setattr(resource, "setrlimit", lambda _, limit: state.update(limit=limit))
    return state


@pytest.mark.parametrize(
    ("clients", "embedded", "soft"), [(480, True, 1024), (481, True, 1026), (960, False, 1024), (2016, True, 4096)]
)
def test_soft_limit_is_raised_as_far_as_needed(
    limits: dict[str, tuple[int, int]], clients: int, embedded: bool, soft: int
) -> None:
    require_descriptors(clients, embedded_broker=embedded)
    assert limits["limit"] == (soft, 4096)


def test_too_few_descriptors_tells_need_limit_and_two_ways_out(limits: dict[str, tuple[int, int]]) -> None:
    with pytest.raises(mqtt_sim.CouldNotRun) as error:
        require_descriptors(2017, embedded_broker=True)
    text = str(error.value)
    for part in ("2017 clients need 4098 file descriptors", "may open 4096", "ulimit -n 4098", "LimitNOFILE=4098"):
        assert part in text
    assert "use at most 2016 clients, or move the broker out with --broker, which halves the need" in text
    assert (error.value.kind, error.value.exit_code) == ("descriptors", 106)


def test_outside_broker_needs_one_descriptor_a_client(limits: dict[str, tuple[int, int]]) -> None:
    with pytest.raises(mqtt_sim.CouldNotRun, match="5000 clients need 5064 file descriptors") as error:
        require_descriptors(5000, embedded_broker=False)
    assert "use at most 4032 clients." in str(error.value)
    assert "--broker" not in str(error.value)


def test_run_counts_the_clients_of_all_groups(
    core: FakeCore, small: Document, limits: dict[str, tuple[int, int]]
) -> None:
    small["producers"][0]["count"] = 4000
    with pytest.raises(mqtt_sim.CouldNotRun, match="4005 clients need 8074"):
        mqtt_sim.run(small)
    assert core.calls == []
    assert mqtt_sim.run(small, sim=True).passed, "virtual time opens no files"
