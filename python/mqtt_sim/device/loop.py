"""The event loops that devices run in: of real time, and the one whose clock is the virtual clock."""

from __future__ import annotations

import asyncio
import selectors
import time
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Any, NoReturn, TypeVarTuple

from mqtt_sim.device.client import DeviceHost
from mqtt_sim.device.timetable import Timetable
from mqtt_sim.engine import EngineRun
from mqtt_sim.errors import UsageError
from mqtt_sim.quantity import NS_PER_S

TURNS_LIMIT = 1_000_000
"""Most turns of the loop at one instant of virtual time: beyond it some device never lets time go on."""


_NEWS = object()  # what the selector says when something has happened to devices
_CLOSED = "Event loop is closed"  # as asyncio says it
Arguments = TypeVarTuple("Arguments")


class Pulse:
    """Since when the loop has been busy; read by the thread that watches."""

    def __init__(self) -> None:
        self.busy_since: float | None = None
        """Seconds of time.monotonic(); None while it sleeps."""


class DeviceTimer(asyncio.TimerHandle):
    """A timer of asyncio that waits in a timetable as a future does."""

    __slots__ = ()
    _loop: DeviceLoop

    def done(self) -> bool:
        """Whether it was cancelled."""
        return self.cancelled()

    def set_result(self, _: None) -> None:
        """Its time has come."""
        self._loop._ready.append(self)


class DeviceLoop(asyncio.BaseEventLoop):
    """What both loops share: all timers are in one timetable, and what is asked most often takes the short way."""

    timetable: Timetable
    # Of asyncio's own loop, the same in every Python.
    _ready: deque[asyncio.Handle]
    _closed: bool
    _stopping: bool
    _clock_resolution: float

    def call_at(
        self, when: float, callback: Callable[[*Arguments], object], *args: *Arguments, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As asyncio's."""
        if self._closed:
            raise RuntimeError(_CLOSED)
        timer = DeviceTimer(when, callback, args, self, context)
        self.timetable.add(when, timer)
        return timer

    def call_soon(
        self, callback: Callable[[*Arguments], object], *args: *Arguments, context: Context | None = None
    ) -> asyncio.Handle:
        """As asyncio's."""
        if self._closed:
            raise RuntimeError(_CLOSED)
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle


class WatchedSelector(selectors.DefaultSelector):
    """Where a loop sleeps in real time, until the next time in its timetable at most; the pulse knows when it does."""

    def __init__(self, engine: EngineRun, pulse: Pulse, timetable: Timetable) -> None:
        super().__init__()
        self._end_turn = engine.end_turn
        self._pulse = pulse
        self._timetable = timetable

    def select(self, timeout: float | None = None) -> list[Any]:
        self._end_turn()
        due = self._timetable.next_due
        if due is not None and timeout is None:
            timeout = due - time.monotonic()
        self._pulse.busy_since = None
        try:
            return super().select(timeout)
        finally:
            self._pulse.busy_since = time.monotonic()


class RealLoop(DeviceLoop, asyncio.SelectorEventLoop):
    """asyncio's own, watched. News and timers of devices wake their tasks within the turn that brings them."""

    def __init__(self, engine: EngineRun, pulse: Pulse, host: DeviceHost, take_news: Callable[[], None]) -> None:
        self.timetable = Timetable(self)
        selector = WatchedSelector(engine, pulse, self.timetable)
        super().__init__(selector)
        self._take_news = take_news
        selector.register(host.core.descriptor(), selectors.EVENT_READ, _NEWS)

    def _process_events(self, event_list: list[tuple[selectors.SelectorKey, int]]) -> None:
        others = [event for event in event_list if event[0].data is not _NEWS]
        if len(others) < len(event_list):
            self._take_news()
        if others:
            super()._process_events(others)  # type: ignore[misc]
        self.timetable.wake_due(self.time() + self._clock_resolution)


class VirtualLoop(DeviceLoop):
    """Timers, tasks and devices, all in virtual time; nothing of the real world. Sleeping is what makes time pass."""

    def __init__(self, engine: EngineRun, pulse: Pulse, host: DeviceHost, take_news: Callable[[], None]) -> None:
        super().__init__()
        self.timetable = Timetable(self)
        self.mqtt_sim_host = host
        self._advance = engine.advance
        self._pulse = pulse
        self._take_news = take_news
        self._turns = 0
        self._is_free = False
        self._now_ns = engine.now_ns()
        self._now = self._now_ns / NS_PER_S

    def outlast_the_run(self) -> None:
        """The run is over and its clock stands: from here on time passes by itself, for what is still to be tidied."""
        self._is_free = True
        self._turns = 0

    def time(self) -> float:
        """Seconds of virtual time."""
        return self._now

    def _run_once(self) -> None:
        """One turn: where nothing is ready time passes until something is; then all that is ready runs."""
        ready = self._ready
        if ready:
            self._count_turn()
        elif not self._stopping:
            self._pass_time()
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()

    def _count_turn(self) -> None:
        self._turns += 1
        if self._turns > TURNS_LIMIT:
            raise UsageError(
                f"the devices kept the loop busy for {TURNS_LIMIT} turns at one instant of virtual time; is there "
                "a loop that awaits only asyncio.sleep(0)?"
            )

    def _pass_time(self) -> None:
        """Until the next timer, until something has happened to a device, or until the run is over."""
        due = self.timetable.next_due
        until_ns = None if due is None else round(due * NS_PER_S)
        if until_ns is not None and until_ns <= self._now_ns:
            self._count_turn()
        elif not self._is_free:
            self._let_the_run_go_on(until_ns)
        elif until_ns is not None:
            self._set_time(until_ns)
        else:
            self._count_turn()  # what is left waits for nothing that could come
        self.timetable.wake_due(self._now + self._clock_resolution)

    def _let_the_run_go_on(self, until_ns: int | None) -> None:
        self._pulse.busy_since = None
        now_ns, has_notes = self._advance(until_ns)
        self._pulse.busy_since = time.monotonic()
        self._set_time(now_ns)
        if has_notes:
            self._take_news()

    def _set_time(self, now_ns: int) -> None:
        if now_ns != self._now_ns:
            self._turns = 0
            self._now_ns = now_ns
            self._now = now_ns / NS_PER_S

    def _write_to_self(self) -> None:
        pass  # nobody sleeps on anything


_REAL_WORLD = (
    "call_soon_threadsafe run_in_executor getaddrinfo getnameinfo create_connection create_server "
    "create_datagram_endpoint create_unix_connection create_unix_server connect_accepted_socket "
    "sendfile start_tls subprocess_shell "
    "subprocess_exec connect_read_pipe connect_write_pipe add_reader remove_reader add_writer remove_writer "
    "add_signal_handler sock_recv sock_recv_into sock_recvfrom sock_sendall sock_sendto sock_connect sock_accept "
    "sock_sendfile"
).split()


def _refuse(name: str) -> NoReturn:
    raise UsageError(
        f"{name}() waits for the real world, which does not move while virtual time does; threads, sockets and "
        "processes need a run without --sim"
    )


def _refusal(name: str) -> Callable[..., NoReturn]:
    def refuse(self: VirtualLoop, *arguments: Any, **options: Any) -> NoReturn:
        _refuse(name)

    refuse.__name__ = name
    return refuse


for _name in _REAL_WORLD:
    setattr(VirtualLoop, _name, _refusal(_name))
