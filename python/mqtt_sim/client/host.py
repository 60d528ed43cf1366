"""The engine's clients of one event loop: commands go in, one batch of records comes out and is handed round.

A loop that carries virtual time brings its own host, as an attribute `mqtt_sim_host` with the same methods; a Client
cannot tell which one it has.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import weakref
from typing import Any, Protocol

from mqtt_sim.client.message import Message
from mqtt_sim.engine import could_not_run, load_core
from mqtt_sim.errors import UsageError


class Receiver(Protocol):
    """Who is told what happened to a client."""

    def take(self, dropped: int, records: list[tuple[Any, ...]]) -> None:
        """`dropped`: messages that the queue had no room for."""


class Host:
    """One thread of the engine, while the loop has clients. Made by host_of()."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        core = load_core()
        try:
            self.core = core.ClientHost()
        except core.RunError as error:
            raise could_not_run(error) from None
        self._plan_error = core.PlanError
        self._loop = weakref.ref(loop)
        self._receivers: dict[int, Receiver] = {}
        self.is_lost = False
        """After a fork, in the child: its thread lives on in the parent alone."""
        loop.add_reader(self.core.descriptor(), self._drain)

    def add(self, receiver: Receiver, options: dict[str, Any], targets: list[str]) -> int:
        """A client that leads to `targets`. Raises UsageError for TLS options that cannot work."""
        try:
            number = int(self.core.add(options, targets))
        except self._plan_error as error:
            raise UsageError(f"Client: {error}") from None
        self._receivers[number] = receiver
        return number

    def remove(self, number: int) -> None:
        """Drops its connection. The last one takes the thread with it."""
        if self._receivers.pop(number, None) is None or self.is_lost:
            return
        self.core.remove(number)
        if not self._receivers:
            self.close()

    def close(self, patience_s: float = 0.1) -> None:
        """Ends the thread, whatever its clients do; waits at most `patience_s` seconds for it."""
        loop = self._loop()
        if loop is not None:
            if not loop.is_closed():
                loop.remove_reader(self.core.descriptor())
            if _hosts.get(loop) is self:
                del _hosts[loop]
        self.core.stop(patience_s)

    @property
    def is_orphaned(self) -> bool:
        """Nobody will ever fetch its batches."""
        loop = self._loop()
        return loop is None or loop.is_closed()

    def _drain(self) -> None:
        for number, dropped, records in self.core.fetch(Message):
            receiver = self._receivers.get(number)
            if receiver is not None:
                receiver.take(dropped, records)


_EXIT_PATIENCE_S = 2.0  # for threads that wait for a name server
_hosts: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Host] = weakref.WeakKeyDictionary()


def host_of(loop: asyncio.AbstractEventLoop) -> Host:
    """The one that this loop's clients share."""
    brought: Host | None = getattr(loop, "mqtt_sim_host", None)
    if brought is not None:
        return brought
    host = _hosts.get(loop)
    if host is None:
        for old in [host for host in _hosts.values() if host.is_orphaned]:
            old.close()
        host = _hosts[loop] = Host(loop)
    return host


def _forget_in_child() -> None:
    for host in _hosts.values():
        host.is_lost = True
        host.core.abandon()
    _abandoned.extend(_hosts.values())
    _hosts.clear()


_abandoned: list[Host] = []


def _stop_all() -> None:
    for host in list(_hosts.values()):
        host.close(_EXIT_PATIENCE_S)


os.register_at_fork(after_in_child=_forget_in_child)
atexit.register(_stop_all)
