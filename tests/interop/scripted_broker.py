"""A small broker that keeps the rules unless told which to break, and counts for itself.

Each connection is served by an instance of `Session`; a test derives from it and overrides the one step where its
broker goes wrong. Runs on a thread of its own; what was seen is in the attributes of `ScriptedBroker`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
import time
from collections import Counter
from types import TracebackType

from raw_mqtt import (
    AUTH,
    CONNECT,
    DISCONNECT,
    PINGREQ,
    PINGRESP,
    PUBACK,
    PUBCOMP,
    PUBLISH,
    PUBREC,
    PUBREL,
    SUBSCRIBE,
    UNSUBACK,
    UNSUBSCRIBE,
    Frame,
    ack,
    connack,
    cut,
    packet,
    publish,
    suback,
)


class Session:
    """One connection, served as the standard says. Override a step to break it."""

    def __init__(self, broker: ScriptedBroker, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.broker = broker
        self.reader = reader
        self.writer = writer
        self.number = len(broker.connected_at)  # of the connection, from 1
        self.level = 4
        self.client_id = ""
        self.filters: dict[str, int] = {}
        self.next_id = 1

    # Steps

    async def on_open(self) -> None:
        """Before anything was read."""

    async def on_connect(self, frame: Frame) -> None:
        """CONNECT has come."""
        self.send(connack(level=self.level))

    async def on_publish(self, frame: Frame) -> None:
        """PUBLISH has come."""
        self.note(frame)
        if frame.qos == 2:
            self.send(ack(PUBREC, frame.packet_id))
        if frame.qos == 1:
            self.send(ack(PUBACK, frame.packet_id))
        await self.route(frame)

    async def on_pubrel(self, frame: Frame) -> None:
        """PUBREL has come."""
        self.send(ack(PUBCOMP, frame.packet_id))

    async def on_subscribe(self, frame: Frame) -> None:
        """SUBSCRIBE has come; `filters` holds what it asks for."""
        self.send(suback(frame.packet_id, self.codes(frame), self.level))

    async def on_ping(self) -> None:
        """PINGREQ has come."""
        self.send(packet(PINGRESP))

    async def on_ack(self, frame: Frame) -> None:
        """PUBACK, PUBREC or PUBCOMP for what we delivered."""
        if frame.kind == PUBREC:
            self.send(ack(PUBREL, frame.packet_id))

    async def deliver(self, topic: str, properties: bytes, payload: bytes, qos: int) -> None:
        """One message to this client."""
        self.broker.counts["delivered"] += 1
        self.send(self.publish_of(topic, properties, payload, qos))

    # What steps are made of

    def send(self, data: bytes) -> None:
        """Writes without waiting."""
        if not self.writer.is_closing():
            self.writer.write(data)

    async def close(self) -> None:
        """Flushes and ends the stream."""
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()

    def reset(self) -> None:
        """RST instead of an orderly end."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    def note(self, frame: Frame) -> None:
        """Counts a PUBLISH that came in."""
        self.broker.counts["published"] += 1
        self.broker.counts[f"published by {self.client_id}"] += 1
        if frame.is_dup:
            self.broker.counts["repeated"] += 1

    async def route(self, frame: Frame) -> None:
        """To every client whose filter is the topic name or '#'."""
        properties, payload = frame.content(self.level)
        for session in list(self.broker.sessions):
            qos = max((q for f, q in session.filters.items() if f in (frame.topic, "#")), default=None)
            if qos is not None:
                await session.deliver(frame.topic, properties, payload, min(qos, frame.qos))

    def codes(self, frame: Frame) -> list[int]:
        """Remembers the filters of a SUBSCRIBE; what each is granted."""
        granted = []
        at = 2 if self.level < 5 else 3 + frame.body[2]
        while at < len(frame.body):
            size = int.from_bytes(frame.body[at : at + 2], "big")
            options = frame.body[at + 2 + size]
            self.filters[frame.body[at + 2 : at + 2 + size].decode()] = options & 3
            granted.append(options & 3)
            at += 3 + size
        return granted

    def publish_of(self, topic: str, properties: bytes, payload: bytes, qos: int, **changes: bool) -> bytes:
        """A PUBLISH with the next packet identifier."""
        identifier = self.take_id() if qos else None
        return publish(
            topic, payload, qos=qos, packet_id=identifier, level=self.level, properties=properties, **changes
        )

    def take_id(self) -> int:
        """The next packet identifier."""
        self.next_id = self.next_id % 65_535 + 1
        return self.next_id

    # The life of the connection

    async def serve(self) -> None:
        """Until either side ends it."""
        await self.on_open()
        data = b""
        while more := await self.reader.read(1 << 16):
            frames, data = cut(data + more)
            for frame in frames:
                self.broker.seen[frame.kind] += 1
                await self._dispatch(frame)
            await self.writer.drain()

    async def _dispatch(self, frame: Frame) -> None:
        if frame.kind == CONNECT:
            name = int.from_bytes(frame.body[:2], "big")
            self.level = frame.body[2 + name]
            at = name + 6 + (0 if self.level < 5 else 1 + frame.body[name + 6])
            self.client_id = frame.body[at + 2 : at + 2 + int.from_bytes(frame.body[at : at + 2], "big")].decode()
            self.broker.connects.append((time.monotonic(), frame))
            await self.on_connect(frame)
        elif frame.kind == PUBLISH:
            await self.on_publish(frame)
        elif frame.kind == PUBREL:
            await self.on_pubrel(frame)
        elif frame.kind == SUBSCRIBE:
            await self.on_subscribe(frame)
        elif frame.kind == UNSUBSCRIBE:
            self.send(packet(UNSUBACK, frame.body[:2]))
        elif frame.kind == PINGREQ:
            await self.on_ping()
        elif frame.kind in (PUBACK, PUBREC, PUBCOMP):
            await self.on_ack(frame)
        elif frame.kind in (DISCONNECT, AUTH):
            self.broker.farewells.append(frame)


class ScriptedBroker:
    """Listens on a free port of 127.0.0.1 while it is a context; serves each connection with `session`."""

    def __init__(self, session: type[Session] = Session) -> None:
        self.session = session
        self.connected_at: list[float] = []
        self.connects: list[tuple[float, Frame]] = []
        self.farewells: list[Frame] = []
        self.sessions: list[Session] = []
        self.counts: Counter[str] = Counter()
        self.seen: Counter[int] = Counter()  # packets by kind
        self.cuts: list[tuple[str, int]] = []  # client and packet identifier, for scripts that cut connections
        self.repeats: list[tuple[str, int]] = []
        self.failures: list[BaseException] = []
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)
        self._ready = threading.Event()
        self._end: asyncio.Event

    @property
    def url(self) -> str:
        """As `--broker` takes it."""
        return f"mqtt://127.0.0.1:{self.port}"

    def __enter__(self) -> ScriptedBroker:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)
        if kind is None:
            assert not self.failures, self.failures

    def _run(self) -> None:
        self._loop.run_until_complete(self._listen())
        self._loop.close()

    async def _listen(self) -> None:
        self._end = asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=4096)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._end.wait()
        server.close()
        for session in self.sessions:
            session.writer.transport.abort()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connected_at.append(time.monotonic())
        session = self.session(self, reader, writer)
        self.sessions.append(session)
        try:
            await session.serve()
        except (ConnectionError, asyncio.CancelledError):
            pass
        except BaseException as error:  # told at the end, on the test's thread
            self.failures.append(error)
        finally:
            self.sessions.remove(session)
            writer.close()
