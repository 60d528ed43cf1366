"""Files that are written completely or not at all."""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

READABLE = 0o666
"""Mode of a file that others may read where the process's umask lets them."""

PRIVATE = 0o600
"""Mode of a file that is its owner's alone."""


def write_whole(files: Iterable[tuple[Path, str, int]]) -> None:
    """Writes (target, text, mode) each, through temporary files beside the targets.

    Raises OSError; until everything is on the disk no target has changed.
    """
    with _replacing() as staged:
        for target, text, mode in files:
            staged.append((_stage(target, text, mode & ~_umask()), target))


def rewrite_whole(files: Iterable[tuple[Path, str]]) -> None:
    """The same for files that may be there: mode and owner stay what they were; a new one is its owner's alone."""
    with _replacing() as staged:
        for target, text in files:
            was = target.stat() if target.exists() else None
            temporary = _stage(target, text, stat.S_IMODE(was.st_mode) if was else PRIVATE)
            staged.append((temporary, target))
            if was and (was.st_uid, was.st_gid) != (os.geteuid(), os.getegid()):
                os.chown(temporary, was.st_uid, was.st_gid)


@contextmanager
def _replacing() -> Iterator[list[tuple[str, Path]]]:
    """Takes (temporary file, target) while its block lasts; then they become the targets, or go when it failed."""
    staged: list[tuple[str, Path]] = []
    try:
        yield staged
        while staged:
            os.replace(*staged[0])
            del staged[0]
    finally:
        for temporary, _ in staged:
            os.unlink(temporary)


@contextmanager
def only_one_writer(directory: Path, wait_s: float) -> Iterator[bool]:
    """Keeps others that ask the same out of `directory`; gives whether it was free within the time.

    The directory itself is locked: a file that is replaced would take its lock along.
    """
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield _is_locked_within(handle, wait_s)
    finally:
        os.close(handle)


def _is_locked_within(handle: int, wait_s: float) -> bool:
    ends = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= ends:
                return False
            time.sleep(0.02)
        else:
            return True


def _stage(target: Path, text: str, mode: int) -> str:
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, mode)
    except BaseException:
        os.unlink(temporary)
        raise
    return temporary


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
