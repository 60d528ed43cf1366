"""The timetable of thousands of devices: order, cancellation, and no entry that stays for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from mqtt_sim.device.timetable import Timetable


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """One that nobody runs: what is done shows in the futures."""
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def test_whoever_is_due_is_woken_and_nobody_else(loop: asyncio.AbstractEventLoop) -> None:
    timetable = Timetable(loop)
    late, early, middle = timetable.at(3.0), timetable.at(1.0), timetable.at(2.0)
    assert timetable.next_due == 1.0
    timetable.wake_due(2.5)
    assert (early.done(), middle.done(), late.done()) == (True, True, False)
    assert timetable.next_due == 3.0
    timetable.wake_due(4.0)
    assert late.done()
    assert timetable.next_due is None


def test_of_one_time_the_first_that_came_is_the_first_to_go(loop: asyncio.AbstractEventLoop) -> None:
    order: list[int] = []

    class Waiter:
        def __init__(self, number: int) -> None:
            self.number = number

        def done(self) -> bool:
            return False

        def set_result(self, _: None) -> None:
            order.append(self.number)

    timetable = Timetable(loop)
    for number in (4, 1, 3, 2):
        timetable.add(1.0, Waiter(number))
    timetable.wake_due(2.0)
    assert order == [4, 1, 3, 2]


def test_cancelled_waiter_is_left_alone(loop: asyncio.AbstractEventLoop) -> None:
    timetable = Timetable(loop)
    waiter = timetable.at(1.0)
    waiter.cancel()
    timetable.wake_due(2.0)
    assert waiter.cancelled()
    assert len(timetable) == 0


def test_cancelled_entries_do_not_pile_up_before_their_time(loop: asyncio.AbstractEventLoop) -> None:
    timetable = Timetable(loop)
    kept = [timetable.at(1e6 + number) for number in range(10)]
    for _ in range(100_000):
        timetable.at(1e9).cancel()
    assert len(timetable) < 3_000
    timetable.wake_due(2e6)
    assert all(waiter.done() for waiter in kept)
