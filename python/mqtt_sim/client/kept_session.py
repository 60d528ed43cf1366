"""A client's session in a store: each step is written before the other side is told of it.

    step                     waits until it is written
    publish() at QoS 1, 2    PUBLISH
    PUBREC comes             PUBREL
    QoS 2 message comes      PUBREC
    PUBREL comes             PUBCOMP

So whenever the process ends, the next one can go on where the broker believes it to be. [MQTT-4.1.0-1]
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from typing import Any

from mqtt_sim.client.file_store import FileStore
from mqtt_sim.client.message import Message
from mqtt_sim.client.settings import ClientOptions
from mqtt_sim.client.store import Change, SessionStore, StoredPublish, StoredSession
from mqtt_sim.client.store_writer import StoreWriter, Then
from mqtt_sim.errors import QueueFull, StoreError, UsageError

_LARGEST_ID = 64_511
"""Identifiers above are the engine's, for SUBSCRIBE and UNSUBSCRIBE."""
_STAGES = {"kept": 0, "sent": 1, "released": 2}


def store_of(given: object) -> SessionStore:
    """The store that a client was given, or the file whose name it was given. Raises UsageError."""
    if isinstance(given, str | os.PathLike):
        return FileStore(given)
    if not isinstance(given, SessionStore):
        raise UsageError(f"store should be the name of a file or a SessionStore, found {given!r}")
    return given


def check_options(options: ClientOptions) -> None:
    """Raises UsageError for what leaves no session to be kept, or none that can be."""
    if options.clean_start:
        raise UsageError("store: keeps a session, which clean_start=True drops at each start; set clean_start=False")
    if options.protocol_version == "5.0" and options.session_expiry_interval == 0:
        raise UsageError("store: the broker drops the session with the connection; set session_expiry_interval")
    if options.queue_policy != "wait":
        raise UsageError('store: messages that are dropped unread would stay unacknowledged; use queue_policy="wait"')


class PacketIds:
    """Packet identifiers of publishes: each its own until it is given back. [MQTT-2.2.1-3]"""

    def __init__(self) -> None:
        self.last_allocated: int | None = None
        self._used: set[int] = set()

    def allocate(self) -> int:
        """The next that is free. Raises QueueFull."""
        if len(self._used) >= _LARGEST_ID:
            raise QueueFull(f"all {_LARGEST_ID:,} packet identifiers are in use; await some of the publishes first")
        candidate = (self.last_allocated or 0) % _LARGEST_ID + 1
        while candidate in self._used:
            candidate = candidate % _LARGEST_ID + 1
        self._used.add(candidate)
        self.last_allocated = candidate
        return candidate

    def register(self, packet_id: int) -> None:
        """One that an earlier process has given out. Raises StoreError for what cannot be one."""
        if not 1 <= packet_id <= _LARGEST_ID or packet_id in self._used:
            raise StoreError(f"the store keeps {packet_id!r} as a packet identifier of a publish; it cannot be one")
        self._used.add(packet_id)
        self.last_allocated = packet_id

    def release(self, packet_id: int) -> None:
        """It may be given out again."""
        self._used.discard(packet_id)


