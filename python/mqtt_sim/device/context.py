"""Context: what a device knows beside its client."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any

from mqtt_sim.device.loop import DeviceLoop
from mqtt_sim.device.measure import Measurements
from mqtt_sim.errors import UsageError
from mqtt_sim.quantity import NS_PER_S


class RunClock:
    """What all devices of a run share: time zero, the end, and what they measure."""

    def __init__(self, loop: DeviceLoop, *, duration: float, seed: int, go_on: Callable[[int, int], object]) -> None:
        """`go_on`: see EngineRun."""
        self.loop = loop
        self._at = loop.timetable.at
        self._go_on = go_on
        self.start = 0.0
        """Of the run, in the loop's time; known once it has begun."""
        self.duration = duration
        self.seed = seed
        self.stopping = asyncio.Event()
        self.measurements = Measurements()

    async def sleep_until(self, due: float, number: int) -> None:
        """Until a time of the loop, for the device with this number; measures how late it became."""
        await self._at(due)
        late = self.loop.time() - due
        self.measurements.record_lateness(late)
        if late > 0:
            self._go_on(number, round(due * NS_PER_S))


class Context:
    """One device's place in the run. The same in real and in virtual time."""

    def __init__(
        self, run: RunClock, number: int, *, group: str, index: int, size: int, arguments: Mapping[str, Any]
    ) -> None:
        self._run = run
        self._number = number
        self._watches_stopping = False
        self.group = group
        """Name of its group."""
        self.index = index
        """Its number in the group, from 0 on."""
        self.size = size
        """How many devices the group has."""
        self.name = f"{group}-{index}"
        """As errors name it."""
        self.client_id = ""
        """Of its client."""
        self.arguments = MappingProxyType(dict(arguments))
        """What the scenario says in "arguments"."""
        self.duration = run.duration
        """Seconds that the run lasts; it may be stopped before."""

    @cached_property
    def random(self) -> random.Random:
        """Its own chance, which follows from the scenario's seed."""
        return random.Random(f"{self._run.seed}/{self.group}/{self.index}")

    def prepare(self) -> None:
        """Before time zero: what takes its time."""
        _ = self.random

    def now(self) -> float:
        """Seconds since the run began."""
        return self._run.loop.time() - self._run.start

    @property
    def deadline(self) -> float:
        """When the run ends, as asyncio.timeout_at() takes it: in the loop's time."""
        return self._run.start + self.duration

    @property
    def remaining(self) -> float:
        """Seconds until then; 0 afterwards."""
        return max(0.0, self.duration - self.now())

    @property
    def stopping(self) -> asyncio.Event:
        """Set when the run's duration is over, or when it was stopped.

        A device that has looked here has the scenario's `drain` to come to its end; any other is cancelled at once.
        """
        self._watches_stopping = True
        return self._run.stopping

    @property
    def watches_stopping(self) -> bool:
        """Whether it has ever looked at `stopping`."""
        return self._watches_stopping

    async def sleep(self, seconds: float) -> None:
        """As asyncio.sleep(), and measures how late the device goes on."""
        await self._run.sleep_until(self._run.loop.time() + seconds, self._number)

    def every(self, period: float, *, offset: float | None = None) -> Ticks:
        """`async for now in context.every(1.0)`: a beat that does not drift, until the run's duration is over.

        `offset`: seconds of the run until the first one; None: a place within the first period, by chance, so that
        the devices of a group do not all speak at once. A beat that was missed comes as soon as it can.
        """
        if not period > 0:
            raise UsageError(f"every({period!r}): the period should be longer than nothing")
        return Ticks(self._run, self._number, period, self.random.random() * period if offset is None else offset)

    def count(self, name: str, amount: int = 1) -> None:
        """Adds to a counter of the whole run, which the result shows by this name."""
        self._run.measurements.count(name, amount)

    def record(self, name: str, seconds: float) -> None:
        """Adds a duration to a metric of the whole run, which the result shows by this name."""
        self._run.measurements.record(name, seconds)

    def __repr__(self) -> str:
        return f"<Context of {self.name}>"


class Ticks:
    """See Context.every."""

    def __init__(self, run: RunClock, number: int, period: float, first: float) -> None:
        self._run = run
        self._number = number
        self._period = period
        self._first = first
        self._passed = 0

    def __aiter__(self) -> Ticks:
        return self

    async def __anext__(self) -> float:
        run, due = self._run, self._first + self._passed * self._period
        if due >= run.duration or run.stopping.is_set():
            raise StopAsyncIteration
        self._passed += 1
        await run.sleep_until(run.start + due, self._number)
        return due
