"""Work of a command that SIGINT and SIGTERM end in good order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any


async def until_told(work: Coroutine[Any, Any, object], timeout_s: float | None = None) -> bool:
    """Until it is done, a signal says stop, or the time is over: whether it was the time. Raises what `work` does."""
    loop, is_told = asyncio.get_running_loop(), False
    task = asyncio.create_task(work)

    def stop() -> None:
        nonlocal is_told
        is_told = True
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    done, _ = await asyncio.wait([task], timeout=timeout_s)
    is_late = not done
    if is_late:
        task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        if not (is_told or is_late):
            raise
    return is_late and not is_told