class KeptSession:
    """The session of one client from its first command to its end. Of the loop's thread."""

    def __init__(
        self,
        store: SessionStore,
        client_id: str,
        loop: asyncio.AbstractEventLoop,
        on_error: Callable[[StoreError], object],
    ) -> None:
        self.ids = PacketIds()
        self._core: Any = None
        self._number = 0
        self._by_cookie: dict[int, int] = {}
        self._stored = _opened(store, client_id)
        try:
            for packet_id in self._stored.publishes:
                self.ids.register(packet_id)
        except BaseException:
            store.close()
            raise
        self.is_known = self._stored.is_known
        """A broker has, or had, it."""
        self._writer = StoreWriter(store, loop, on_error)

    @property
    def publishes(self) -> Sequence[StoredPublish]:
        """Those that an earlier client has left, in the order of sending."""
        return tuple(self._stored.publishes.values())

    def begin(self, core: Any, number: int, cookies: Sequence[int]) -> None:
        """Hands what is stored to the engine; `cookies` for the publishes in their order."""
        self._core, self._number = core, number
        self._by_cookie = dict(zip(cookies, self._stored.publishes, strict=True))
        rows = [_row(cookie, one) for cookie, one in zip(cookies, self._stored.publishes.values(), strict=True)]
        core.restore(number, rows, sorted(self._stored.received))
        self._stored = StoredSession()

    # ---- sending

    def publish(self, cookie: int, publish: StoredPublish, failed: Callable[[StoreError], object]) -> None:
        """Sends it when it is kept."""
        self._by_cookie[cookie] = publish.packet_id

        def go(error: StoreError | None) -> None:
            if error is None:
                self._order("publish_kept", _row(cookie, publish))
                return
            self.ids.release(self._by_cookie.pop(cookie))
            failed(error)

        self._writer.add(Change("publish", publish.packet_id, publish), go, may_fail=True)

    def in_order(self, work: Callable[[], object]) -> None:
        """Does what keeps no state behind all that has been published."""
        if self._writer.is_idle:
            work()
        else:
            self._writer.add(None, lambda _: work())

    def note_sent(self, cookie: int) -> None:
        """From the engine: the publish goes out."""
        packet_id = self._by_cookie.get(cookie)
        if packet_id is not None:
            self._writer.add(Change("sent", packet_id))

    def note_over(self, cookie: int) -> None:
        """The exchange of the publish is over, whichever way; its identifier is free."""
        packet_id = self._by_cookie.pop(cookie, None)
        if packet_id is not None:
            self._writer.add(Change("done", packet_id))
            self.ids.release(packet_id)

    def remove(self, cookie: int, qos: int) -> None:
        """It is not sent again, not even by the next client; at QoS 2 that one ends the exchange."""
        packet_id = self._by_cookie.get(cookie)
        if packet_id is not None:
            change = Change("released" if qos == 2 else "done", packet_id)
            self._writer.add(change, lambda _: self._order("forget", cookie))

    def advance(self, is_received: bool, packet_id: int) -> None:
        """From the engine: PUBREC, or (`is_received`) PUBREL, has come."""
        self._writer.add(
            Change("completed" if is_received else "released", packet_id),
            self._unless_failed(lambda: self._order("continue_exchange", is_received, packet_id)),
        )

    # ---- receiving

    def acknowledge(self, message: Message, reason: int) -> None:
        """Acknowledges when it is kept that the message came."""

        def go() -> None:
            self._order("acknowledge", message.token, reason)

        if message.qos == 2 and reason < 0x80:
            self._writer.add(Change("received", message.packet_id), self._unless_failed(go))
        else:
            go()

    def note_connected(self, session_present: bool) -> None:
        """CONNACK with success."""
        if not session_present or not self.is_known:
            self.is_known = True
            self._writer.add(Change("session"))

    # ---- the end

    async def flush(self) -> None:
        """Until everything so far is kept, and sent as far as it waited for that."""
        await self._writer.flush()

    def close(self) -> None:
        """Keeps what it can, and frees the store for another client."""
        self._core = None
        self._writer.close()

    def _order(self, command: str, *arguments: Any) -> None:
        if self._core is not None:
            getattr(self._core, command)(self._number, *arguments)

    def _unless_failed(self, go: Callable[[], object]) -> Then:
        return lambda error: go() if error is None else None


def _opened(store: SessionStore, client_id: str) -> StoredSession:
    try:
        return store.open(client_id)
    except (StoreError, UsageError):
        raise
    except Exception as error:
        raise StoreError(f"{type(store).__name__}.open raised {type(error).__name__}: {error}") from error


def _row(cookie: int, one: StoredPublish) -> tuple[int, int, str, bytes, int, bool, bytes, int]:
    return cookie, one.packet_id, one.topic, one.payload, one.qos, one.retain, one.properties, _STAGES[one.stage]
