"""Hooks: functions that decide what clients may do. The client's packet waits for the answer, other clients do not."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mqtt_sim.client.subscription import Grant
from mqtt_sim.errors import ResponseTimeout, UsageError
from mqtt_sim.inside.forward import ForwardHook
from mqtt_sim.inside.message import ConnectRequest, PublishedMessage
from mqtt_sim.inside.verdict import DROP, PASS, Verdict, grant_instead, instead, refuse
from mqtt_sim.suggestion import did_you_mean

if TYPE_CHECKING:
    from mqtt_sim.inside.client import BrokerClient
    from mqtt_sim.inside.desk import Desk

HOOKS = {
    "pre_connect": "client, packet: ConnectRequest -> bool; False closes the connection without an answer",
    "authenticate": "client, username: str | None, password: bytes | None -> bool, or the code of a refusal",
    "authorize_publish": "client, packet: PublishedMessage -> bool, or the message to take instead; of wills: bool",
    "authorize_subscribe": "client, subscription: Grant -> bool, or the Grant to give instead",
    "authorize_forward": "client, packet: PublishedMessage -> bool, or the message to send instead; for each receiver",
    "published": "packet: PublishedMessage, client; the client's acknowledgement waits for it",
}
"""Each hook with its arguments and what it answers."""

_FAILED = object()
"""What a hook answers that raised, or was late."""

_ALIASES = {
    "preConnect": "pre_connect",
    "authorizePublish": "authorize_publish",
    "authorizeSubscribe": "authorize_subscribe",
    "authorizeForward": "authorize_forward",
}

CONNECT, PUBLISH, SUBSCRIBE, PUBLISHED, FORWARD = range(5)
_NOT_AUTHORIZED = 0x87
_RETURN_CODES = {1: 0x84, 2: 0x85, 3: 0x88, 4: 0x86, 5: 0x87}
"""Of CONNACK below 5.0, and what they are in 5.0."""


class Hooks:
    """The hooks of one broker."""

    def __init__(self, desk: Desk, timeout: float) -> None:
        self._desk = desk
        self._timeout = timeout
        self._hooks: dict[str, Callable[..., Any]] = {}
        self.forward = ForwardHook(desk, timeout)
        self._tasks: set[asyncio.Task[None]] = set()

    def set(self, name: str, function: Callable[..., Any] | None) -> None:
        """In the place of the one before; None: none."""
        name = hook_name(name)
        if function is None:
            self._hooks.pop(name, None)
        elif not callable(function):
            raise UsageError(f'hook("{name}"): should be a function, found {type(function).__name__}')
        else:
            self._hooks[name] = function
        self.forward.function = self._hooks.get("authorize_forward")
        core = self._desk.checked_core()
        core.ask_about(self.kinds())
        if self._hooks:
            self._desk.need()

    def kinds(self) -> int:
        """What the engine has to ask, as its set of bits."""
        wanted = {
            CONNECT: ("pre_connect", "authenticate", "authorize_publish"),
            PUBLISH: ("authorize_publish",),
            SUBSCRIBE: ("authorize_subscribe",),
            PUBLISHED: ("published",),
            FORWARD: ("authorize_forward",),
        }
        return sum(1 << kind for kind, names in wanted.items() if any(name in self._hooks for name in names))

    def take(self, client: BrokerClient, kind: int, number: int, about: Any) -> None:
        """A question of the engine."""
        if kind == FORWARD:
            self.forward.take(client, number, about)
            return
        task = asyncio.ensure_future(self._answer(client, kind, number, about), loop=self._desk.handlers.loop)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, client: BrokerClient, kind: int, number: int, about: Any) -> None:
        vouches_for_user = kind == CONNECT and "authenticate" in self._hooks
        if kind == CONNECT:
            verdicts = [await self._on_connect(client, *about)]
        elif kind == PUBLISH:
            verdicts = [await self._on_publish(client, about)]
        elif kind == SUBSCRIBE:
            verdicts = [await self._on_filter(client, Grant(topic, qos)) for topic, qos in about]
        else:
            await self._call("published", about, client)
            verdicts = []
        if not self._desk.is_lost:
            self._desk.core.answer(number, verdicts, vouches_for_user)

    async def _on_connect(
        self,
        client: BrokerClient,
        client_id: str,
        username: str | None,
        password: bytes | None,
        will: PublishedMessage | None,
    ) -> Verdict:
        client.id, client.username = client_id, username
        request = ConnectRequest(
            client_id, username, password, will, client.protocol_version, client.clean, client.keepalive
        )
        if (await self._call("pre_connect", client, request)) is not True:
            return DROP
        said = await self._call("authenticate", client, username, password)
        if said is not True:
            return refuse(self._code_of(said))
        if will is not None and (await self._call("authorize_publish", client, will)) in (False, _FAILED):
            return refuse(_NOT_AUTHORIZED)
        return PASS

    def _code_of(self, said: Any) -> int:
        if said is False or said is _FAILED:
            return _NOT_AUTHORIZED
        if isinstance(said, int) and (said in _RETURN_CODES or 0x80 <= said <= 0xFF):
            return _RETURN_CODES.get(said, said)
        self._complain("authenticate", said, "True, False, a return code from 1 to 5, or a reason code from 0x80")
        return _NOT_AUTHORIZED

    async def _on_publish(self, client: BrokerClient, message: PublishedMessage) -> Verdict:
        said = await self._call("authorize_publish", client, message)
        if said is True:
            return PASS
        if isinstance(said, PublishedMessage):
            try:
                return instead(message, said)
            except UsageError as error:
                self._desk.handlers.report(error, self._hooks["authorize_publish"], "authorize_publish")
                return refuse(_NOT_AUTHORIZED)
        if said is not False and said is not _FAILED:
            self._complain("authorize_publish", said, "True, False, or a changed message: packet._replace(topic=...)")
        return refuse(_NOT_AUTHORIZED)

    async def _on_filter(self, client: BrokerClient, asked: Grant) -> Verdict:
        said = await self._call("authorize_subscribe", client, asked)
        if said is True:
            return PASS
        if isinstance(said, tuple) and len(said) == 2 and isinstance(said[0], str) and said[1] in (0, 1, 2):
            return grant_instead(said[0], int(said[1]))
        if said is not False and said is not _FAILED:
            self._complain("authorize_subscribe", said, "True, False, or (topic, qos)")
        return refuse(_NOT_AUTHORIZED)

    async def _call(self, name: str, *arguments: Any) -> Any:
        """What the hook answers; True where there is none, _FAILED where it raises or is late: both are reported."""
        function = self._hooks.get(name)
        if function is None:
            return True
        began = time.monotonic()
        try:
            said = function(*arguments)
            if inspect.isawaitable(said):
                async with asyncio.timeout(self._timeout):
                    said = await said
        except TimeoutError:
            said = None
        except Exception as error:
            self._desk.handlers.report(error, function, name)
            return _FAILED
        if time.monotonic() - began < self._timeout:
            return said
        late = ResponseTimeout(f"hook {name} took more than {self._timeout:g} s; what it decides on was refused")
        self._desk.handlers.report(late, function, name)
        return _FAILED

    def _complain(self, name: str, said: Any, right: str) -> None:
        text = f"hook {name} should answer {right}; it gave {said!r}, which refuses"
        self._desk.handlers.report(UsageError(text), self._hooks[name], name)


def hook_name(name: str) -> str:
    """Ours. Raises UsageError for a hook that there is not."""
    ours = _ALIASES.get(name, name)
    if ours not in HOOKS:
        raise UsageError(f'there is no hook "{name}"; {did_you_mean(str(name), [*HOOKS, *_ALIASES])}')
    return ours
