"""The connection of a Client: where it leads, its states and events, how it begins and ends."""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Literal, Self, TypeVar, overload

from mqtt_sim.broker_url import without_password
from mqtt_sim.client.delivery import CLOSED, Delivery
from mqtt_sim.client.ending import Ended, reason_words
from mqtt_sim.client.handlers import Handler, Handlers
from mqtt_sim.client.host import Host, host_of
from mqtt_sim.client.inbox import Inbox
from mqtt_sim.client.listener import AwaitedListener
from mqtt_sim.client.message import Connack, Message, Packet
from mqtt_sim.client.properties import encode_properties
from mqtt_sim.client.requests import Requests
from mqtt_sim.client.settings import made_up_client_id, read_options, read_urls, to_core, to_targets
from mqtt_sim.errors import ClientClosed, ClientError, ConnectError, UsageError

State = Literal["idle", "connecting", "connected", "reconnecting", "closing", "closed"]
_HandlerType = TypeVar("_HandlerType", bound=Handler)

END_PATIENCE_S = 5.0
"""How long end() lets what was ordered be sent and acknowledged."""
_CLOSE_PATIENCE_S = 8.0  # the engine gives a stream 5 s to close, and drops it then
_TRANSITIONS_KEPT = 100

log = logging.getLogger("mqtt_sim.client")


