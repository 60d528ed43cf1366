"""A Result as tables and as HTML; scenarios that are changed in Python."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

import mqtt_sim
from mqtt_sim import result_frames


@pytest.fixture(scope="module")
def result() -> mqtt_sim.Result:
    return mqtt_sim.run("tutorial", sim=True, seed=4, set={"duration": "3s", "name": "<b>&tutorial</b>"})


class Table(list[dict[str, Any]]):
    """A stand-in for pandas.DataFrame."""

    index = ""

    def set_index(self, name: str) -> Table:
        assert all(name in row for row in self)
        self.index = name
        return self


@pytest.mark.sim
def test_frames_are_three_tables(result: mqtt_sim.Result, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", SimpleNamespace(DataFrame=Table))  # type: ignore[arg-type]
    frames = result.frames()
    assert [table.index for table in frames] == ["t", "metric", "group"]
    assert sum(row["received"] for row in frames.intervals) == result.delivered
    assert [row["group"] for row in frames.groups] == ["producer", "consumer"]
    latency = next(row for row in frames.metrics if row["metric"] == "latency")
    assert (latency["count"], latency["p99"]) == (result.delivered, result.latency.p99)
    assert latency["max"] < 1
    assert all(row["p99"] is None or row["p99"] < 1 for row in frames.intervals)


@pytest.mark.sim
def test_real_pandas_takes_the_rows(result: mqtt_sim.Result) -> None:
    import pandas

    frames = result.frames()
    assert isinstance(frames.metrics, pandas.DataFrame)
    assert frames.metrics.loc["latency", "count"] == result.delivered
    assert frames.groups.loc["producer", "written"] == result.written


def test_without_pandas_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)  # type: ignore[arg-type]
    with pytest.raises(mqtt_sim.UsageError, match=r"pip install mqtt-sim\[frames\]"):
        mqtt_sim.Result({}).frames()


def test_a_result_without_figures_gives_empty_tables() -> None:
    empty = mqtt_sim.Result({})
    assert result_frames.interval_rows(empty) == []
    assert result_frames.metric_rows(empty) == []
    assert result_frames.group_rows(empty) == []


@pytest.mark.sim
def test_html_is_escaped_and_small(result: mqtt_sim.Result) -> None:
    html = result._repr_html_()
    assert "&lt;b&gt;&amp;tutorial&lt;/b&gt;" in html
    assert "<b>" not in html
    assert "passed" in html
    assert "<script" not in html
    assert len(html) < 6000
    assert html.count("<table>") == html.count("</table>") == 2


@pytest.mark.sim
def test_html_of_a_failed_run_says_what_was_missed() -> None:
    failed = mqtt_sim.run("tutorial", sim=True, set={"duration": "3s", "thresholds": {"latency": ["max<1us"]}})
    html = failed._repr_html_()
    assert "failed" in html
    assert "<td>missed</td>" in html


def test_scenario_with_other_fields_is_a_checked_copy() -> None:
    short = mqtt_sim.load_scenario("tutorial", {"duration": "3s"})
    longer = short.with_(duration="1m", name="longer")
    assert (short.duration, longer.duration, longer.name) == (3.0, 60.0, "longer")
    assert longer.producers == short.producers
    assert longer.thresholds == short.thresholds
    with pytest.raises(mqtt_sim.ScenarioError, match="warmup"):
        short.with_(warmup="5s")
    with pytest.raises(mqtt_sim.ScenarioError, match='did you mean "duration"'):
        short.with_(durration="1s")


@pytest.mark.sim
def test_groups_are_added_to_those_there_are() -> None:
    base = mqtt_sim.load_scenario("tutorial", {"duration": "2s"})
    audience = mqtt_sim.Consumers(name="gallery", count=3, topic="StarWars")
    result = mqtt_sim.run(base.with_(consumers=[*base.consumers, audience]), sim=True)
    assert result.clients["connected"] == 6
    assert result.delivered == 5 * result.written
