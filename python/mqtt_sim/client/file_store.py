"""FileStore: a client's session as a file to which changes are appended.

    file      magic, record "client identifier", records
    record    u32 length of the body, u32 CRC-32 of the body, body
    body      u8 kind, u16 packet identifier, and for a publish: u8 QoS | retain << 2 | stage << 3,
              u16 length and topic, u32 length and properties, payload; numbers are big-endian

A record counts when it is whole and its checksum fits. What follows the last such record is what a killed process did
not finish; it is cut off. When most of a file is history, it is written anew beside the old one, which it replaces.
"""

from __future__ import annotations

import fcntl
import logging
import os
import struct
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, cast

from mqtt_sim.client.store import Change, SessionStore, StoredPublish, StoredSession, check_owner
from mqtt_sim.errors import StoreError, UsageError

log = logging.getLogger("mqtt_sim.client")

_MAGIC = b"mqtt-sim session 1\n"
_FRAME = struct.Struct(">II")
_HEAD = struct.Struct(">BH")
_KINDS = ("owner", "publish", "sent", "released", "done", "received", "completed", "session")
_OWNER = 0
_STAGES: tuple[Literal["kept", "sent", "released"], ...] = ("kept", "sent", "released")
_REWRITE_AT = 1 << 20
"""Bytes of history below which a file is never written anew."""
_LOCK_ATTEMPTS = 5


class FileStore(SessionStore):
    """A session in a file, which is made where there is none. One client at a time has it open.

    `sync`: "never" leaves it to the operating system when the disk gets it: nothing is lost when the process is killed,
    the last seconds may be when the machine loses power. "always" asks the disk after each batch; a number of seconds
    asks it at most that often.
    """

    def __init__(self, path: str | os.PathLike[str], *, sync: Literal["never", "always"] | float = "never") -> None:
        self.path = Path(path)
        self._sync_every = _sync_period(sync)
        self._synced_at = float("-inf")
        self._file = -1
        self._end = 0
        self._session = StoredSession()
        self._client_id = ""

    def open(self, client_id: str) -> StoredSession:
        """Reads what is there. Raises StoreError where it cannot be read or is in use, UsageError where it is another
        client's."""
        if self._file >= 0:
            raise StoreError(f"{self.path}: another client of this process uses it; each needs a file of its own")
        self._client_id = client_id
        try:
            self._file = _open_locked(self.path)
            self._read()
        except BaseException as error:
            self.close()
            if isinstance(error, OSError):
                raise StoreError(f"{self.path}: {error.strerror}") from None
            raise
        copy = StoredSession()
        for change in self._session.changes():
            copy.apply(change)
        return copy

    def write(self, changes: Sequence[Change]) -> None:
        """Appends one record for each. Raises StoreError, and then none of them is there."""
        data = b"".join(_record(change) for change in changes)
        try:
            self._append(data)
        except OSError as error:
            self._cut_back()
            raise StoreError(f"{self.path}: {error.strerror}; {len(changes)} changes are not kept") from None
        for change in changes:
            self._session.apply(change)
        self._end += len(data)
        if self._end > _REWRITE_AT and self._end > 4 * self._size_without_history():
            self._rewrite()

    def close(self) -> None:
        """Frees the file for the next client."""
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    # ---- reading

    def _read(self) -> None:
        content = _read_all(self._file)
        if len(content) < len(_MAGIC) and _MAGIC.startswith(content):  # new, or killed while it was made
            _write_all(self._file, _MAGIC, 0)
            content = _MAGIC
        if not content.startswith(_MAGIC):
            raise StoreError(f"{self.path}: this is not the file of a session, so it is left as it is")
        self._session, self._end = StoredSession(), len(_MAGIC)
        is_owned = False
        for body in _bodies(content, self._end):
            kind, packet_id = _HEAD.unpack_from(body)
            if kind == _OWNER:
                check_owner(str(self.path), body[_HEAD.size :].decode(), self._client_id)
                is_owned = True
            else:
                self._session.apply(_change(_KINDS[kind], packet_id, body))
            self._end += _FRAME.size + len(body)
        if self._end < len(content):
            lost = len(content) - self._end
            log.warning(
                "%s: the last %d bytes are no whole record, as after a crash; they are cut off", self.path, lost
            )
            os.ftruncate(self._file, self._end)
        if not is_owned:
            owner = _owner_record(self._client_id)
            self._append(owner)
            self._end += len(owner)

    # ---- writing

    def _append(self, data: bytes) -> None:
        _write_all(self._file, data, self._end)
        if self._sync_every is None:
            return
        now = time.monotonic()
        if now - self._synced_at >= self._sync_every:
            os.fdatasync(self._file)
            self._synced_at = now

    def _cut_back(self) -> None:
        try:
            os.ftruncate(self._file, self._end)
        except OSError as error:
            log.warning("%s: %s; what follows byte %d does not count", self.path, error.strerror, self._end)

    def _size_without_history(self) -> int:
        return sum(len(one.payload) + len(one.topic) + 64 for one in self._session.publishes.values())

    def _rewrite(self) -> None:
        """The same session without its history. What fails leaves the old file, which is as good."""
        beside = self.path.with_name(f".{self.path.name}.new")
        content = b"".join([_MAGIC, _owner_record(self._client_id), *map(_record, self._session.changes())])
        new = -1
        try:
            new = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            fcntl.flock(new, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _write_all(new, content, 0)
            os.fsync(new)
            os.replace(beside, self.path)
        except OSError as error:
            log.warning("%s: cannot be written anew (%s) and grows on", self.path, error.strerror)
            if new >= 0:
                os.close(new)
            return
        os.close(self._file)
        self._file, self._end = new, len(content)


def _sync_period(sync: object) -> float | None:
    if sync == "never":
        return None
    if sync == "always":
        return 0.0
    if isinstance(sync, int | float) and not isinstance(sync, bool) and sync >= 0:
        return float(sync)
    raise UsageError(f'FileStore: sync should be "never", "always" or a number of seconds, found {sync!r}')


def _open_locked(path: Path) -> int:
    """A descriptor with the lock on the file that has this name now. Raises OSError, StoreError."""
    for _ in range(_LOCK_ATTEMPTS):
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(file), os.stat(path)):  # and not one that was replaced meanwhile
                return file
        except BlockingIOError:
            os.close(file)
            raise StoreError(f"{path}: another client or process uses it; each needs a file of its own") from None
        except FileNotFoundError:
            pass
        os.close(file)
    raise StoreError(f"{path}: is replaced all the time by something else")


