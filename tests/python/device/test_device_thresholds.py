"""Thresholds on what scripts measure themselves."""

from __future__ import annotations

from typing import Any

import pytest

from mqtt_sim import Devices, Result, Scenario, ScenarioError, run

pytestmark = pytest.mark.sim


async def device(client: Any, context: Any) -> None:
    async for _ in context.every(0.1, offset=0.0):
        context.record("round trip", 0.002)
        context.count("asked", 2)
    context.count("wrong", 0)


def judged(thresholds: dict[str, list[str]]) -> Result:
    return run(Scenario(name="x", duration="2s", devices=[Devices(script=device)], thresholds=thresholds), sim=True)


@pytest.mark.parametrize(
    ("metric", "expression", "actual"),
    [
        ("device_metrics.round trip", "p(99)<3ms", 2_000_000),
        ("device_metrics.round trip", "max<=2.1ms", 2_000_000),
        ("device_metrics.round trip", "count==20", 20),
        ("device_counts.asked", "count>=40", 40),
        ("device_counts.asked", "rate>19", 20),
        ("device_counts.wrong", "count==0", 0),
        ("device_metrics.lateness", "max<1ms", 0),
    ],
)
def test_what_scripts_measure_is_judged(metric: str, expression: str, actual: float) -> None:
    result = judged({metric: [expression]})
    assert result.passed, str(result)
    verdict = result.thresholds[0]
    assert (verdict.metric, verdict.ok) == (metric, True)
    assert verdict.actual == pytest.approx(actual, rel=0.01)


@pytest.mark.parametrize(
    ("metric", "expression"),
    [
        ("device_metrics.round trip", "p(99)<1ms"),
        ("device_counts.asked", "rate>30"),
        ("device_counts.wrong", "count>0"),
    ],
)
def test_a_missed_one_fails_the_run(metric: str, expression: str) -> None:
    result = judged({metric: [expression]})
    assert (result.status, result.exit_code) == ("failed", 99)
    assert metric in str(result)


@pytest.mark.parametrize(
    ("metric", "expression", "text"),
    [
        (
            "device_metrics.round-trip",
            "p(99)<1s",
            'no script called context.record("round-trip", ...); did you mean "round trip"?',
        ),
        ("device_metrics.round-trip", "count==0", 'no script called context.record("round-trip", ...)'),
        ("device_counts.failures", "count==0", 'context.count("failures", 0) tells that there was none'),
        ("device_counts.failures", "rate<1", 'no script called context.count("failures", ...)'),
    ],
)
def test_one_that_was_never_measured_is_missed_and_told(metric: str, expression: str, text: str) -> None:
    result = judged({metric: [expression]})
    assert result.status == "failed"
    assert result.thresholds[0].actual is None
    assert any(f"threshold {metric}: " in warning and text in warning for warning in result.warnings)


@pytest.mark.parametrize(
    ("metric", "expression", "text"),
    [
        ("device_metric.round trip", "p(99)<1s", 'did you mean "device_metrics.round trip"?'),
        ("device_count.asked", "count>1", 'did you mean "device_counts.asked"?'),
        ("device_metrics.", "p(99)<1s", "there is no metric"),
        ("latencyy", "p(99)<1s", 'did you mean "latency"?'),
        ("device_metrics.round trip", "p(99)<1", "the limit needs a unit"),
        ("device_metrics.round trip", "rate<1", "has no rate; known are p(N)"),
        ("device_counts.asked", "p(99)<1s", "has no p(N); known are count, rate"),
        ("device_counts.asked", "count<1s", "should be a plain number"),
    ],
)
def test_what_no_script_could_measure_is_refused_before_the_run(metric: str, expression: str, text: str) -> None:
    with pytest.raises(ScenarioError) as told:
        judged({metric: [expression]})
    assert text in str(told.value)


def test_without_scripts_nothing_measures_it() -> None:
    with pytest.raises(ScenarioError, match="needs devices with a script"):
        Scenario(name="x", devices=[Devices()], thresholds={"device_counts.x": ["count>1"]})


def test_tables_and_pages_show_what_scripts_recorded() -> None:
    result = judged({})
    pandas = pytest.importorskip("pandas")
    assert result.frames().metrics.loc["device_metrics.round trip", "count"] == 20
    assert isinstance(result.frames().metrics, pandas.DataFrame)
    assert "device_metrics.round trip" in result._repr_html_()
