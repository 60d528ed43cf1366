"""What a Broker offers to who owns it: events, hooks, messages by hand, and its clients."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, overload

from mqtt_sim.client.handlers import Handler
from mqtt_sim.client.payload import Payload
from mqtt_sim.errors import ClientClosed, UsageError
from mqtt_sim.inside.client import BrokerClient
from mqtt_sim.inside.desk import Desk
from mqtt_sim.inside.publication import Publication
from mqtt_sim.inside.stream import AttachedStream

_H = TypeVar("_H", bound=Callable[..., Any])


class Inside:
    """Mixed into Broker. All of it may be used before the broker starts, and from any thread."""

    _desk: Desk
    id: str

    @overload
    def on(self, event: str, handler: _H, *, include_sys: bool = False) -> _H: ...
    @overload
    def on(self, event: str, *, include_sys: bool = False) -> Callable[[_H], _H]: ...
    def on(self, event: str, handler: Handler | None = None, *, include_sys: bool = False) -> Any:
        """Has `handler`, a function or a coroutine function, called for each such event; without one, a decorator.

        The same handler of the same event counts once. Events that nobody listens for are not produced. `include_sys`:
        "published" tells of the broker's own $SYS messages too. Raises UsageError for an event that there is not.
        """
        if handler is None:
            return lambda function: self.on(event, function, include_sys=include_sys)
        self._desk.on(event, handler, once=False, include_sys=include_sys)
        return handler

    def once(self, event: str, handler: Handler) -> None:
        """Likewise, for the next one only."""
        self._desk.on(event, handler, once=True, include_sys=False)

    def off(self, event: str, handler: Handler) -> None:
        """Nothing happens when it is not there."""
        self._desk.off(event, handler)

    @overload
    def hook(self, name: str, function: _H) -> _H: ...
    @overload
    def hook(self, name: str) -> Callable[[_H], _H]: ...
    def hook(self, name: str, function: Any = None) -> Any:
        """Lets a function, or a coroutine function, decide; without one, a decorator. One for each name.

        The packet it decides about waits, and so do those that the same client sends after it; other clients go on. A
        hook that raises refuses, and so does one that takes longer than `hook_timeout`; both are told as "error".
        """
        if function is None:
            return lambda given: self.hook(name, given)
        self._desk.hooks.set(name, function)
        return function

    def unhook(self, name: str) -> None:
        """Clients decide for themselves again."""
        self._desk.hooks.set(name, None)

    def publish(
        self,
        topic: str,
        payload: Payload = b"",
        qos: int = 0,
        retain: bool = False,
        properties: Mapping[str, Any] | None = None,
    ) -> Publication:
        """A message of the broker itself, past hooks and access rules; below $SYS as well.

        Await what it gives, or call its result(), to know that the message was routed. Waits only while 10,000 of them
        are under way.
        """
        return self._desk.publish(topic, payload, qos, retain, properties)

    @overload
    def subscribe(self, topic: str, handler: _H) -> _H: ...
    @overload
    def subscribe(self, topic: str) -> Callable[[_H], _H]: ...
    def subscribe(self, topic: str, handler: Any = None) -> Any:
        """Has `handler(message)` called for each message on topics that the filter matches; without one, a decorator.

        Messages from now on: retained ones are not repeated.
        """
        if handler is None:
            return lambda function: self.subscribe(topic, function)
        self._desk.subscribe(topic, handler)
        return handler

    def unsubscribe(self, topic: str, handler: Handler | None = None) -> bool:
        """Ends own subscriptions: that of `handler`, or all with this filter. Whether there were any."""
        return self._desk.unsubscribe(topic, handler)

    def attach(self, stream: int | socket.socket) -> None:
        """Serves a connected stream socket that no listener brought, or its descriptor: plain MQTT.

        From now on it is the broker's; a socket object is as after detach(). Its client's `listener` is "attached".
        Raises UsageError for what is no such stream, ClientClosed when the broker does not run.
        """
        self._desk.attach(stream)

    def pair(self) -> AttachedStream:
        """A stream of bytes to the broker without a network: this end of it, for tests of what goes over the wire."""
        ours, theirs = socket.socketpair()
        try:
            self._desk.attach(theirs)
        except ClientClosed:
            ours.close()
            theirs.close()
            raise
        return AttachedStream(ours)

    @property
    def memory_url(self) -> str:
        """The URL by which clients of this process come without a network, when the broker runs."""
        return self._desk.memory_url()

    @property
    def clients(self) -> dict[str, BrokerClient]:
        """Those connected now, by identifier."""
        return self._desk.clients()

    @property
    def connected_clients(self) -> int:
        """Their number."""
        return len(self._desk.clients())

    connectedClients = connected_clients
    """The same, by aedes's name."""

    @property
    def events_dropped(self) -> int:
        """Events that nobody fetched in time: see `event_queue` and `event_policy`."""
        return 0 if self._desk.is_lost else int(self._desk.core.events_dropped())


def read_desk_options(options: dict[str, Any]) -> dict[str, Any]:
    """Takes out of `options` what concerns the script's side. Raises UsageError."""
    queue = options.pop("event_queue", 65_536)
    policy = options.pop("event_policy", "drop_oldest")
    timeout = options.pop("hook_timeout", 5.0)
    questions = options.pop("hook_queue", 65_536)
    for name, count, what in (("event_queue", queue, "events"), ("hook_queue", questions, "messages")):
        if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= 10_000_000:
            raise UsageError(f"Broker: {name} should be from 1 to 10,000,000 {what}, found {count!r}")
    if policy not in ("drop_oldest", "drop_newest"):
        raise UsageError(f'Broker: event_policy should be "drop_oldest" or "drop_newest", found {policy!r}')
    if not isinstance(timeout, int | float) or isinstance(timeout, bool) or not 0.001 <= timeout <= 3600:
        raise UsageError(f"Broker: hook_timeout should be from 0.001 to 3600 seconds, found {timeout!r}")
    return {
        "event_queue": queue,
        "drops_oldest": policy == "drop_oldest",
        "hook_queue": questions,
        "hook_timeout_s": float(timeout),
    }
