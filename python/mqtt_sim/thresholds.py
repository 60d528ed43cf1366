"""Thresholds in k6's grammar: `"latency": ["p(99)<50ms"]`, `"lost": ["count==0"]`.

Histograms know p(N), avg, min, med, max and count; their values are durations and need a unit. Counters know count and
rate: a share of what was expected for what went wrong, per second for what went through. Parsed and checked before the
first connection, evaluated on a result or on a snapshot of a run that goes on. What scripts of devices measure is a
metric, too: "device_metrics.NAME" for what they record, "device_counts.NAME" for what they count.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mqtt_sim.quantity import DURATION_UNITS_NS, NS_PER_S, format_ns
from mqtt_sim.suggestion import did_you_mean

HISTOGRAMS = (
    "connect",
    "connect_dns",
    "connect_tcp",
    "connect_tls",
    "connect_upgrade",
    "connect_connack",
    "suback",
    "publish_ack",
    "latency",
    "latency_uncorrected",
    "lateness",
    "device_lateness",
)
"""Metrics with a histogram of nanoseconds."""

FLOWS = ("planned", "offered", "written", "acknowledged", "delivered", "expected", "connected", "reconnected")
DEVICES = ("device_sent", "device_received", "device_delivered")
BYTES = ("bytes_in", "bytes_out")
"""Counters whose rate is per second of the run."""

SHARES = {
    "lost": "expected",
    "duplicated": "expected",
    "reordered": "expected",
    "undecodable": "expected",
    "foreign": "expected",
    "publish_failed": "offered",
    "content_late": "planned",
    "unsent": "offered",
    "unacknowledged": "offered",
    "connect_failed": "clients",
    "refused": "clients",
    "disconnected": "clients",
}
"""Counters whose rate is a share, and of what."""

RATE_SHORTFALL = "rate_shortfall"
"""How far the offered rate stayed behind the plan: a share, with the aggregate `rate` only."""

COUNTERS = (*FLOWS, *DEVICES, *BYTES, *SHARES)
METRICS = (*HISTOGRAMS, *COUNTERS, RATE_SHORTFALL)

DEVICE_METRICS, DEVICE_COUNTS = "device_metrics.", "device_counts."
"""Before the names that scripts give to durations that they record, and to what they count."""

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
_HISTOGRAM_AGGREGATES = ("p(N)", "avg", "min", "med", "max", "count")
_LIMIT_UNITS = ("ns", "us", "µs", "ms", "s")
_GRAMMAR = re.compile(
    r"^\s*(?P<aggregate>[A-Za-z_]+)\s*(?:\(\s*(?P<percentile>[^)]*?)\s*\))?\s*"
    r"(?P<operator><=|>=|==|!=|<|>)\s*(?P<number>[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*(?P<unit>\D*?)\s*$"
)


@dataclass(frozen=True)
class Threshold:
    """One parsed expression. `limit` is in ns for durations, else a plain number."""

    metric: str
    expression: str
    aggregate: str
    operator: str
    limit: float
    percentile: float | None = None
    built_in: bool = False

    @property
    def unit(self) -> str:
        """Of the limit and of the actual value: ns, share, 1/s, or nothing for a count."""
        if self.aggregate == "rate":
            return "1/s" if _is_flow(self.metric) else "share"
        return "" if self.aggregate == "count" else "ns"

    @property
    def is_of_scripts(self) -> bool:
        """Whether scripts of devices measure it, which nobody knows before they end."""
        return is_of_scripts(self.metric)

    def evaluate(self, measured: Mapping[str, Any]) -> Verdict:
        """Against a result or a snapshot in the shape of the report. Without a sample, a duration is missed."""
        actual = _actual(self, measured)
        ok = actual is not None and _OPERATORS[self.operator](actual, self.limit)
        return Verdict(self.metric, self.expression, actual, self.unit, ok, self.built_in)


@dataclass(frozen=True)
class Verdict:
    """What became of one threshold. `actual` is None when there was nothing to measure."""

    metric: str
    expression: str
    actual: float | None
    unit: str
    ok: bool
    built_in: bool

    def show_actual(self) -> str:
        """The measured value with its unit, for people."""
        if self.actual is None:
            return "no samples"
        if self.unit == "ns":
            return format_ns(self.actual)
        if self.unit == "share":
            return f"{self.actual:.4g}"
        return f"{self.actual:,.1f}/s" if self.unit == "1/s" else f"{int(self.actual):,}"

    def to_dict(self) -> dict[str, Any]:
        return {
            "metric": self.metric,
            "expression": self.expression,
            "actual": self.actual,
            "unit": self.unit,
            "ok": self.ok,
            "built_in": self.built_in,
        }


def parse_threshold(metric: str, expression: str, *, built_in: bool = False) -> Threshold:
    """Raises ValueError that says what would be right; the metric's name has been checked by check_metric."""
    match = _GRAMMAR.match(expression)
    if not match:
        raise ValueError(f"is no threshold; write {_example(metric)}")
    aggregate, percentile = match["aggregate"], match["percentile"]
    name = f"{aggregate}(N)" if percentile is not None else aggregate
    allowed = aggregates_of(metric)
    if name not in allowed:
        raise ValueError(f'"{metric}" has no {name}; known are {", ".join(allowed)}, for example {_example(metric)}')
    return Threshold(
        metric=metric,
        expression=expression.strip(),
        aggregate=aggregate,
        operator=match["operator"],
        limit=_limit(metric, aggregate, float(match["number"]), match["unit"]),
        percentile=None if percentile is None else _percentile(percentile),
        built_in=built_in,
    )


