"""Fixtures of the broker's tests from inside: a bound on every wait, and a list that fills from other threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of these use sockets on loopback, except those that say they need nothing."""
    for item in items:
        if Path(__file__).parent in item.path.parents and not item.get_closest_marker("unit"):
            item.add_marker("net")


class Seen(list[Any]):
    """What handlers were told, from whatever thread."""

    def __init__(self) -> None:
        super().__init__()
        self._more = threading.Condition()

    def note(self, item: Any) -> None:
        """One more."""
        with self._more:
            self.append(item)
            self._more.notify_all()

    def wait_for(self, is_enough: Callable[[list[Any]], bool], limit_s: float = 10.0) -> list[Any]:
        """Everything, once it is enough. Fails with what there is when that does not come."""
        until = time.monotonic() + limit_s
        with self._more:
            while not is_enough(self):
                left = until - time.monotonic()
                assert left > 0, f"only {list(self)}"
                self._more.wait(left)
            return list(self)

    def wait(self, count: int, limit_s: float = 10.0) -> list[Any]:
        """The first `count` of them."""
        return self.wait_for(lambda items: len(items) >= count, limit_s)


@pytest.fixture
def seen() -> Seen:
    """An empty one."""
    return Seen()
