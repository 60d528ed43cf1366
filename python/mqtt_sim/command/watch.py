"""`run --watch`: the same run again each time one of its files has changed, until Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

POLL_S = 0.25
"""Between looks at the files."""

SETTLE_S = 0.1
"""An editor may write a file in several steps: how long it must have been left alone."""

SETTLE_LOOKS = 50

Signature = tuple[tuple[int, int, int] | None, ...]


def signature(files: Iterable[Path]) -> Signature:
    """What changes when one of the files does."""
    return tuple(_signature(path) for path in files)


def wait_for_change(
    files: Iterable[Path], since: Signature, sleep: Callable[[float], object] = time.sleep
) -> list[Path]:
    """Returns once a file differs from `since` and has settled: those that do. Ctrl-C is a KeyboardInterrupt."""
    files = list(files)
    while (now := signature(files)) == since:
        sleep(POLL_S)
    for _ in range(SETTLE_LOOKS):
        sleep(SETTLE_S)
        before, now = now, signature(files)
        if now == before:
            break
    changed = [path for path, old, new in zip(files, since, now, strict=True) if old != new]
    return changed or files


def _signature(path: Path) -> tuple[int, int, int] | None:
    try:
        told = path.stat()
    except OSError:
        return None
    return told.st_mtime_ns, told.st_size, told.st_ino