def check_metric(name: str) -> None:
    """Raises ValueError that names the nearest metric when there is none of this name."""
    if name in METRICS or is_of_scripts(name):
        return
    own = name.partition(".")[2]
    known = (*METRICS, DEVICE_METRICS + own, DEVICE_COUNTS + own) if own else METRICS
    raise ValueError(f'there is no metric "{name}"; {did_you_mean(name, known)}')


def is_of_scripts(metric: str) -> bool:
    """Whether it names something that scripts of devices measure."""
    return metric.startswith((DEVICE_METRICS, DEVICE_COUNTS)) and not metric.endswith(".")


def _is_histogram(metric: str) -> bool:
    return metric in HISTOGRAMS or metric.startswith(DEVICE_METRICS)


def _is_flow(metric: str) -> bool:
    return metric in FLOWS + DEVICES + BYTES or metric.startswith(DEVICE_COUNTS)


def aggregates_of(metric: str) -> tuple[str, ...]:
    """What can be asked of a metric."""
    if _is_histogram(metric):
        return _HISTOGRAM_AGGREGATES
    return ("rate",) if metric == RATE_SHORTFALL else ("count", "rate")


def _example(metric: str) -> str:
    if _is_histogram(metric):
        return '"p(99)<50ms"'
    if _is_flow(metric):
        return '"rate>1000" (per second)'
    return '"rate<=0.01"' if metric == RATE_SHORTFALL else '"count==0" or "rate<0.01" (a share)'


def _percentile(text: str) -> float:
    try:
        percentile = float(text)
    except ValueError:
        percentile = math.nan
    if not 0 <= percentile <= 100:
        raise ValueError(f"p({text}): the percentile should be a number from 0 to 100")
    return percentile


def _limit(metric: str, aggregate: str, number: float, unit: str) -> float:
    if not _is_histogram(metric) or aggregate == "count":
        if unit:
            raise ValueError(f'the limit should be a plain number, without "{unit}"; for example {_example(metric)}')
        return number
    if not unit:
        raise ValueError(f"the limit needs a unit (ns, us, ms or s); for example {_example(metric)}")
    if unit not in _LIMIT_UNITS:
        raise ValueError(f'the unit "{unit}" should be one of ns, us, ms or s; for example {_example(metric)}')
    return number * DURATION_UNITS_NS[unit]


def _actual(threshold: Threshold, measured: Mapping[str, Any]) -> float | None:
    if threshold.metric.startswith(DEVICE_METRICS):
        recorded = measured_by_scripts(measured, DEVICE_METRICS).get(threshold.metric.removeprefix(DEVICE_METRICS))
        return None if recorded is None else _of_histogram(threshold, recorded)
    if threshold.metric in HISTOGRAMS:
        return _of_histogram(threshold, measured.get("metrics", {}).get(threshold.metric) or {})
    if threshold.metric == RATE_SHORTFALL:
        shortfall = measured.get("generator", {}).get("rate_shortfall")
        return None if shortfall is None else float(shortfall)
    if threshold.metric.startswith(DEVICE_COUNTS):
        counted = measured_by_scripts(measured, DEVICE_COUNTS).get(threshold.metric.removeprefix(DEVICE_COUNTS))
        if counted is None:
            return None
        count = float(counted)
    else:
        count = float(measured.get("counts", {}).get(threshold.metric, 0))
    if threshold.aggregate == "count":
        return count
    if threshold.metric in SHARES:
        return _share(count, _whole(SHARES[threshold.metric], measured))
    elapsed_s = float(measured.get("elapsed_s") or 0)
    return count / elapsed_s if elapsed_s > 0 else None


def measured_by_scripts(measured: Mapping[str, Any], prefix: str) -> Mapping[str, Any]:
    """All of one kind, by the names that scripts gave."""
    found: Mapping[str, Any] = (measured.get("devices") or {}).get(prefix.removeprefix("device_").rstrip("."), {})
    return found


def _of_histogram(threshold: Threshold, metric: Mapping[str, Any]) -> float | None:
    count = int(metric.get("count") or 0)
    if threshold.aggregate == "count":
        return float(count)
    if count == 0:
        return None
    if threshold.percentile is not None:
        return percentile_ns(metric, threshold.percentile)
    field = {"avg": "mean", "med": "p50"}.get(threshold.aggregate, threshold.aggregate)
    return float(metric[field])


def percentile_ns(metric: Mapping[str, Any], percentile: float) -> float:
    """Of a metric's summary in the report: from its fields where they have it, else from its HDR histogram."""
    field = "min" if percentile == 0 else "max" if percentile == 100 else f"p{percentile:g}"
    if metric.get(field) is not None:
        return float(metric[field])
    from hdrh.histogram import HdrHistogram

    histogram = HdrHistogram.decode(metric["hdr"])
    value = float(histogram.get_value_at_percentile(percentile))
    return min(max(value, float(metric["min"])), float(metric["max"]))


def _whole(of: str, measured: Mapping[str, Any]) -> float:
    if of == "clients":
        return float(measured.get("clients", {}).get("planned", 0))
    return float(measured.get("counts", {}).get(of, 0))


def _share(part: float, whole: float) -> float | None:
    if whole > 0:
        return part / whole
    return 0.0 if part == 0 else 1.0


def seconds_to_limit(seconds: float) -> str:
    """A duration as the right side of an expression: 0.1 → "100ms"."""
    ns = round(seconds * NS_PER_S)
    for unit in ("s", "ms", "us"):
        if ns % DURATION_UNITS_NS[unit] == 0:
            return f"{ns // DURATION_UNITS_NS[unit]}{unit}"
    return f"{ns}ns"
