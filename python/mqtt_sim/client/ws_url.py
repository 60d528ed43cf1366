"""The URL of each attempt of a client whose owner signs it anew: the keyword on_ws_url."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mqtt_sim.client.attachment import Attachment


class WsUrl:
    """Asks `sign`, a function or coroutine function, where there is one."""

    def __init__(self, client: Attachment, url: str, sign: Callable[[str], str | Awaitable[str]] | None) -> None:
        self._client = client
        self._url = url
        self._sign = sign

    def then(self, go_on: Callable[[], object] | None) -> None:
        """Has the next attempt lead to its answer; then `go_on`."""
        if self._sign is not None:
            self._client._handlers.guard(self._ask, (self._sign, go_on), "on_ws_url")
        elif go_on is not None:
            go_on()

    def _ask(
        self, sign: Callable[[str], str | Awaitable[str]], go_on: Callable[[], object] | None
    ) -> Awaitable[None] | None:
        answer = sign(self._url)
        if inspect.isawaitable(answer):
            return self._lead_later(answer, go_on)
        self._lead_to(str(answer), go_on)
        return None

    async def _lead_later(self, url: Awaitable[str], go_on: Callable[[], object] | None) -> None:
        self._lead_to(await url, go_on)

    def _lead_to(self, url: str, go_on: Callable[[], object] | None) -> None:
        self._client.lead_to(url)
        if go_on is not None:
            go_on()
