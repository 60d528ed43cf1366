"""What scripts measure themselves: counters and durations by name."""

from __future__ import annotations

import json
from typing import Any

from mqtt_sim.engine import load_core
from mqtt_sim.errors import UsageError

NAMES_LIMIT = 1000
"""Most different counters, and most different metrics, of a run."""

LATENESS = "lateness"
"""The metric that the run itself keeps: how late timers of devices were."""

_ROUNDING_S = 1e-6  # a difference of two times that are meant to be one may fall below zero


class Measurements:
    """Of all devices of a run; one thread."""

    def __init__(self) -> None:
        self._make_histogram = load_core().Histogram
        self.counts: dict[str, int] = {}
        self._histograms: dict[str, Any] = {LATENESS: self._make_histogram()}
        self.record_lateness = self._histograms[LATENESS].record

    def count(self, name: str, amount: int) -> None:
        """Adds to a counter. Raises UsageError for a wrong type, and for too many names."""
        if not isinstance(name, str) or not isinstance(amount, int):
            raise UsageError(f"count() takes a name and a whole number, found {name!r} and {amount!r}")
        if name not in self.counts and len(self.counts) >= NAMES_LIMIT:
            raise UsageError(f"count({name!r}): there are {NAMES_LIMIT} counters already; a name should not vary")
        self.counts[name] = self.counts.get(name, 0) + amount

    def record(self, name: str, seconds: float) -> None:
        """Adds to a metric. Raises UsageError as count() does, and for a name that is taken."""
        histogram = self._histograms.get(name)
        if histogram is None or name == LATENESS:
            histogram = self._new(name)
        if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not seconds >= -_ROUNDING_S:
            raise UsageError(f"record({name!r}): should be a duration in seconds, not negative, found {seconds!r}")
        histogram.record(seconds)

    def _new(self, name: str) -> Any:
        if not isinstance(name, str):
            raise UsageError(f"record() takes a name and seconds, found {name!r}")
        if name == LATENESS:
            raise UsageError(f'record("{LATENESS}"): the run measures that itself; take another name')
        if len(self._histograms) > NAMES_LIMIT:
            raise UsageError(f"record({name!r}): there are {NAMES_LIMIT} metrics already; a name should not vary")
        return self._histograms.setdefault(name, self._make_histogram())

    def metrics(self) -> dict[str, Any]:
        """As in the report, by name in alphabetical order."""
        return {name: json.loads(histogram.document()) for name, histogram in sorted(self._histograms.items())}
