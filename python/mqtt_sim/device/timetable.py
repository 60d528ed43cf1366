"""Timetable: when which device goes on, for thousands of them: one heap, whose order costs no Python."""

from __future__ import annotations

import asyncio
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Protocol

_SWEEP_LEAST = 1024  # entries before it is worth looking for those that nobody waits for any more


class Waiter(Protocol):
    """A future, or what behaves like one."""

    def done(self) -> bool:
        """Whether nobody waits any more."""

    def set_result(self, _: None, /) -> None:
        """Its time has come."""


class Timetable:
    """Of one event loop, which sleeps until next_due at most and then calls wake_due(). Times are the loop's."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._entries: list[tuple[float, int, Waiter]] = []
        self._numbers = count()  # of two that are due at one time the one that came first goes on first
        self._sweep_at = _SWEEP_LEAST

    def __len__(self) -> int:
        """Entries, those included that nobody waits for any more."""
        return len(self._entries)

    @property
    def next_due(self) -> float | None:
        """The earliest time of all; None when there is none."""
        return self._entries[0][0] if self._entries else None

    def at(self, due: float) -> asyncio.Future[None]:
        """Done at `due`; soon, if that is over."""
        waiter: asyncio.Future[None] = asyncio.Future(loop=self._loop)
        self.add(due, waiter)
        return waiter

    def add(self, due: float, waiter: Waiter) -> None:
        """Has `waiter` told at `due`."""
        heappush(self._entries, (due, next(self._numbers), waiter))
        if len(self._entries) > self._sweep_at:
            self._sweep()

    def wake_due(self, until: float) -> None:
        """Lets go on whoever is due before `until`."""
        entries = self._entries
        while entries and entries[0][0] < until:
            waiter = heappop(entries)[2]
            if not waiter.done():
                waiter.set_result(None)

    def _sweep(self) -> None:
        """Forgets those that nobody waits for; rare enough to cost next to nothing for each."""
        self._entries = [entry for entry in self._entries if not entry[2].done()]
        heapify(self._entries)
        self._sweep_at = max(_SWEEP_LEAST, 2 * len(self._entries))
