"""Where a broker's script side lives: fetches what happened in batches and calls handlers, hooks and waiters.

That is done by the event loop of `async with Broker()`; else by a loop on a thread of its own, started when it is first
needed. The broker's own thread waits for neither.
"""

from __future__ import annotations

import asyncio
import atexit
import itertools
import os
import secrets
import socket
import threading
import time
import warnings
import weakref
from collections.abc import Callable, Mapping
from typing import Any

from mqtt_sim.broker_url import MEMORY_SCHEME
from mqtt_sim.client.loop_thread import run_until_stopped
from mqtt_sim.client.message import Message, Packet
from mqtt_sim.client.payload import Payload, check_size, payload_bytes
from mqtt_sim.client.properties import encode_properties
from mqtt_sim.client.subscription import check_filter, check_qos
from mqtt_sim.engine import load_core
from mqtt_sim.errors import ClientClosed, PeerError, UsageError
from mqtt_sim.inside import events
from mqtt_sim.inside.client import BrokerClient
from mqtt_sim.inside.events import BrokerHandlers, Handler
from mqtt_sim.inside.hooks import Hooks
from mqtt_sim.inside.message import ConnackSent, PublishedMessage, SubscribedTopic
from mqtt_sim.inside.publication import Publication
from mqtt_sim.inside.stream import connected_descriptor

PATIENCE_S = 2.0
"""How long the end of a broker waits for handlers that still run."""

_PINGREQ = Packet("PINGREQ", 0, 0, 0, "", None)


