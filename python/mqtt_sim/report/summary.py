"""The summary at the end of a run, in k6's order: thresholds, totals, a row per metric; then how far to trust them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from mqtt_sim.quantity import NS_PER_S, format_count, format_duration, format_ns
from mqtt_sim.result import Distribution, Result
from mqtt_sim.result_functions import function_lines
from mqtt_sim.thresholds import Verdict

_COLUMNS = ("count", "min", "p50", "p90", "p99", "p99.9", "max")
_ERRORS_SHOWN = 10
_KIB, _MIB = 2**10, 2**20
_FATES = ("returned", "stopped", "failed", "running")


@dataclass(frozen=True)
class Marks:
    """The signs a summary uses."""

    ok: str
    missed: str
    dot: str


UNICODE = Marks(ok="✓", missed="✗", dot="·")
ASCII = Marks(ok="+", missed="x", dot="-")


def marks_for(encoding: str | None) -> Marks:
    """The signs that a stream of this encoding can carry."""
    try:
        "✓✗·".encode(encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return ASCII
    return UNICODE


def summary(result: Result, marks: Marks = UNICODE) -> str:
    """The whole text, without a final newline."""
    sections = [
        [_headline(result, marks)],
        _section("THRESHOLDS", _thresholds(result.thresholds, marks)),
        _section("TOTALS", _totals(result)),
        _section("METRICS", _metrics(result.metrics)),
        _section("DEVICES (scripts in Python)", _devices(result)),
        _section("FUNCTIONS (in Python)", function_lines(result)),
        _section("GENERATOR", _generator(result, marks)),
        _section("WARNINGS", result.warnings),
        _section("ERRORS", _errors(result.errors)),
        [_status_line(result)],
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines)


def _section(title: str, lines: Iterable[str]) -> list[str]:
    lines = [f"  {line}" for line in lines]
    return [title, *lines] if lines else []


def _headline(result: Result, marks: Marks) -> str:
    driver = "virtual time" if result.document.get("driver") == "sim" else _where(result)
    parts = [
        result.name,
        driver,
        f"{format_count(int(result.clients.get('planned', 0)))} clients",
        f"{result.elapsed:.1f} s",
        f"seed {result.seed}",
    ]
    return f" {marks.dot} ".join(parts)


def _where(result: Result) -> str:
    target = result.document["scenario"].get("target")
    return str(target["url"]) if target else "embedded broker"


def _thresholds(verdicts: list[Verdict], marks: Marks) -> Iterator[str]:
    width = max((len(verdict.expression) for verdict in verdicts), default=0)
    for metric, group in groupby(verdicts, key=lambda verdict: verdict.metric):
        yield metric
        for verdict in group:
            mark = marks.ok if verdict.ok else marks.missed
            always = "  (always checked)" if verdict.built_in else ""
            yield f"  {mark} {verdict.expression:<{width}}  actual {verdict.show_actual()}{always}"


def _totals(result: Result) -> Iterator[str]:
    clients = result.clients
    names = ("planned", "connected", "failed", "disconnected")
    yield "clients    " + ", ".join(f"{format_count(int(clients.get(name, 0)))} {name}" for name in names)
    yield "sent       " + _counts(result, ("planned", "offered", "written", "acknowledged"))
    yield "received   " + _counts(result, ("expected", "delivered", "lost", "duplicated", "reordered"))
    if elapsed := result.elapsed:
        yield f"rate       {result.written / elapsed:,.1f}/s sent, {result.delivered / elapsed:,.1f}/s received"


def _counts(result: Result, names: Iterable[str]) -> str:
    return ", ".join(f"{format_count(int(result.counts.get(name, 0)))} {name}" for name in names)


def _metrics(metrics: Mapping[str, Distribution]) -> Iterator[str]:
    rows = [(name, *_cells(metric)) for name, metric in metrics.items() if metric.count]
    if not rows:
        return
    table = [("", *_COLUMNS), *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    for row in table:
        cells = [f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True)]
        yield "  ".join([f"{row[0]:<{widths[0]}}", *cells]).rstrip()


def _cells(metric: Distribution) -> list[str]:
    durations = (metric.min, metric.p50, metric.p90, metric.p99, metric.p999, metric.max)
    return [format_count(metric.count), *(format_ns(seconds * NS_PER_S) for seconds in durations)]


def _devices(result: Result) -> Iterator[str]:
    if not result.device_groups:
        return
    for group in result.device_groups:
        fates = ", ".join(f"{format_count(int(group[fate]))} {fate}" for fate in _FATES if group.get(fate))
        yield f"{group['name']}: {format_count(int(group['clients']))} devices; {fates or 'none began'}"
    late = result.device_lateness
    yield (
        "messages   "
        + _counts(result, ("device_sent", "device_received"))
        + (f", on the stream late by p99 {format_ns(late.p99 * NS_PER_S)}" if late.count else "")
    )
    if counts := result.device_counts:
        yield "counts     " + ", ".join(f"{format_count(count)} {name}" for name, count in counts.items())
    yield from _metrics(result.device_metrics)


def _generator(result: Result, marks: Marks) -> Iterator[str]:
    generator: Mapping[str, Any] = result.document.get("generator") or {}
    parts = []
    if planned := generator.get("rate_planned_per_s"):
        offered, shortfall = generator.get("rate_offered_per_s") or 0, generator.get("rate_shortfall") or 0
        parts.append(f"offered {offered:,.1f}/s of {planned:,.1f}/s planned ({shortfall:.2%} short)")
    if result.lateness.count:
        parts.append(f"lateness p99 {format_ns(result.lateness.p99 * NS_PER_S)}")
    shares = [shard["cpu_share"] for shard in generator.get("shards") or [] if shard.get("cpu_share") is not None]
    if shares:
        parts.append("CPU " + " ".join(f"{share:.0%}" for share in shares))
    if parts:
        yield f" {marks.dot} ".join(parts)
    if memory := generator.get("memory"):
        sides = "" if result.document["scenario"].get("target") else ", both ends of its connection"
        yield (
            f"memory {memory['start'] / _MIB:.0f} MiB before, {memory['peak'] / _MIB:.0f} MiB at most: "
            f"{memory['per_client'] / _KIB:.1f} KiB a client{sides}"
        )


def _errors(errors: list[Mapping[str, Any]]) -> Iterator[str]:
    for error in errors[:_ERRORS_SHOWN]:
        first = error.get("first_at_s")
        since = f" (first at {first:.1f} s)" if first is not None else ""
        yield f"{format_count(int(error.get('count', 1)))} x {error.get('text')}{since}"
    if len(errors) > _ERRORS_SHOWN:
        yield f"... and {len(errors) - _ERRORS_SHOWN} more kinds, in the JSON report"


def _status_line(result: Result) -> str:
    missed = sum(not verdict.ok for verdict in result.thresholds)
    reasons = {
        "passed": "all thresholds held",
        "failed": f"{missed} of {len(result.thresholds)} thresholds missed",
        "invalid": "the load generator itself was too slow, so the figures say little about the broker",
        "interrupted": f"after {format_duration(round(result.elapsed, 1))}; the figures are those until then",
        "could_not_run": result.failure_text,
        "script_failed": str(result.script_error),
    }
    return f"{result.status.upper().replace('_', ' ')} (exit code {result.exit_code}): {reasons[result.status]}"
