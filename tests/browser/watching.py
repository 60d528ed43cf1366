"""What tests see of a page, and how they wait for it. The pages' policy forbids eval, and with it Playwright's own
wait_for_function; scripts given here are evaluated from outside."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


class Watched:
    """A page, and what happened in it: errors, requests to other places, WebSocket frames it sent."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.sent: list[bytes] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("websocket", self._watch)

    def _watch(self, websocket: Any) -> None:
        self.requests.append(websocket.url)
        websocket.on("framesent", lambda payload: self.sent.append(payload))


def wait_until(is_so: Callable[[], Any], page: Any, seconds: float = 10) -> None:
    """Asks again and again while the page goes on."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "did not happen in time"
        page.wait_for_timeout(20)


def wait_for(page: Any, expression: str, seconds: float = 10) -> None:
    """Until a JavaScript expression is true in the page."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"did not become true: {expression}"
        page.wait_for_timeout(20)
