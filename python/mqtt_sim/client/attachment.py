"""How a client hangs on the engine: what it has ordered, what it is told and in which order, how it comes and goes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Literal, cast

from mqtt_sim.broker_url import without_password
from mqtt_sim.client.delivery import CLOSED, LEFT, UNKEPT, Delivery
from mqtt_sim.client.ending import Ended, reason_words
from mqtt_sim.client.handlers import Handler, Handlers
from mqtt_sim.client.host import Host, host_of
from mqtt_sim.client.inbox import Inbox
from mqtt_sim.client.kept_session import KeptSession, check_options, store_of
from mqtt_sim.client.listener import AwaitedListener
from mqtt_sim.client.message import Connack, Message, Packet
from mqtt_sim.client.payload import not_a_topic
from mqtt_sim.client.properties import encode_properties
from mqtt_sim.client.requests import Requests
from mqtt_sim.client.settings import made_up_client_id, read_options, read_urls, to_core, to_targets
from mqtt_sim.client.store import SessionStore, StoredPublish
from mqtt_sim.client.ws_url import WsUrl
from mqtt_sim.debug import TracedHost, areas
from mqtt_sim.engine import load_core
from mqtt_sim.errors import ClientClosed, ClientError, UsageError

State = Literal["idle", "connecting", "connected", "reconnecting", "closing", "closed"]

_TRANSITIONS_KEPT = 100

log = logging.getLogger("mqtt_sim.client")


class Attachment:
    """What a Client is below its commands."""

    def __init__(
        self,
        url: str = "mqtt://localhost:1883",
        *,
        store: str | os.PathLike[str] | SessionStore | None = None,
        on_ws_url: Callable[[str], str | Awaitable[str]] | None = None,
        **options: Any,
    ) -> None:
        if store is not None and not {"clean", "clean_start"} & options.keys():
            options["clean_start"] = False
        self.options = read_options(options)
        self._store = None if store is None else store_of(store)
        if self._store is not None:
            check_options(self.options)
        self._session: KeptSession | None = None
        self.restored: list[Delivery] = []
        """Publishes that an earlier client has left in the store, since the beginning of this one."""
        self.last_message_id: int | None = None
        """Packet identifier of the latest publish above QoS 0; with a store, else the engine gives them out."""
        self._urls = read_urls(url, self.options)
        self._ws_url = WsUrl(self, url, on_ws_url)
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

    # ---- what the engine tells

    def take(self, dropped: int, records: list[tuple[Any, ...]]) -> None:
        """From the host: what happened, in order."""
        if dropped:
            self.dropped += dropped
        for kind, *fields in records:
            _TAKERS[kind](self, *fields)

    def _take_messages(self, messages: list[Message]) -> None:
        if self._session is not None and not self.options.manual_acknowledge:
            for message in messages:
                if message.token:
                    self._session.acknowledge(message, 0)
        messages = self._requests.take(messages) if self._requests.is_waiting else messages
        self._inbox.put(messages)
        if self._handlers.has("message"):
            for message in messages:
                self._handlers.call("message", message.topic, message.payload, message)
        self._inbox.report_read()

    def _take_settled(self, settled: list[tuple[int, int, int, str, dict[str, Any] | None]]) -> None:
        for cookie, how, reason, text, properties in settled:
            if self._session is not None and how not in (CLOSED, LEFT):
                self._session.note_over(cookie)
            delivery = self._deliveries.pop(cookie, None)
            if delivery is None:
                continue
            self._outgoing_bytes -= delivery.size
            if reason:
                text = text or reason_words(reason, properties)
            call = delivery.settle(how, reason, text, properties)
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
        if self._session is not None:
            self._session.note_connected(session_present)
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
            self._ws_url.then(None)

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
            if self._session is not None:
                self._detach()
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

    def _take_sent(self, cookie: int) -> None:
        if self._session is not None:
            self._session.note_sent(cookie)

    def _take_advanced(self, is_received: bool, packet_id: int) -> None:
        if self._session is not None:
            self._session.advance(is_received, packet_id)

    # ---- inside

    def _attach(self) -> Host:
        """The host; the client is known to it afterwards. Raises ClientClosed or UsageError where that cannot be."""
        if self._host is not None:
            if self._is_ending or asyncio._get_running_loop() is not self._loop:
                self._check_place()
            return self._host
        if self._is_ending:
            raise ClientClosed(f"{self!r} has ended")
        return self._enter_host()

    def _enter_host(self) -> Host:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise UsageError(
                "a Client needs a running event loop; mqtt_sim.connect() gives one that does not"
            ) from None
        session = None if self._store is None else KeptSession(self._store, self._client_id, loop, self._tell_error)
        try:
            options = to_core(
                self.options, self._urls[0], encode_properties, client_id=self._client_id, keeps_session=bool(session)
            )
            if session is not None and session.is_known:
                options["adopt_session"] = True
            host = _traced(host_of(loop))
            self._number = host.add(self, options, to_targets(self._urls, self.options))
        except BaseException:
            if session is not None:
                session.close()
            raise
        self._host, self._loop = host, loop
        self._handlers.loop = loop
        if session is not None:
            self._restore(session, host)
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

    def attend(self, qos: int) -> asyncio.AbstractEventLoop:
        """For Delivery: somebody waits for a message to be through."""
        return self._own_loop()

    def _own_loop(self) -> asyncio.AbstractEventLoop:
        assert self._loop is not None
        return self._loop

    def _need_5(self, what: str) -> None:
        if self.options.protocol_version != "5.0":
            raise UsageError(f'{what} need protocol_version="5.0", this client speaks {self.options.protocol_version}')

    def _closed_error(self) -> ClientClosed:
        return ClientClosed(f"{self!r} ended before the broker answered")

    def _fail_openings(self) -> None:
        error = self._closed_error() if self._last_end is None else self._last_end.error(self.url)
        for opening in self._openings:
            if not opening.done():
                opening.set_exception(error)
        self._openings.clear()

    def _detach(self) -> None:
        """Nothing more is heard from the engine; another beginning makes a new client of it."""
        host, self._host = self._host, None
        if host is not None:
            host.remove(self._number)
        session, self._session = self._session, None
        if session is not None:
            session.close()
        for delivery in list(self._deliveries.values()):
            delivery.settle(CLOSED, 0, "", None)
        self._deliveries.clear()
        self._outgoing_bytes = 0

    def _leave(self) -> None:
        """The end."""
        self._detach()
        self._inbox.restart()
        for ending in self._endings:
            if not ending.done():
                ending.set_result(None)
        self._endings.clear()

    # ---- the session in a store

    def _restore(self, session: KeptSession, host: Host) -> None:
        publishes = session.publishes
        cookies = [self._cookie + 1 + index for index in range(len(publishes))]
        self._cookie += len(publishes)
        self._session = session
        self.restored = []
        for cookie, one in zip(cookies, publishes, strict=True):
            size = len(one.topic) + len(one.payload)
            delivery = Delivery(one.topic, one.qos, size, self, one.packet_id)
            delivery.on_complete(_report_lost)
            self._deliveries[cookie] = delivery
            self._outgoing_bytes += size
            self.restored.append(delivery)
        session.begin(host.core, self._number, cookies)

    def _publish_kept(
        self, session: KeptSession, cookie: int, delivery: Delivery, payload: bytes, retain: bool, properties: bytes
    ) -> None:
        host, topic, qos = self._attach(), delivery.topic, delivery.qos
        if not load_core().is_topic_name(topic):
            raise not_a_topic(topic)
        if qos == 0:
            session.in_order(lambda: host.core.publish(self._number, cookie, topic, payload, qos, retain, properties))
            return
        delivery.packet_id = self.last_message_id = session.ids.allocate()
        session.publish(
            cookie,
            StoredPublish(delivery.packet_id, topic, payload, qos, retain, properties),
            lambda error: self._take_settled([(cookie, UNKEPT, 0, str(error), None)]),
        )

    async def _wait_for_store(self, timeout: float) -> None:
        if self._session is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._session.flush(), timeout)

    def _acknowledge(self, message: Message, reason: int) -> None:
        if self._host is not None and not self._is_elsewhere():
            if self._session is not None:
                self._session.acknowledge(message, reason)
            else:
                self._host.core.acknowledge(self._number, message.token, reason)

    def _report_read(self, messages: int, size: int) -> None:
        if self._host is not None and not self._is_elsewhere():
            self._host.core.note_read(self._number, messages, size)

    def _trace(self) -> None:
        is_on = self._handlers.has("packetsend") or self._handlers.has("packetreceive")
        if is_on and self._host is not None:
            self._host.core.trace_packets(self._number, True)

    def lead_to(self, url: str) -> None:
        """From WsUrl: where the next attempt leads."""
        if self._host is not None and not self._is_elsewhere():
            self._host.core.lead_to(self._number, to_targets(read_urls(url, self.options), self.options))


def _traced(host: Host) -> Host:
    named = areas()
    return cast(Host, TracedHost(host, named)) if named & {"client", "packet"} else host


def _report_lost(restored: Delivery) -> None:
    if restored.error is not None and not isinstance(restored.error, ClientClosed):
        log.warning("left by an earlier client: %s", restored.error)


# In the order of RecordKind in bind_client.cpp.
_TAKERS: tuple[Callable[..., None], ...] = (
    Attachment._take_messages,
    Attachment._take_settled,
    Attachment._take_state,
    Attachment._take_connected,
    Attachment._take_refused,
    Attachment._take_ended,
    Attachment._take_answered,
    Attachment._take_auth,
    Attachment._take_trace,
    Attachment._take_sent,
    Attachment._take_advanced,
)
