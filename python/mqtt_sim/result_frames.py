"""A Result as tables: rows for anyone, and DataFrames for pandas, which is an optional extra."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from mqtt_sim.errors import UsageError
from mqtt_sim.quantity import NS_PER_S
from mqtt_sim.thresholds import DEVICE_METRICS

if TYPE_CHECKING:
    from mqtt_sim.result import Result

Row = dict[str, Any]


class Frames(NamedTuple):
    """Three pandas.DataFrame; durations are seconds."""

    intervals: Any
    """Index `t`, the end of each interval from the run's time zero; sent, received, clients, p50, p99, max, ..."""
    metrics: Any
    """Index `metric`; count, min, mean, p50, p90, p99, p999, max."""
    groups: Any
    """Index `group`; role, clients and its counts."""


def frames_of(result: Result) -> Frames:
    """Raises UsageError when pandas is not installed."""
    try:
        import pandas
    except ImportError:
        raise UsageError("frames() needs pandas: pip install mqtt-sim[frames]") from None
    rows = {"t": interval_rows(result), "metric": metric_rows(result), "group": group_rows(result)}
    return Frames(
        *(pandas.DataFrame(table).set_index(key) if table else pandas.DataFrame() for key, table in rows.items())
    )


def interval_rows(result: Result) -> list[Row]:
    """One for each interval of the run, about a second each."""
    rows = []
    for interval in result.document.get("intervals") or []:
        row = {"t": interval["t_s"], **{name: value for name, value in interval.items() if name != "t_s"}}
        for name in ("p50", "p99", "max"):
            if row.get(name) is not None:
                row[name] /= NS_PER_S
        rows.append(row)
    return rows


def metric_rows(result: Result) -> list[Row]:
    """One for each distribution that has samples, those that scripts recorded among them."""
    names = ("count", "min", "mean", "p50", "p90", "p99", "p999", "max")
    by_scripts = {DEVICE_METRICS + name: metric for name, metric in result.device_metrics.items()}
    return [
        {"metric": name, **{column: getattr(metric, column) for column in names}}
        for name, metric in {**result.metrics, **by_scripts}.items()
        if metric.count
    ]


def group_rows(result: Result) -> list[Row]:
    """One for each group of the scenario."""
    return [
        {"group": group["name"], "role": group.get("role"), "clients": group.get("clients"), **group.get("counts", {})}
        for group in result.document.get("groups") or []
    ]