def _read_all(file: int) -> bytes:
    with os.fdopen(os.dup(file), "rb") as stream:
        stream.seek(0)
        return stream.read()


def _write_all(file: int, data: bytes, at: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(file, view, at)
        view, at = view[written:], at + written


# ---- the format


def _frame(body: bytes) -> bytes:
    return _FRAME.pack(len(body), zlib.crc32(body)) + body


def _bodies(content: bytes, at: int) -> Iterator[bytes]:
    """Those of whole records, up to the first that is none."""
    while at + _FRAME.size <= len(content):
        size, checksum = _FRAME.unpack_from(content, at)
        body = content[at + _FRAME.size : at + _FRAME.size + size]
        if len(body) < size or size < _HEAD.size or zlib.crc32(body) != checksum or body[0] >= len(_KINDS):
            return
        yield body
        at += _FRAME.size + size


def _owner_record(client_id: str) -> bytes:
    return _frame(_HEAD.pack(_OWNER, 0) + client_id.encode())


def _record(change: Change) -> bytes:
    body = _HEAD.pack(_KINDS.index(change.kind), change.packet_id)
    if change.publish is not None:
        _, topic, payload, qos, retain, properties, stage = change.publish
        name = topic.encode()
        flags = qos | retain << 2 | _STAGES.index(stage) << 3
        body += struct.pack(">BH", flags, len(name)) + name + struct.pack(">I", len(properties)) + properties + payload
    return _frame(body)


def _change(kind: str, packet_id: int, body: bytes) -> Change:
    if kind != "publish":
        return Change(cast(Any, kind), packet_id)
    flags, topic_size = struct.unpack_from(">BH", body, _HEAD.size)
    at = _HEAD.size + 3
    topic = body[at : at + topic_size].decode()
    at += topic_size
    (properties_size,) = struct.unpack_from(">I", body, at)
    at += 4
    properties, payload = body[at : at + properties_size], body[at + properties_size :]
    publish = StoredPublish(packet_id, topic, payload, flags & 3, bool(flags & 4), properties, _STAGES[flags >> 3])
    return Change("publish", packet_id, publish)
