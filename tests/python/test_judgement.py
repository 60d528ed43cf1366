"""From measurements to status, exit code and warnings; and the Result that carries them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

import mqtt_sim
from fake_core import measured, metric
from mqtt_sim.judgement import EXIT_CODES, decide_status, evaluate, find_warnings
from mqtt_sim.result import Result
from mqtt_sim.scenario import GeneratorHealth, load_scenario
from mqtt_sim.scenario.promise import thresholds_of

DOCUMENT: dict[str, Any] = {
    "name": "judged",
    "producers": [{"name": "cast", "topic": "t", "payload": "size"}],
    "consumers": [{"topic": "t"}],
    "thresholds": {"latency": ["p(99)<50ms"], "lost": ["count==0"]},
}
LATE = {"lateness": metric([200_000_000] * 1000)}
SHORT = {"rate_planned_per_s": 100.0, "rate_offered_per_s": 90.0, "rate_shortfall": 0.1, "shards": []}
FAILURE = {"kind": "refused", "text": "refused: not authorized", "reason_code": 135, "clients": 3}


def status(on_invalid: str = "fail", **changes: Any) -> str:
    scenario = load_scenario({**DOCUMENT, "generator": {"on_invalid": on_invalid}})
    document = measured(**changes)
    return decide_status(document, evaluate(thresholds_of(scenario), document), scenario.generator)


@pytest.mark.req("P-10")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "passed"),
        ({"counts": {"lost": 1}}, "failed"),
        ({"counts": {"reordered": 1}}, "failed"),
        ({"metrics": {"latency": metric([60_000_000])}}, "failed"),
        ({"metrics": {"latency": metric([])}}, "failed"),
        ({"metrics": LATE}, "invalid"),
        ({"generator": SHORT}, "invalid"),
        ({"generator": SHORT, "counts": {"lost": 1}}, "invalid"),
        ({"generator": SHORT, "on_invalid": "warn"}, "passed"),
        ({"generator": SHORT, "on_invalid": "warn", "counts": {"lost": 1}}, "failed"),
        ({"interrupted": True}, "interrupted"),
        ({"interrupted": True, "counts": {"lost": 1}}, "interrupted"),
        ({"failure": FAILURE}, "could_not_run"),
        ({"failure": FAILURE, "interrupted": True}, "could_not_run"),
    ],
)
def test_status_tells_who_was_wrong(changes: dict[str, Any], expected: str) -> None:
    assert status(**changes) == expected


def test_each_status_has_its_exit_code() -> None:
    assert EXIT_CODES == {
        "passed": 0,
        "failed": 99,
        "invalid": 99,
        "interrupted": 105,
        "could_not_run": 106,
        "script_failed": 107,
    }


def warnings(health: dict[str, Any] | None = None, **changes: Any) -> list[str]:
    scenario = load_scenario({**DOCUMENT, "generator": health or {}})
    document = measured(**changes)
    return find_warnings(document, evaluate(thresholds_of(scenario), document), scenario.generator)


def test_healthy_run_has_no_warning() -> None:
    assert warnings() == []


def test_lateness_over_its_limit_is_a_warning() -> None:
    assert warnings(metrics={"lateness": metric([11_000_000])})[0].startswith(
        "the generator was late: p99 of lateness 11"
    )
    assert warnings({"lateness_warning": "12ms"}, metrics={"lateness": metric([11_000_000])})[0].startswith(
        "the generator's own lateness is part of the latency"
    )


def test_late_devices_are_a_warning() -> None:
    late, early = metric([20_000_000] * 100), metric([1_000] * 100)

    def told(timers: dict[str, Any], messages: dict[str, Any]) -> str:
        devices = {"metrics": {"lateness": timers}}
        return "".join(warnings(metrics={"device_lateness": messages}, devices=devices))

    assert told(early, early) == ""
    assert told(late, early).startswith("scripted devices were late: p99 of their timers 20")
    assert told(early, late).startswith("scripted devices were late: p99 of their messages 20")
    assert "timers" in told(late, late)
    assert "messages" in told(late, late)


def test_lateness_over_a_tenth_of_the_latency_is_a_warning() -> None:
    told = warnings(metrics={"lateness": metric([150_000])})
    assert len(told) == 1
    assert told[0].endswith("its p99 is 150 us, 15% of the p99 latency of 990 us")
    assert warnings(metrics={"lateness": metric([90_000])}) == []


def test_unhealthy_generator_that_may_go_on_is_a_warning() -> None:
    told = warnings({"on_invalid": "warn"}, generator=SHORT)
    assert told == ["the generator was not healthy: rate_shortfall rate<=0.01 is 0.1"]


def test_stray_messages_are_a_warning() -> None:
    told = warnings(counts={"foreign": 1200, "undecodable": 3})
    assert [text.split()[0] for text in told] == ["1,200", "3"]


# ---- Result


def make_result(**changes: Any) -> Result:
    scenario = load_scenario(DOCUMENT)
    document = measured(**changes)
    verdicts = evaluate(thresholds_of(scenario), document)
    decided = decide_status(document, verdicts, GeneratorHealth())
    return Result(
        {
            "schema": 1,
            "scenario": {"name": scenario.name, "target": None},
            "status": decided,
            "exit_code": EXIT_CODES[decided],
            "thresholds": [verdict.to_dict() for verdict in verdicts],
            "warnings": [],
            **document,
        }
    )


@pytest.mark.req("D-03")
def test_durations_are_seconds() -> None:
    latency = make_result().latency
    assert latency.count == 1000
    assert latency.min == pytest.approx(1e-6)
    assert latency.max == pytest.approx(1e-3)
    assert latency.mean == pytest.approx(5.005e-4, rel=1e-2)
    for field, value in {"p50": 5e-4, "p90": 9e-4, "p99": 9.9e-4, "p999": 9.99e-4}.items():
        assert getattr(latency, field) == pytest.approx(value, rel=2e-3)
    assert latency.percentile(99.5) == pytest.approx(9.95e-4, rel=2e-3)
    assert latency.percentile(99.9) == latency.p999


def test_empty_metric_is_not_a_number_so_that_no_assertion_holds_on_it() -> None:
    suback = make_result().suback
    assert suback.count == 0
    assert math.isnan(suback.p99)
    assert math.isnan(suback.percentile(12.5))
    assert not suback.p99 < 1e9


def test_percentile_outside_its_range_is_refused() -> None:
    with pytest.raises(mqtt_sim.UsageError, match="from 0 to 100"):
        make_result().latency.percentile(101)


def test_counts_are_attributes() -> None:
    result = make_result(counts={"lost": 3, "duplicated": 2, "reordered": 1, "acknowledged": 7})
    assert (result.lost, result.duplicated, result.reordered, result.acknowledged) == (3, 2, 1, 7)
    assert result.planned == result.offered == result.written == result.expected == result.delivered == 1000
    assert result.counts["foreign"] == 0


def test_passed_result_is_returned() -> None:
    result = make_result()
    assert result.passed
    assert result.raise_for_status() is result


@pytest.mark.parametrize(
    ("changes", "error", "exit_code"),
    [
        ({"counts": {"lost": 1}}, mqtt_sim.ThresholdError, 99),
        ({"generator": SHORT}, mqtt_sim.ThresholdError, 99),
        ({"interrupted": True}, mqtt_sim.InterruptedRun, 105),
        ({"failure": FAILURE}, mqtt_sim.CouldNotRun, 106),
    ],
)
def test_raise_for_status_raises_what_happened(changes: dict[str, Any], error: type[Exception], exit_code: int) -> None:
    result = make_result(**changes)
    with pytest.raises(error) as raised:
        result.raise_for_status()
    assert raised.value.exit_code == result.exit_code == exit_code  # type: ignore[attr-defined]
    assert raised.value.result is result  # type: ignore[attr-defined]


def test_text_of_a_result_is_its_missed_thresholds() -> None:
    result = make_result(counts={"lost": 4}, metrics={"latency": metric([60_000_000])})
    assert str(result).splitlines() == [
        "judged: failed (exit code 99)",
        "  missed: latency  p(99)<50ms        actual 60 ms",
        "  missed: lost     count==0          actual 4",
    ]


@pytest.mark.req("Z-06")
def test_report_reads_back(tmp_path: Path) -> None:
    result = make_result()
    path = tmp_path / "report.json"
    path.write_text(json.dumps(result.to_dict()))
    again = Result.load(path)
    assert again == result
    assert again.latency.percentile(99.5) == result.latency.percentile(99.5)


@pytest.mark.parametrize("text", ["", "[]", '{"schema": 2}'])
def test_what_is_no_report_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(text)
    with pytest.raises(mqtt_sim.UsageError, match="is no report"):
        Result.load(path)
