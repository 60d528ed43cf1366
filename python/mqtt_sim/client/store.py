"""Session stores: what a client must not forget when its process ends, and where it is written.

A store sees one client's session as a list of changes. It is asked from a thread of its own, never from the engine's
and never from the event loop's: nothing waits for it but what must not be said before it is written.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from mqtt_sim.errors import UsageError


class StoredPublish(NamedTuple):
    """A publish above QoS 0 that has not completed."""

    packet_id: int
    """Its own until it has completed."""
    topic: str
    payload: bytes
    """Empty once it is released."""
    qos: int
    retain: bool
    properties: bytes
    """As in the packet; empty below MQTT 5.0."""
    stage: Literal["kept", "sent", "released"] = "kept"
    """kept: never sent. sent: it may have arrived. released: PUBREC has come, PUBREL is next (QoS 2)."""


class Change(NamedTuple):
    """One step of a session. Each is written before the other side is told of it."""

    kind: Literal["publish", "sent", "released", "done", "received", "completed", "session"]
    """publish: keep `publish`. sent, released: its next stage. done: forget it. received, completed: identifier of a
    QoS 2 message that came, and that is over. session: the broker has a new one, in which nothing was received."""
    packet_id: int = 0
    publish: StoredPublish | None = None


@dataclass
class StoredSession:
    """What all changes so far come to."""

    publishes: dict[int, StoredPublish] = field(default_factory=dict)
    """By packet identifier, in the order of sending."""
    received: set[int] = field(default_factory=set)
    """Identifiers of QoS 2 messages that came and are not over."""
    is_known: bool = False
    """A broker has, or had, this session."""

    def apply(self, change: Change) -> None:
        """One step more."""
        known = self.publishes.get(change.packet_id)
        if change.kind == "publish" and change.publish is not None:
            self.publishes[change.packet_id] = change.publish
        elif change.kind == "sent" and known is not None:
            self.publishes[change.packet_id] = known._replace(stage="sent")
        elif change.kind == "released" and known is not None:
            self.publishes[change.packet_id] = known._replace(stage="released", payload=b"", properties=b"")
        elif change.kind == "done":
            self.publishes.pop(change.packet_id, None)
        elif change.kind == "received":
            self.received.add(change.packet_id)
        elif change.kind == "completed":
            self.received.discard(change.packet_id)
        elif change.kind == "session":
            self.received.clear()
            self.is_known = True

    def changes(self) -> list[Change]:
        """The shortest way to get here from nothing."""
        session = [Change("session")] if self.is_known else []
        publishes = [Change("publish", one.packet_id, one) for one in self.publishes.values()]
        return [*session, *publishes, *(Change("received", packet_id) for packet_id in sorted(self.received))]


class SessionStore(ABC):
    """Where one client's session is kept. Make a subclass to keep it somewhere else, such as in the database that the
    messages come from. What it raises is told as StoreError."""

    @abstractmethod
    def open(self, client_id: str) -> StoredSession:
        """What is kept for this client. Raises StoreError where another client has it open."""

    @abstractmethod
    def write(self, changes: Sequence[Change]) -> None:
        """Keeps all of them, or none and raises. Called in order, by one thread at a time, with all that has gathered
        since the last call."""

    @abstractmethod
    def close(self) -> None:
        """No more changes come; open() may be called again."""


class MemoryStore(SessionStore):
    """Outlives its Client, not its process."""

    def __init__(self) -> None:
        self._session = StoredSession()
        self._client_id: str | None = None
        self._is_open = False

    def open(self, client_id: str) -> StoredSession:
        """As SessionStore.open."""
        if self._is_open:
            raise UsageError("store: another client uses it; each needs one of its own")
        check_owner("store", self._client_id, client_id)
        self._is_open, self._client_id = True, client_id
        copy = StoredSession()
        for change in self._session.changes():
            copy.apply(change)
        return copy

    def write(self, changes: Sequence[Change]) -> None:
        """As SessionStore.write; never fails."""
        for change in changes:
            self._session.apply(change)

    def close(self) -> None:
        """As SessionStore.close."""
        self._is_open = False


def check_owner(place: str, kept_for: str | None, client_id: str) -> None:
    """Raises UsageError where the session in a store is another client's."""
    if kept_for is not None and kept_for != client_id:
        raise UsageError(
            f"{place}: keeps the session of client_id {kept_for!r}, not of {client_id!r}; give each client its own"
        )
