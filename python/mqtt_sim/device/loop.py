"""The event loops that devices run in: of real time, and the one whose clock is the virtual clock."""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable
from typing import Any, NoReturn

from mqtt_sim.device.client import DeviceHost
from mqtt_sim.engine import EngineRun
from mqtt_sim.errors import UsageError
from mqtt_sim.quantity import NS_PER_S

TURNS_LIMIT = 1_000_000
"""Most turns of the loop at one instant of virtual time: beyond it some device never lets time go on."""


class Pulse:
    """Since when the loop has been busy; read by the thread that watches."""

    def __init__(self) -> None:
        self.busy_since: float | None = None
        """Seconds of time.monotonic(); None while it sleeps."""


class WatchedSelector(selectors.DefaultSelector):
    """Tells the pulse when the loop sleeps."""

    def __init__(self, pulse: Pulse) -> None:
        super().__init__()
        self._pulse = pulse

    def select(self, timeout: float | None = None) -> list[Any]:
        self._pulse.busy_since = None
        try:
            return super().select(timeout)
        finally:
            self._pulse.busy_since = time.monotonic()


class RealLoop(asyncio.SelectorEventLoop):
    """asyncio's own, watched."""

    def __init__(self, pulse: Pulse, host: DeviceHost, take_news: Callable[[], None]) -> None:
        super().__init__(WatchedSelector(pulse))
        self.add_reader(host.core.descriptor(), take_news)


class VirtualSelector:
    """Where a loop sleeps in virtual time: sleeping is what makes it pass."""

    def __init__(self, engine: EngineRun, pulse: Pulse, take_news: Callable[[], None]) -> None:
        self._advance = engine.advance
        self._pulse = pulse
        self._news = [take_news]
        self._turns = 0
        self._is_free = False
        self.now_ns = engine.now_ns()

    def select(self, timeout: float | None) -> list[Callable[[], None]]:
        """Until `timeout`, until something has happened to a device, or until the run is over."""
        if timeout is not None and timeout <= 0:
            self._turns += 1
            if self._turns > TURNS_LIMIT:
                raise UsageError(
                    f"the devices kept the loop busy for {TURNS_LIMIT} turns at one instant of virtual time; is there "
                    "a loop that awaits only asyncio.sleep(0)?"
                )
            return []
        until = None if timeout is None else self.now_ns + max(1, round(timeout * NS_PER_S))
        if self._is_free:
            self.now_ns = until or self.now_ns
            return []
        self._pulse.busy_since = None
        now_ns = self._advance(until)
        self._pulse.busy_since = time.monotonic()
        if now_ns != self.now_ns:
            self._turns = 0
        self.now_ns = now_ns
        return self._news

    def be_free(self) -> None:
        """From here on time passes without the engine."""
        self._is_free = True
        self._turns = 0

    def close(self) -> None:
        """Nothing is held."""


class VirtualLoop(asyncio.BaseEventLoop):
    """Timers, tasks and devices, all in virtual time; nothing of the real world."""

    def __init__(self, engine: EngineRun, pulse: Pulse, host: DeviceHost, take_news: Callable[[], None]) -> None:
        super().__init__()
        self.mqtt_sim_host = host
        self._clock_resolution = 1 / NS_PER_S
        self._selector = VirtualSelector(engine, pulse, take_news)

    def outlast_the_run(self) -> None:
        """The run is over and its clock stands: from here on time passes by itself, for what is still to be tidied."""
        self._selector.be_free()

    def time(self) -> float:
        """Seconds of virtual time."""
        return self._selector.now_ns / NS_PER_S

    def _process_events(self, event_list: list[Callable[[], None]]) -> None:
        for tell in event_list:
            tell()

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
