"""The thread that writes the changes of one session: those that have gathered while it wrote the last ones, at once."""

from __future__ import annotations

import asyncio
import atexit
import logging
import threading
import weakref
from collections.abc import Callable
from typing import NamedTuple

from mqtt_sim.client.store import Change, SessionStore
from mqtt_sim.errors import StoreError

log = logging.getLogger("mqtt_sim.client")

Then = Callable[[StoreError | None], object]
"""What is to be done once a change is kept, or could not be."""

_RETRY_AFTER_S = 0.5
_LOOKS_ROUND_EVERY_S = 1.0
_EXIT_PATIENCE_S = 2.0


class _Entry(NamedTuple):
    change: Change | None
    """None: nothing is written, it only has its place in the order."""
    then: Then | None
    may_fail: bool
    """What may not is tried again: the other side has gone on."""


class StoreWriter:
    """Writes on a thread of its own and tells the loop. add() is called on the loop's thread."""

    def __init__(self, store: SessionStore, loop: asyncio.AbstractEventLoop, on_error: Callable[[StoreError], object]):
        """`on_error` is called on the loop when the store begins to fail."""
        self._store = store
        self._loop = loop
        self._on_error = on_error
        self._entries: list[_Entry] = []
        self._changed = threading.Condition()
        self._is_closing = False
        self._untold = 0
        """Entries added and not told of yet; of the loop's thread."""
        self._is_failing = False
        self._idle: list[asyncio.Future[None]] = []
        self._thread = threading.Thread(target=self._run, name="mqtt-sim-store", daemon=True)
        self._thread.start()
        _writers.add(self)

    def add(self, change: Change | None, then: Then | None = None, *, may_fail: bool = False) -> None:
        """Keeps a change behind all before it; then `then`, on the loop. `may_fail`: one that cannot be kept is
        dropped and `then` told, instead of being tried again."""
        self._untold += 1
        with self._changed:
            self._entries.append(_Entry(change, then, may_fail))
            self._changed.notify()

    @property
    def is_idle(self) -> bool:
        """Everything is kept and told."""
        return self._untold == 0

    async def flush(self) -> None:
        """Until it is idle."""
        while not self.is_idle:
            idle: asyncio.Future[None] = self._loop.create_future()
            self._idle.append(idle)
            await idle

    def close(self, patience_s: float = _EXIT_PATIENCE_S) -> None:
        """Writes what is there and closes the store; waits at most so long."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join(patience_s)

    # ---- on the thread

    def _run(self) -> None:
        try:
            while entries := self._next():
                error = self._write([one.change for one in entries if one.change is not None])
                if error is not None and self._put_back(entries):
                    entries = [one for one in entries if one.may_fail]
                if not self._tell(entries, error):
                    return
        finally:
            self._store.close()

    def _next(self) -> list[_Entry]:
        """Empty: that was all."""
        with self._changed:
            while not self._entries:
                if self._is_closing or self._loop.is_closed():
                    return []
                self._changed.wait(_LOOKS_ROUND_EVERY_S)
            entries, self._entries = self._entries, []
            return entries

    def _write(self, changes: list[Change]) -> StoreError | None:
        try:
            if changes:
                self._store.write(changes)
        except StoreError as error:
            return error
        except Exception as error:
            log.exception("store %r raised", self._store)
            return StoreError(f"{type(self._store).__name__}.write raised {type(error).__name__}: {error}")
        return None

    def _put_back(self, entries: list[_Entry]) -> bool:
        """What must be kept, for another attempt after a while; whether there will be one."""
        again = [one for one in entries if not one.may_fail]
        with self._changed:
            if self._is_closing:
                return False
            self._entries = again + self._entries
            if again:
                self._changed.wait_for(lambda: self._is_closing, _RETRY_AFTER_S)
        return True

    def _tell(self, entries: list[_Entry], error: StoreError | None) -> bool:
        try:
            self._loop.call_soon_threadsafe(self._take, entries, error)
        except RuntimeError:  # the loop is closed
            return False
        return True

    # ---- on the loop

    def _take(self, entries: list[_Entry], error: StoreError | None) -> None:
        self._untold -= len(entries)
        if error is not None and not self._is_failing:
            self._on_error(error)
        self._is_failing = error is not None
        for one in entries:
            if one.then is not None:
                one.then(error if one.change is not None else None)
        if self._untold == 0:
            for idle in self._idle:
                if not idle.done():
                    idle.set_result(None)
            self._idle.clear()


_writers: weakref.WeakSet[StoreWriter] = weakref.WeakSet()


def _close_all() -> None:
    for writer in list(_writers):
        writer.close()


atexit.register(_close_all)
