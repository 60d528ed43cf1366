"""Two reports side by side: what became better or worse from the first to the second, and by how much."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mqtt_sim.quantity import NS_PER_S, format_count, format_ns
from mqtt_sim.result import Result

POINTS = ("p50", "p90", "p99", "p999", "max")
BAD_COUNTS = ("lost", "duplicated", "reordered")
NEUTRAL_COUNTS = ("written", "delivered")


@dataclass(frozen=True)
class Change:
    """One figure in both reports. `worse` is +1 when more of it is worse, -1 when less is, 0 when neither."""

    name: str
    unit: str
    before: float
    after: float
    worse: int

    @property
    def ratio(self) -> float:
        """After divided by before; infinite when it came from nothing."""
        if self.before == self.after:
            return 1.0
        return self.after / self.before if self.before else math.inf

    def is_worse_by_more_than(self, share: float) -> bool:
        """Whether it went the wrong way by more than this share of what it was: 0.1 is 10 %."""
        if self.worse > 0:
            return self.after > self.before * (1 + share)
        return self.worse < 0 and self.after < self.before * (1 - share)


def changes(before: Result, after: Result) -> list[Change]:
    """Every figure that both reports have."""
    return [*_metrics(before, after), *_rates(before, after), *_counts(before, after)]


def differences(before: Result, after: Result) -> list[str]:
    """What makes the two runs hard to compare."""
    kinds = [
        ("scenario", before.name, after.name),
        ("driver", before.document.get("driver"), after.document.get("driver")),
        ("clients", before.clients.get("planned"), after.clients.get("planned")),
        ("planned messages", before.planned, after.planned),
        ("machine", _machine(before), _machine(after)),
    ]
    told = [f"not the same {kind}: {old} and {new}" for kind, old, new in kinds if old != new]
    metrics = {
        which: {name for name, one in report.metrics.items() if one.count} for which, report in _named(before, after)
    }
    for which, other in (("first", "second"), ("second", "first")):
        if missing := sorted(metrics[which] - metrics[other]):
            told.append(f"only the {which} run measured {', '.join(missing)}")
    return told + [f"the {which} run is {one.status}" for which, one in _named(before, after) if not one.passed]


def table(rows: Sequence[Change], marked: Iterable[Change] = ()) -> str:
    """A line a figure: its name, before, after, change and ratio; those marked end with a word."""
    marked = set(marked)
    cells = [("", "before", "after", "change", "ratio", "")]
    cells += [(row.name, *_cells(row), "worse" if row in marked else "") for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(5)]
    return "\n".join(
        "  ".join(
            [
                f"{line[0]:<{widths[0]}}",
                *(f"{cell:>{widths[column]}}" for column, cell in enumerate(line[1:5], 1)),
                line[5],
            ]
        ).rstrip()
        for line in cells
    )


def _metrics(before: Result, after: Result) -> Iterator[Change]:
    news = after.metrics
    for name, old in before.metrics.items():
        if name in news and old.count and news[name].count:
            for point in POINTS:
                shown = "p99.9" if point == "p999" else point
                yield Change(f"{name}.{shown}", "s", getattr(old, point), getattr(news[name], point), 1)


def _rates(before: Result, after: Result) -> Iterator[Change]:
    if before.elapsed and after.elapsed:
        for name in NEUTRAL_COUNTS:
            old, new = (getattr(one, name) / one.elapsed for one in (before, after))
            yield Change(f"{name}.rate", "/s", old, new, -1)


def _counts(before: Result, after: Result) -> Iterator[Change]:
    for name in NEUTRAL_COUNTS:
        yield Change(f"{name}.count", "", getattr(before, name), getattr(after, name), 0)
    for name in BAD_COUNTS:
        yield Change(f"{name}.count", "", getattr(before, name), getattr(after, name), 1)
    failed = (int(one.clients.get("failed", 0)) for one in (before, after))
    yield Change("clients.failed", "", next(failed), next(failed), 1)


def _cells(row: Change) -> tuple[str, str, str, str]:
    if row.ratio == math.inf:
        return _show(row, row.before), _show(row, row.after), "from 0", "-"
    return _show(row, row.before), _show(row, row.after), f"{row.ratio - 1:+.1%}", f"{row.ratio:.2f}"


def _show(row: Change, value: float) -> str:
    if row.unit == "s":
        return format_ns(value * NS_PER_S)
    return f"{value:,.1f}/s" if row.unit == "/s" else format_count(int(value))


def _machine(result: Result) -> str:
    machine = result.document.get("machine") or {}
    return ", ".join(str(machine[key]) for key in ("processor", "cores", "clock") if key in machine)


def _named(before: Result, after: Result) -> Iterator[tuple[str, Result]]:
    yield from (("first", before), ("second", after))
