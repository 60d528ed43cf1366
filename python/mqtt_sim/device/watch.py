"""Notices a device that blocks the loop, from another thread: nothing else runs until it awaits."""

from __future__ import annotations

import asyncio
import ctypes
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mqtt_sim.device.failure import place_in
from mqtt_sim.device.loop import Pulse

WARNING_S = 1.0
"""Blocked for so long is told."""
LIMIT_S = 10.0
"""Blocked for so long ends the run."""


class BlockedLoop(KeyboardInterrupt):
    """Raised inside a loop that does not come back."""


@dataclass(frozen=True)
class Blocked:
    """What was seen of a device that blocked."""

    device: str
    seconds: float
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: device {self.device} blocked the loop for {self.seconds:.1f} s"


class Watch:
    """Looks at the loop's thread whenever it is asked to."""

    def __init__(
        self, pulse: Pulse, thread: threading.Thread, owner_of: Callable[[Any], tuple[str, str] | None]
    ) -> None:
        self._pulse = pulse
        self._thread = thread
        self._owner_of = owner_of
        self._suspect: tuple[object, float] | None = None
        self._seen_first = 0.0
        self.longest: dict[str, Blocked] = {}
        """By device."""

    def look(self, loop: asyncio.AbstractEventLoop) -> Blocked | None:
        """Whoever has blocked for longer than LIMIT_S."""
        since, task, now = self._pulse.busy_since, asyncio.current_task(loop), time.monotonic()
        if since is None or task is None:
            self._suspect = None
            return None
        if self._suspect is None or self._suspect[0] is not task or self._suspect[1] != since:
            self._suspect, self._seen_first = (task, since), now
            return None
        seconds = now - self._seen_first
        owner = self._owner_of(task)
        if seconds < WARNING_S or owner is None:
            return None
        device, script_file = owner
        frame = sys._current_frames().get(self._thread.ident or 0)
        blocked = Blocked(device, seconds, *place_in(frame, script_file))
        self.longest[device] = blocked
        return blocked if seconds >= LIMIT_S else None

    def break_in(self) -> None:
        """See break_into()."""
        break_into(self._thread)


def break_into(thread: threading.Thread) -> None:
    """Raises BlockedLoop in the thread, as soon as it runs Python again."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(BlockedLoop))
