"""k6's grammar of thresholds: what is read, what is refused and how, and what a result makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from fake_core import measured, metric
from mqtt_sim.judgement import evaluate
from mqtt_sim.thresholds import METRICS, Verdict, check_metric, parse_threshold


@pytest.mark.parametrize(
    ("metric_name", "expression", "aggregate", "operator", "limit", "percentile"),
    [
        ("latency", "p(99)<50ms", "p", "<", 50e6, 99),
        ("latency", "p(99.9) <= 1s", "p", "<=", 1e9, 99.9),
        ("latency", " avg < 1.5ms ", "avg", "<", 1.5e6, None),
        ("latency", "min>0ns", "min", ">", 0, None),
        ("latency", "med>=10us", "med", ">=", 1e4, None),
        ("latency", "max!=10µs", "max", "!=", 1e4, None),
        ("latency", "count>100", "count", ">", 100, None),
        ("lost", "count==0", "count", "==", 0, None),
        ("lost", "rate<0.01", "rate", "<", 0.01, None),
        ("delivered", "rate>1e3", "rate", ">", 1000, None),
        ("rate_shortfall", "rate<=0.005", "rate", "<=", 0.005, None),
    ],
)
def test_expression_is_read(
    metric_name: str, expression: str, aggregate: str, operator: str, limit: float, percentile: float | None
) -> None:
    threshold = parse_threshold(metric_name, expression)
    assert (threshold.aggregate, threshold.operator, threshold.limit) == (aggregate, operator, pytest.approx(limit))
    assert threshold.percentile == percentile


@pytest.mark.parametrize(
    ("metric_name", "expression", "message"),
    [
        ("latency", "p(99)<50", "needs a unit"),
        ("latency", "p(99)<50m", 'the unit "m" should be one of ns, us, ms or s'),
        ("latency", "p(101)<1ms", "from 0 to 100"),
        ("latency", "p(x)<1ms", "from 0 to 100"),
        ("latency", "p<1ms", r"has no p; known are p\(N\), avg, min, med, max, count"),
        ("latency", "average<1ms", "has no average; known are"),
        ("latency", "rate<1ms", "has no rate"),
        ("latency", "p(99)", "is no threshold"),
        ("latency", "p(99)=<1ms", "is no threshold"),
        ("latency", "50ms>p(99)", "is no threshold"),
        ("latency", "", "is no threshold"),
        ("latency", "count>5ms", 'without "ms"'),
        ("lost", "p(99)<1ms", r"has no p\(N\)"),
        ("lost", "count==0ms", 'without "ms"'),
        ("rate_shortfall", "count==0", "has no count"),
    ],
)
def test_wrong_expression_says_what_would_be_right(metric_name: str, expression: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_threshold(metric_name, expression)


@pytest.mark.parametrize(
    ("name", "near"), [("latncy", "latency"), ("lost ", "lost"), ("Latency", "latency"), ("reorderd", "reordered")]
)
def test_unknown_metric_names_the_nearest(name: str, near: str) -> None:
    with pytest.raises(ValueError, match=f'did you mean "{near}"'):
        check_metric(name)


def test_unknown_metric_without_a_near_one_lists_all() -> None:
    with pytest.raises(ValueError, match=r"known are acknowledged, bytes_in, .*written"):
        check_metric("zzz")


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_of_a_report_has_a_name(name: str) -> None:
    check_metric(name)


def verdict(metric_name: str, expression: str, **changes: Any) -> Verdict:
    return parse_threshold(metric_name, expression).evaluate(measured(**changes))


@pytest.mark.parametrize(
    ("metric_name", "expression", "ok"),
    [
        ("latency", "p(99)<1ms", True),
        ("latency", "p(99)<900us", False),
        ("latency", "p(0)==1us", True),
        ("latency", "p(100)==1ms", True),
        ("latency", "p(75)<760us", True),  # not in the summary: from the histogram
        ("latency", "p(75)<740us", False),
        ("latency", "avg<501us", True),
        ("latency", "med>499us", True),
        ("latency", "min==1us", True),
        ("latency", "max<=1ms", True),
        ("latency", "count==1000", True),
        ("lost", "count==0", False),
        ("lost", "rate<=0.005", True),
        ("lost", "rate<0.005", False),
        ("offered", "rate>=100", True),
        ("offered", "rate>100", False),
    ],
)
def test_expression_is_held_against_a_result(metric_name: str, expression: str, ok: bool) -> None:
    assert verdict(metric_name, expression, counts={"lost": 5}).ok is ok


def test_duration_without_samples_is_missed_and_says_so() -> None:
    missed = verdict("suback", "p(99)<1s")
    assert not missed.ok
    assert missed.actual is None
    assert missed.show_actual() == "no samples"


def test_built_in_threshold_without_anything_to_judge_is_left_out() -> None:
    thresholds = [
        parse_threshold("lateness", "p(99)<=100ms", built_in=True),
        parse_threshold("lost", "count==0", built_in=True),
    ]
    document = measured(metrics={"lateness": metric([])})
    assert [one.metric for one in evaluate(thresholds, document)] == ["lost"]
    document["counts"]["expected"] = 0
    assert evaluate(thresholds, document) == []


@pytest.mark.parametrize(
    ("metric_name", "expression", "shown"),
    [
        ("latency", "max<2ms", "1 ms"),
        ("lost", "count==0", "5"),
        ("lost", "rate<1", "0.005"),
        ("delivered", "rate>1", "100.0/s"),
    ],
)
def test_actual_value_is_shown_with_its_unit(metric_name: str, expression: str, shown: str) -> None:
    assert verdict(metric_name, expression, counts={"lost": 5}).show_actual() == shown


def test_share_of_nothing_is_none_of_it_or_all_of_it() -> None:
    nothing = {"counts": {"expected": 0, "foreign": 0}, "metrics": {}}
    assert parse_threshold("foreign", "rate==0").evaluate(nothing).ok
    nothing["counts"]["foreign"] = 3
    assert parse_threshold("foreign", "rate==1").evaluate(nothing).ok
