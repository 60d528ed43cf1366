"""Waits as users give them."""

from __future__ import annotations

from typing import Any

from mqtt_sim.errors import UsageError


def check_patience(seconds: Any, what: str) -> None:
    """Raises UsageError unless it is a number of seconds, or None for no limit. `what`: whose it is."""
    if seconds is None:
        return
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not is_number or not seconds >= 0:
        raise UsageError(f"{what}: timeout should be a number of seconds, 0 or more, found {seconds!r}")