class Desk:
    """The script's side of one broker."""

    def __init__(self, core: Any, owner: object, hook_timeout: float) -> None:
        self.core = core
        self.handlers = BrokerHandlers(owner)
        self.hooks = Hooks(self, hook_timeout)
        self.is_lost = False
        """After a fork, in the child."""
        self._include_sys = False
        self._memory_name: str | None = None
        self._subscriptions: dict[int, tuple[str, Handler]] = {}
        self._numbers = itertools.count(1)
        self._waiters: dict[int, list[Callable[[], object]]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._is_running = False
        self._has_ended = False

    # What users do

    def on(self, event: str, handler: Handler, *, once: bool, include_sys: bool) -> None:
        """See Broker.on."""
        name = events.event_name(event)
        self.handlers.add(name, handler, once=once)
        self._include_sys = self._include_sys or (include_sys and name == "published")
        self._listen()

    def off(self, event: str, handler: Handler) -> None:
        """See Broker.off."""
        self.handlers.remove(events.event_name(event), handler)
        if not self._has_ended:
            self._listen()

    def subscribe(self, topic: str, handler: Handler) -> int:
        """See Broker.subscribe."""
        if not callable(handler):
            raise UsageError(f"subscribe({topic!r}): a handler should be a function, found {type(handler).__name__}")
        check_filter(topic)
        number = next(self._numbers)
        self._subscriptions[number] = (topic, handler)
        try:
            self.checked_core().subscribe(number, topic)
        except (ValueError, TypeError) as error:
            del self._subscriptions[number]
            raise UsageError(f"subscribe({topic!r}): {error}") from None
        self.need()
        return number

    def unsubscribe(self, topic: str, handler: Handler | None) -> bool:
        """See Broker.unsubscribe."""
        numbers = [
            number
            for number, (filter_, known) in self._subscriptions.items()
            if filter_ == topic and handler in (None, known)
        ]
        for number in numbers:
            del self._subscriptions[number]
            self.checked_core().unsubscribe(number)
        return bool(numbers)

    def publish(
        self,
        topic: str,
        payload: Payload,
        qos: int,
        retain: bool,
        properties: Mapping[str, Any] | None,
        to: BrokerClient | None = None,
    ) -> Publication:
        """See Broker.publish."""
        check_size(topic, payload)
        check_qos(qos)
        encoded = encode_properties(properties, "publish")
        name, number = (to.id, to.number) if to else ("", 0)
        try:
            core = self.checked_core()
            ticket = core.publish(topic, payload_bytes(payload), qos, bool(retain), encoded, name, number)
        except ValueError:
            raise UsageError(f"{topic!r} is no topic name") from None
        if ticket is None:
            raise ClientClosed("the broker has ended")
        return Publication(self, ticket, topic)

    def attach(self, stream: int | socket.socket) -> None:
        """See Broker.attach."""
        descriptor = connected_descriptor(stream)
        if not self._is_running or not self.checked_core().attach(descriptor):
            raise ClientClosed("attach: the broker does not run")
        if isinstance(stream, socket.socket):
            stream.detach()

    def memory_url(self) -> str:
        """See Broker.memory_url."""
        if self._memory_name is None:
            name = secrets.token_hex(8)
            if not self._is_running or not self.checked_core().offer_streams(name):
                raise ClientClosed("memory_url: the broker does not run")
            self._memory_name = name
        return f"{MEMORY_SCHEME}://{self._memory_name}"

    def clients(self) -> dict[str, BrokerClient]:
        """Those connected now."""
        found = [BrokerClient(self, facts) for facts in self.checked_core().clients()]
        return {client.id: client for client in found}

    def checked_core(self) -> Any:
        """The engine's broker. Raises ClientClosed where there is none any more."""
        if self.is_lost:
            raise ClientClosed("the broker runs in the process that this one was forked from")
        if self._has_ended:
            raise ClientClosed("the broker has ended")
        return self.core

    def reason_name(self, reason: int) -> str:
        """In the standard's words."""
        return str(load_core().reason_name(reason))

    def when_settled(self, ticket: Any, told: Callable[[], object]) -> None:
        """Has `told` called once."""
        number = ticket.number
        with self._lock:
            self._waiters.setdefault(number, []).append(told)
        self.need()
        if ticket.watch() or self._has_ended:
            self._settled(number)

    # Its life

    def start(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """The broker listens. `loop`: the one of the user, if there is one."""
        self._is_running = True
        _running.add(self)
        if loop is not None:
            self._loop = self.handlers.loop = loop
            loop.add_reader(self.core.descriptor(), self._drain)
        elif self._is_needed():
            self.need()
        self.tell("ready")

    def need(self) -> None:
        """Something may have to be told: from now on somebody looks."""
        if self._loop is not None or not self._is_running or self.is_lost:
            return
        with self._lock:
            if self._loop is not None:
                return
            loop = asyncio.new_event_loop()
            self._loop = self.handlers.loop = loop
            self._thread = threading.Thread(target=self._serve, args=(loop,), name="mqtt-sim broker", daemon=True)
            self._thread.start()

    def tell(self, event: str, *arguments: Any) -> None:
        """Calls handlers where handlers are called."""
        if not self.handlers.has(event):
            return
        loop = self._loop
        if loop is None or loop.is_closed():
            self._with_a_loop(lambda: self.handlers.call(event, *arguments))
        else:
            loop.call_soon_threadsafe(self.handlers.call, event, *arguments)

    def end(self) -> None:
        """The engine's broker has ended: what happened until then is told, and that is all. From any thread."""
        if not self._is_running:
            self._has_ended = True
            return
        self._is_running = False
        _running.discard(self)
        with self._lock:  # a thread that is being started has started
            loop, thread = self._loop, self._thread
        if loop is None or loop.is_closed():
            self._with_a_loop(self._finish)
        elif thread is None:
            self._end_on(loop)
        elif thread is threading.current_thread():
            loop.call_soon(self._finish_thread, loop)
        else:
            loop.call_soon_threadsafe(self._finish_thread, loop)
            thread.join(PATIENCE_S)
            if thread.is_alive():
                warnings.warn("a handler of the broker still runs after its end", RuntimeWarning, stacklevel=4)
                self._has_ended = True

    def _with_a_loop(self, work: Callable[[], object]) -> None:
        """For handlers that are coroutines, where no loop is there for them."""
        self.handlers.loop = None
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            pass
        else:
            work()
            return

        async def alone() -> None:
            work()
            try:
                await asyncio.wait_for(self.handlers.finish(), PATIENCE_S)
            except TimeoutError:
                self.handlers.cancel()

        asyncio.run(alone())

    def _end_on(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            is_here = asyncio.get_running_loop() is loop
        except RuntimeError:
            is_here = False
        if is_here or not loop.is_running():
            self._finish()
        else:
            loop.call_soon_threadsafe(self._finish)

    def _finish(self) -> None:
        """The last batches, then nothing more."""
        loop = self._loop
        if loop is not None and not loop.is_closed() and self._thread is None:
            loop.remove_reader(self.core.descriptor())
        until = time.monotonic() + PATIENCE_S
        while (loop is not None or self._is_needed()) and time.monotonic() < until and self._drain():
            pass
        self._has_ended = True
        self.handlers.call("closed")
        for number in list(self._waiters):
            self._settled(number)

    def _finish_thread(self, loop: asyncio.AbstractEventLoop) -> None:
        self._finish()
        tasks = asyncio.all_tasks(loop)
        if not tasks:
            loop.stop()
            return
        done = asyncio.ensure_future(asyncio.wait(tasks, timeout=PATIENCE_S / 2), loop=loop)
        done.add_done_callback(lambda _: loop.stop())

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        loop.add_reader(self.core.descriptor(), self._drain)
        try:
            run_until_stopped(loop)
            self.handlers.cancel()
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()

    def _is_needed(self) -> bool:
        return bool(not self.handlers.is_empty() or self._subscriptions or self.hooks.kinds())

    def _listen(self) -> None:
        self.checked_core().listen_for(self.handlers.kinds(self._include_sys))
        if self._is_needed():
            self.need()

    # What happened

    def _drain(self) -> bool:
        records = self.core.fetch(self._make_client, PublishedMessage)
        self.hooks.forward.begin()
        for record in records:
            self._take(record)
        self.hooks.forward.flush()
        return bool(records)

    def _make_client(self, facts: tuple[Any, ...]) -> BrokerClient:
        return BrokerClient(self, facts)

    def _take(self, record: tuple[Any, ...]) -> None:
        kind, client = record[0], record[1]
        call = self.handlers.call
        if kind in (events.PUBLISHED, events.SYS_PUBLISHED):
            self._take_message(client, *record[2:])
        elif kind == events.SETTLED:
            self._settled(record[2])
        elif kind == events.QUESTION:
            self.hooks.take(client, *record[2:])
        elif kind == events.ACKNOWLEDGED:
            call("ack", record[2], client)
        elif kind == events.SUBSCRIBED:
            topics = [SubscribedTopic(topic, qos) for topic, qos in record[2]]
            call("subscribe", topics, client)
            for topic in topics:
                call("subscribed", topic, client)
        elif kind == events.UNSUBSCRIBED:
            names = [topic for topic, _ in record[2]]
            call("unsubscribe", names, client)
            for name in names:
                call("unsubscribed", name, client)
        elif kind == events.CONNACK_SENT:
            call("connack_sent", ConnackSent(record[2], record[3]), client)
        elif kind in (events.DISCONNECTING, events.DISCONNECTED):
            if client is not None:
                client.reason = record[2]
            call("client_disconnecting" if kind == events.DISCONNECTING else "client_disconnected", client)
        elif kind == events.FAILED:
            reason, text, was_client = record[2:]
            error = PeerError(f"{client.id or client.address}: {text}", reason=reason)
            call("client_error" if was_client else "connection_error", client, error)
        elif kind == events.PING:
            call("ping", _PINGREQ, client)
        else:
            call({events.CLIENT: "client", events.CONNECTED: "client_connected"}.get(kind, "keepalive_timeout"), client)

    def _take_message(
        self, client: BrokerClient | None, message: Message, is_listened_for: bool, numbers: list[int]
    ) -> None:
        if is_listened_for:
            self.handlers.call("published", message, client)
        for number in numbers:
            if (found := self._subscriptions.get(number)) is not None:
                self.handlers.guard(found[1], (message,), "message")

    def _settled(self, number: int) -> None:
        with self._lock:
            waiting = self._waiters.pop(number, ())
        for told in waiting:
            self.handlers.guard(told, (), "on_complete")


_running: weakref.WeakSet[Desk] = weakref.WeakSet()
_abandoned: list[Desk] = []


def _forget_in_child() -> None:
    for desk in list(_running):
        desk.is_lost = True
        desk.core.abandon()
        _abandoned.append(desk)
    _running.clear()


def _stop_all() -> None:
    for desk in list(_running):
        desk.core.stop()
        desk.end()


os.register_at_fork(after_in_child=_forget_in_child)
atexit.register(_stop_all)