class Connection:
    """What a Client is before it says or hears anything."""

    def __init__(
        self,
        url: str = "mqtt://localhost:1883",
        *,
        on_ws_url: Callable[[str], str | Awaitable[str]] | None = None,
        **options: Any,
    ) -> None:
        self.options = read_options(options)
        self._urls = read_urls(url, self.options)
        self._raw_url = url
        self._on_ws_url = on_ws_url
        self.url = without_password(url)
        """Without its password."""
        self.transitions: deque[tuple[float, str, str]] = deque(maxlen=_TRANSITIONS_KEPT)
        """(seconds of time.monotonic(), old state, new state) of the last 100 changes."""
        self.dropped = 0
        """Received messages that the queue had no room for; queue_policy drop_oldest and drop_newest."""
        self.connack: Connack | None = None
        """Of the last connection."""
        self._client_id = made_up_client_id() if self.options.client_id is None else self.options.client_id
        self._state: State = "idle"
        self._loop: asyncio.AbstractEventLoop | None = None
        self._host: Host | None = None
        self._number = 0
        self._handlers = Handlers(self)
        self._inbox = Inbox(self.options.queue_policy, self.options.queue_limit, self._report_read)
        self._listeners: dict[Handler, AwaitedListener] = {}
        self._deliveries: dict[int, Delivery] = {}
        self._outgoing_bytes = 0
        self._answers: dict[int, Callable[[bool, bytes, dict[str, Any] | None], None]] = {}
        self._cookie = 0
        self._openings: list[asyncio.Future[Connack]] = []
        self._endings: list[asyncio.Future[None]] = []
        self._is_offline = False
        self._is_ending = False
        self._last_end: Ended | None = None
        self._requests = Requests()

    # ---- state

    @property
    def state(self) -> State:
        """idle, connecting, connected, reconnecting, closing or closed."""
        return self._state

    @property
    def is_connected(self) -> bool:
        """A CONNACK with success has come, and the connection holds."""
        return self._state == "connected"

    @property
    def client_id(self) -> str:
        """Ours, or the one that the broker assigned."""
        return self._client_id

    @property
    def in_flight(self) -> int:
        """Publishes that have not completed."""
        return len(self._deliveries)

    @property
    def unclaimed(self) -> int:
        """Received messages that neither a stream nor a handler wanted."""
        return self._inbox.unclaimed

    def __repr__(self) -> str:
        return f"<Client {self._client_id!r} at {self.url}: {self._state}>"

    # ---- events

    @overload
    def on(self, event: str, handler: None = None, *, once: bool = False) -> Callable[[_HandlerType], _HandlerType]: ...
    @overload
    def on(self, event: str, handler: _HandlerType, *, once: bool = False) -> _HandlerType: ...
    def on(self, event: str, handler: Any = None, *, once: bool = False) -> Any:
        """Has `handler` called for each `event`; also as a decorator: `@client.on("connect")`.

        Events and arguments: handlers.EVENTS. The same function counts once for an event, however often it is given. A
        coroutine function runs as a task; for "message" one after the other, and what it returns is the reason code of
        the acknowledgement where manual_acknowledge is set. A handler that raises is reported to the loop's exception
        handler and to "error", and the others are called all the same.
        """
        if handler is None:
            return lambda function: self.on(event, function, once=once)
        if event == "message" and asyncio.iscoroutinefunction(handler):
            if handler not in self._listeners:
                acknowledge = self._acknowledge if self.options.manual_acknowledge else None
                listener = self._listeners[handler] = AwaitedListener(acknowledge, handler, self._handlers)
                if self._host is not None:
                    listener.start(self._own_loop(), self._inbox)
            return handler
        self._handlers.add(event, handler, once=once)
        if event == "message":
            for message in self._inbox.listen():
                self._handlers.call("message", message.topic, message.payload, message)
        if event in ("packetsend", "packetreceive"):
            self._trace()
        return handler

    def once(self, event: str, handler: _HandlerType) -> _HandlerType:
        """on() for the next time only."""
        return self.on(event, handler, once=True)

    def off(self, event: str, handler: Handler) -> None:
        """Takes a handler away; nothing happens when it is not there."""
        listener = self._listeners.pop(handler, None) if event == "message" else None
        if listener is not None:
            listener.close()
            return
        self._handlers.remove(event, handler)
        if event == "message":
            self._inbox.has_listeners = self._handlers.has("message")

    # ---- the connection

    def start(self) -> Self:
        """Begins to connect, and keeps trying; what happens is told by events. Nothing happens when it has begun.

        Raises ClientClosed in a loop that is closed, UsageError where no loop runs or TLS options cannot work.
        """
        if self._host is None:
            self._is_ending = False
        host = self._attach()
        if self._state not in ("connecting", "connected"):
            self._sign_then(lambda: host.core.connect(self._number))
        return self

    async def connect(self, *, timeout: float | None = None, retry: bool = False) -> Connack:
        """Connects, and waits for CONNACK.

        `timeout`: seconds, beside connect_timeout. `retry`: a first attempt that fails is no failure. Raises
        ConnectError with its reason; the client has ended then.
        """
        if self._state == "connected" and self.connack is not None and not self._is_ending:
            return self.connack
        if self._state == "closing":
            await self._closed()
        self.start()
        opening: asyncio.Future[Connack] = self._own_loop().create_future()
        self._openings.append(opening)
        undo = None if retry else self.once("close", lambda: self._fail_openings())
        try:
            async with asyncio.timeout(timeout):
                return await opening
        except BaseException as error:
            await self.end(force=True)
            if isinstance(error, TimeoutError) and not isinstance(error, ClientError):
                raise ConnectError(f"{self.url}: no connection within {timeout:g} s", kind="timeout") from None
            raise
        finally:
            if undo is not None:
                self.off("close", undo)
            if opening in self._openings:
                self._openings.remove(opening)

    async def reconnect(self) -> Connack:
        """Connects again after the end, or makes the waiting attempt at once. As connect()."""
        if self._state == "reconnecting" and self._host is not None:
            self._host.core.connect(self._number)
        return await self.connect()

    async def end(
        self,
        force: bool = False,
        *,
        timeout: float = END_PATIENCE_S,
        reason: int = 0,
        properties: Mapping[str, Any] | None = None,
    ) -> None:
        """Ends the client. Never fails, and takes at most `timeout` + 8 seconds.

        What was published is sent and acknowledged first, for at most `timeout` seconds; then DISCONNECT with `reason`
        (0x04: the broker sends the will all the same) and `properties`. `force`: the stream is dropped as it is, and
        the broker sends the will. Deliveries that are still open then raise ClientClosed or DeliveryError.
        """
        if self._host is None or self._is_elsewhere():
            self._handlers.cancel()
            return
        encoded = encode_properties(properties, "disconnect")
        if not self._endings:
            self._is_ending = True
            if force:
                self._host.core.kill(self._number)
            else:
                self._host.core.end(self._number, float(timeout), reason, encoded)
        ending: asyncio.Future[None] = self._own_loop().create_future()
        self._endings.append(ending)
        try:
            async with asyncio.timeout(timeout + _CLOSE_PATIENCE_S):
                await ending
        except TimeoutError:
            self._leave()

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.end()

    # ---- what the engine tells

    def take(self, dropped: int, records: list[tuple[Any, ...]]) -> None:
        """From the host: what happened, in order."""
        if dropped:
            self.dropped += dropped
        for kind, *fields in records:
            _TAKERS[kind](self, *fields)

    def _take_messages(self, messages: list[Message]) -> None:
        messages = self._requests.take(messages) if self._requests.is_waiting else messages
        self._inbox.put(messages)
        if self._handlers.has("message"):
            for message in messages:
                self._handlers.call("message", message.topic, message.payload, message)
        self._inbox.report_read()

    def _take_settled(self, settled: list[tuple[int, int, int, str, dict[str, Any] | None]]) -> None:
        for cookie, how, reason, text, properties in settled:
            delivery = self._deliveries.pop(cookie, None)
            if delivery is None:
                continue
            self._outgoing_bytes -= delivery.size
            call = delivery.settle(how, reason, text or reason_words(reason, properties), properties)
            if call is not None:
                self._handlers.guard(call, (), "publish")

    def _take_state(self, old: State, new: State) -> None:
        before, self._state = self._state, new
        self.transitions.append((time.monotonic(), before, new))
        if new == "connecting" and old in ("reconnecting", "closed"):
            self._handlers.call("reconnect")
        self._handlers.call("state", before, new)

    def _take_connected(self, session_present: bool, client_id: str, properties: dict[str, Any] | None) -> None:
        self._is_offline = False
        self._client_id = client_id
        self.connack = Connack(session_present, 0, client_id, properties or {})
        for opening in self._openings:
            if not opening.done():
                opening.set_result(self.connack)
        self._openings.clear()
        self._handlers.call("connect", self.connack)

    def _take_refused(self, reason: int, code: int, properties: dict[str, Any] | None) -> None:
        pass  # the end that follows says the same

    def _take_ended(self, *fields: Any) -> None:
        ended = Ended(*fields)
        self._last_end = ended
        if ended.is_error:
            self._tell_error(ended.error(self.url))
        if ended.by_server and ended.was_connected:
            self._handlers.call("disconnect", ended.reason, ended.properties or {})
        if not ended.by_us and not self._is_offline:
            self._is_offline = True
            self._handlers.call("offline")
        if ended.is_final:
            self._state = "closed" if self._state != "idle" else "idle"
        self._handlers.call("close")
        if ended.is_final:
            self._finish(ended)
        else:
            self._sign_then(None)

    def _tell_error(self, error: ClientError) -> None:
        if not self._handlers.has("error") and not self._openings:
            log.warning("%s", error)
        self._handlers.call("error", error)

    def _finish(self, ended: Ended) -> None:
        """The connection is over and no attempt follows."""
        self._fail_openings()
        for answer in list(self._answers.values()):
            answer(True, b"", None)
        self._answers.clear()
        if not self._is_ending:
            self._inbox.end(None if ended.by_us else ended.error(self.url))
            return
        self._handlers.call("end")
        self._leave()

    def _take_answered(self, cookie: int, is_closed: bool, codes: bytes, properties: dict[str, Any] | None) -> None:
        answer = self._answers.pop(cookie, None)
        if answer is not None:
            answer(is_closed, codes, properties)

    def _take_auth(self, reason: int, data: bytes) -> None:
        self._handlers.call("auth", reason, data)

    def _take_trace(
        self, is_sent: bool, name: str, flags: int, size: int, packet_id: int, topic: str, reason: int
    ) -> None:
        packet = Packet(name, flags, size, packet_id, topic, None if reason < 0 else reason)
        self._handlers.call("packetsend" if is_sent else "packetreceive", packet)

    # ---- inside

    def _attach(self) -> Host:
        """The host; the client is known to it afterwards. Raises ClientClosed or UsageError where that cannot be."""
        if self._host is not None:
            self._check_place()
            return self._host
        if self._is_ending:
            raise ClientClosed(f"{self!r} has ended")
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise UsageError(
                "a Client needs a running event loop; mqtt_sim.connect() gives one that does not"
            ) from None
        host = host_of(loop)
        options = to_core(self.options, self._urls[0], encode_properties)
        options["client_id"] = self._client_id
        self._number = host.add(self, options, to_targets(self._urls, self.options))
        self._host, self._loop = host, loop
        self._handlers.loop = loop
        for listener in self._listeners.values():
            listener.start(loop, self._inbox)
        self._trace()
        return host

    def _check_place(self) -> None:
        if self._host is not None and self._host.is_lost:
            raise ClientClosed("the client belongs to the parent process; make a new one after a fork")
        if self._loop is not None and self._loop.is_closed():
            raise ClientClosed("the event loop of the client is closed")
        if self._is_ending:
            raise ClientClosed(f"{self!r} has ended")
        if asyncio._get_running_loop() is not self._loop:
            raise UsageError("a Client is used from its own event loop; elsewhere use loop.call_soon_threadsafe()")

    def _is_elsewhere(self) -> bool:
        """Whether nothing can be asked of the engine any more."""
        return self._host is None or self._host.is_lost or self._loop is None or self._loop.is_closed()

    def _is_over(self) -> bool:
        return self._is_ending and self._host is None

    def _own_loop(self) -> asyncio.AbstractEventLoop:
        assert self._loop is not None
        return self._loop

    def _need_5(self, what: str) -> None:
        if self.options.protocol_version != "5.0":
            raise UsageError(f'{what} need protocol_version="5.0", this client speaks {self.options.protocol_version}')

    def _closed_error(self) -> ClientClosed:
        return ClientClosed(f"{self!r} ended before the broker answered")

    async def _closed(self) -> None:
        changed: asyncio.Future[None] = self._own_loop().create_future()
        self.once("close", lambda: None if changed.done() else changed.set_result(None))
        await asyncio.wait_for(changed, _CLOSE_PATIENCE_S)

    def _fail_openings(self) -> None:
        error = self._closed_error() if self._last_end is None else self._last_end.error(self.url)
        for opening in self._openings:
            if not opening.done():
                opening.set_exception(error)
        self._openings.clear()

    def _leave(self) -> None:
        """The end: nothing more is heard from the engine."""
        host, self._host = self._host, None
        if host is not None:
            host.remove(self._number)
        for delivery in list(self._deliveries.values()):
            delivery.settle(CLOSED, 0, "", None)
        self._deliveries.clear()
        self._outgoing_bytes = 0
        self._inbox.restart()
        for ending in self._endings:
            if not ending.done():
                ending.set_result(None)
        self._endings.clear()

    def _acknowledge(self, message: Message, reason: int) -> None:
        if self._host is not None and not self._is_elsewhere():
            self._host.core.acknowledge(self._number, message.token, reason)

    def _report_read(self, messages: int, size: int) -> None:
        if self._host is not None and not self._is_elsewhere():
            self._host.core.note_read(self._number, messages, size)

    def _trace(self) -> None:
        is_on = self._handlers.has("packetsend") or self._handlers.has("packetreceive")
        if is_on and self._host is not None:
            self._host.core.trace_packets(self._number, True)

    def _sign_then(self, go_on: Callable[[], object] | None) -> None:
        """Has on_ws_url give the URL of the next attempt."""
        if self._on_ws_url is not None:
            self._handlers.guard(self._sign, (go_on,), "on_ws_url")
        elif go_on is not None:
            go_on()

    def _sign(self, go_on: Callable[[], object] | None) -> Awaitable[None] | None:
        assert self._on_ws_url is not None
        answer = self._on_ws_url(self._raw_url)
        if inspect.isawaitable(answer):
            return self._lead_later(answer, go_on)
        self._lead_to(str(answer), go_on)
        return None

    async def _lead_later(self, url: Awaitable[str], go_on: Callable[[], object] | None) -> None:
        self._lead_to(await url, go_on)

    def _lead_to(self, url: str, go_on: Callable[[], object] | None) -> None:
        if self._host is not None and not self._is_elsewhere():
            self._host.core.lead_to(self._number, to_targets(read_urls(url, self.options), self.options))
        if go_on is not None:
            go_on()


# In the order of RecordKind in bind_client.cpp.
_TAKERS: tuple[Callable[..., None], ...] = (
    Connection._take_messages,
    Connection._take_settled,
    Connection._take_state,
    Connection._take_connected,
    Connection._take_refused,
    Connection._take_ended,
    Connection._take_answered,
    Connection._take_auth,
    Connection._take_trace,
)
