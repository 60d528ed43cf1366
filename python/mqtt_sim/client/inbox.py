"""Where received messages go, streams or handlers, and how much of them is still unread."""

from __future__ import annotations

import logging
from collections.abc import Callable

from mqtt_sim.client.message import Message
from mqtt_sim.client.streams import MessageStream

log = logging.getLogger("mqtt_sim.client")


class Inbox:
    """The messages of one client. Until somebody asks for them they are kept, as far as the queue's limit allows."""

    def __init__(self, policy: str, limit: int, report: Callable[[int, int], None]) -> None:
        self._limit = limit
        self._stream_limit = limit if policy == "drop_oldest" else None
        self._report = report
        self._streams: list[MessageStream] = []
        self._unclaimed: MessageStream | None = self._make(None)
        self._is_warned = False
        self.has_listeners = False
        """Somebody else takes messages: what no stream wants need not be kept."""
        self.unclaimed = 0
        """Messages that nobody wanted."""
        self._received_messages = self._received_bytes = 0
        self._reported_messages = self._reported_bytes = 0

    def _make(self, topic_filter: str | None) -> MessageStream:
        return MessageStream(topic_filter, self._stream_limit, self.report_read, self._forget)

    def open(self, topic_filter: str | None) -> MessageStream:
        """A stream; the first one begins with what was kept for it."""
        stream = self._make(topic_filter)
        kept, self._unclaimed = self._unclaimed, None
        if kept is not None:
            stream.put(kept.take_all())
        self._streams.append(stream)
        return stream

    def listen(self) -> list[Message]:
        """From now on messages go to handlers; those that were kept."""
        self.has_listeners = True
        kept, self._unclaimed = self._unclaimed, None
        return [] if kept is None else kept.take_all()

    def put(self, messages: list[Message]) -> None:
        """Gives messages to all streams that want them."""
        self._received_messages += len(messages)
        self._received_bytes += sum(len(message.payload) + len(message.topic) for message in messages)
        if self._unclaimed is not None and not self.has_listeners:
            self._unclaimed.put(messages)
            self._warn()
            return
        if not self._streams and not self.has_listeners:
            self.unclaimed += len(messages)
        for stream in self._streams:
            stream.put(messages)

    def _warn(self) -> None:
        if self._unclaimed is not None and len(self._unclaimed) >= self._limit and not self._is_warned:
            self._is_warned = True
            log.warning(
                '%d messages have come and nobody reads them; use messages(), or on("message")', len(self._unclaimed)
            )

    def report_read(self) -> None:
        """Tells the engine how much has been read, so that it reads on."""
        streams = [*self._streams, self._unclaimed] if self._unclaimed else self._streams
        messages = self._received_messages - max(map(len, streams), default=0)
        size = self._received_bytes - max((stream.backlog_bytes for stream in streams), default=0)
        if messages > self._reported_messages or size > self._reported_bytes:
            self._report(messages - self._reported_messages, max(0, size - self._reported_bytes))
            self._reported_messages, self._reported_bytes = messages, max(size, self._reported_bytes)

    def end(self, error: BaseException | None) -> None:
        """No more messages."""
        for stream in self._streams:
            stream.end(error)

    def restart(self) -> None:
        """As new, for another connection."""
        self.end(None)
        self._streams.clear()
        self._unclaimed = None if self.has_listeners else self._make(None)
        self._received_messages = self._received_bytes = 0
        self._reported_messages = self._reported_bytes = 0

    @property
    def dropped(self) -> int:
        """By streams that were not read in time."""
        return sum(stream.dropped for stream in self._streams)

    def _forget(self, stream: MessageStream) -> None:
        if stream in self._streams:
            self._streams.remove(stream)
            self.report_read()
