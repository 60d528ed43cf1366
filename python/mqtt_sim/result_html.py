"""A Result as a notebook shows it: status, thresholds, distributions. Every text of a scenario or broker is escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

from mqtt_sim.quantity import NS_PER_S, format_count, format_ns
from mqtt_sim.result_functions import function_lines
from mqtt_sim.thresholds import DEVICE_METRICS

if TYPE_CHECKING:
    from mqtt_sim.result import Result

_LEFT = ' style="text-align:left"'
_GOOD, _BAD = "#1a7f37", "#cf222e"
_WARNINGS_SHOWN = 5


def html_of(result: Result) -> str:
    """A fragment without scripts and without anything from elsewhere."""
    colour = _GOOD if result.passed else _BAD
    counts = ("offered", "acknowledged", "delivered", "lost", "duplicated", "reordered")
    told = ", ".join(f"{format_count(int(result.counts.get(name, 0)))} {name}" for name in counts)
    parts = [
        f'<strong>{_text(result.name)}</strong> <strong style="color:{colour}">{_text(result.status)}</strong>',
        f"<div>{format_count(int(result.clients.get('planned', 0)))} clients, {result.elapsed:.1f} s: {told}</div>",
        f"<div>{_text(result.failure_text)}</div>" if result.failure else "",
        _table(("threshold", "expression", "actual", ""), _thresholds(result)),
        f"<div>functions: {_text('; '.join(lines))}</div>" if (lines := list(function_lines(result))) else "",
        _table(("metric", "count", "min", "p50", "p90", "p99", "p99.9", "max"), _metrics(result)),
        *(f"<div>{_text(warning)}</div>" for warning in result.warnings[:_WARNINGS_SHOWN]),
    ]
    return f'<div class="mqtt-sim-result">{"".join(parts)}</div>'


def _thresholds(result: Result) -> Iterable[tuple[str, ...]]:
    for verdict in result.thresholds:
        yield verdict.metric, verdict.expression, verdict.show_actual(), "held" if verdict.ok else "missed"


def _metrics(result: Result) -> Iterable[tuple[str, ...]]:
    by_scripts = {DEVICE_METRICS + name: metric for name, metric in result.device_metrics.items()}
    for name, metric in {**result.metrics, **by_scripts}.items():
        if metric.count:
            durations = (metric.min, metric.p50, metric.p90, metric.p99, metric.p999, metric.max)
            yield name, format_count(metric.count), *(format_ns(seconds * NS_PER_S) for seconds in durations)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    body = "".join(f"<tr><th{_LEFT}>{_text(row[0])}</th>{_cells(row[1:])}</tr>" for row in rows)
    if not body:
        return ""
    titles = "".join(f"<th{_LEFT if number == 0 else ''}>{_text(title)}</th>" for number, title in enumerate(head))
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>"


def _cells(values: Iterable[str]) -> str:
    return "".join(f"<td>{_text(value)}</td>" for value in values)


def _text(value: str) -> str:
    return escape(str(value))
