"""How much memory a run took: what this process held before it, and at most while it went on."""

from __future__ import annotations

import os
from pathlib import Path

_STATM = Path("/proc/self/statm")
"""Linux; its second number counts resident pages."""


class ResidentMemory:
    """Resident bytes of this process, looked at from time to time; nothing on systems that do not tell."""

    def __init__(self) -> None:
        self._start = _resident_bytes()
        self._peak = self._start

    def look(self) -> None:
        """Takes the present amount into account."""
        if self._start is not None and self._peak is not None:
            self._peak = max(self._peak, _resident_bytes() or 0)

    def figures(self, clients: int) -> dict[str, int]:
        """`start` and `peak` in bytes, and `per_client`: what was added, divided by the number of clients."""
        if self._start is None or self._peak is None:
            return {}
        added = self._peak - self._start
        return {"start": self._start, "peak": self._peak, "per_client": added // max(clients, 1)}


def _resident_bytes() -> int | None:
    try:
        return int(_STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None
