"""FileStore: what is in the file, what a crash leaves of it, who may open it."""

from __future__ import annotations

import errno
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import mqtt_sim
from mqtt_sim.client.store import Change, StoredPublish, StoredSession

pytestmark = pytest.mark.unit

FIRST = StoredPublish(1, "a/b", b"\x00one", 1, True, b"\x01\x01")
SECOND = StoredPublish(64_511, "täst", b"", 2, False, b"")
CHANGES = [
    Change("session"),
    Change("publish", 1, FIRST),
    Change("publish", 64_511, SECOND),
    Change("sent", 1),
    Change("received", 7),
    Change("released", 64_511),
    Change("received", 8),
    Change("completed", 7),
    Change("done", 1),
]


def kept(changes: list[Change]) -> StoredSession:
    session = StoredSession()
    for change in changes:
        session.apply(change)
    return session


def opened(path: Path, **options: Any) -> mqtt_sim.FileStore:
    store = mqtt_sim.FileStore(path, **options)
    store.open("me")
    return store


def reopened(path: Path) -> StoredSession:
    store = mqtt_sim.FileStore(path)
    try:
        return store.open("me")
    finally:
        store.close()


@pytest.mark.req("Y-05")
@pytest.mark.parametrize("count", range(len(CHANGES) + 1))
def test_what_was_written_is_read_again(tmp_path: Path, count: int) -> None:
    store = opened(tmp_path / "s")
    store.write(CHANGES[:count])
    store.close()
    assert reopened(tmp_path / "s") == kept(CHANGES[:count])


def test_order_of_sending_is_kept(tmp_path: Path) -> None:
    ids = [9, 3, 64_000, 1, 7]
    store = opened(tmp_path / "s")
    store.write([Change("publish", one, SECOND._replace(packet_id=one)) for one in ids])
    store.write([Change("sent", 3), Change("sent", 9)])
    store.close()
    assert list(reopened(tmp_path / "s").publishes) == ids


@pytest.mark.req("Y-05")
def test_damaged_end_is_cut_off_with_one_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "s"
    opened(path).close()
    sizes = [path.stat().st_size]
    store = opened(path)
    for change in CHANGES:
        store.write([change])
        sizes.append(path.stat().st_size)
    store.close()
    whole = path.read_bytes()
    for size in range(sizes[0], len(whole)):
        caplog.clear()
        path.write_bytes(whole[:size])
        survivors = sum(1 for end in sizes[1:] if end <= size)
        store = mqtt_sim.FileStore(path)
        assert store.open("me") == kept(CHANGES[:survivors])
        assert len(caplog.records) == (0 if size in sizes else 1), size
        store.write([Change("received", 99)])
        store.close()
        assert 99 in reopened(path).received


@pytest.mark.parametrize("place", ["length", "checksum", "body"])
def test_nothing_behind_a_damaged_record_counts(tmp_path: Path, caplog: pytest.LogCaptureFixture, place: str) -> None:
    path = tmp_path / "s"
    store = opened(path)
    store.write(CHANGES[:1])
    begins = path.stat().st_size
    store.write(CHANGES[1:])
    store.close()
    content = bytearray(path.read_bytes())
    content[begins + {"length": 0, "checksum": 5, "body": 12}[place]] ^= 0x40
    path.write_bytes(content)
    assert reopened(path) == kept(CHANGES[:1])
    assert "cut off" in caplog.text


@pytest.mark.parametrize("content", [b"precious notes\n", b"m", b"mqtt-sim session 2\n"])
def test_file_that_is_something_else_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes"
    path.write_bytes(content)
    if content == b"m":  # the beginning of our own first line: the making of the file was interrupted
        assert reopened(path) == StoredSession()
        return
    with pytest.raises(mqtt_sim.StoreError, match="not the file of a session"):
        reopened(path)
    assert path.read_bytes() == content


def test_two_clients_are_kept_apart(tmp_path: Path) -> None:
    path = tmp_path / "s"
    store = opened(path)
    with pytest.raises(mqtt_sim.StoreError, match="another client"):
        mqtt_sim.FileStore(path).open("me")
    with pytest.raises(mqtt_sim.StoreError, match="another client"):
        store.open("me")
    store.close()
    store = opened(path)
    text = (
        "import mqtt_sim, sys\n"
        "try: mqtt_sim.FileStore(sys.argv[1]).open('me')\n"
        "except mqtt_sim.StoreError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", text, path], capture_output=True, text=True, timeout=60)
    assert "another client or process uses it" in done.stdout, done.stderr
    store.close()
    with pytest.raises(mqtt_sim.UsageError, match="'me', not of 'you'"):
        mqtt_sim.FileStore(path).open("you")
    assert reopened(path) == StoredSession()


@pytest.mark.parametrize("name", ["missing/s", "."])
def test_file_that_cannot_be_opened_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(mqtt_sim.StoreError, match=str(tmp_path)):
        opened(tmp_path / name)


@pytest.mark.req("Y-05")
def test_full_disk_is_an_error_and_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "s"
    store = opened(path)
    store.write(CHANGES[:3])
    before = path.read_bytes()
    write, left = os.pwrite, [5]

    def full(file: int, data: bytes, at: int) -> int:
        if left[0] == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        count = min(left[0], len(data))
        left[0] -= count
        return write(file, bytes(data[:count]), at)

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        with pytest.raises(mqtt_sim.StoreError, match="No space left on device"):
            store.write(CHANGES[3:])
    assert path.read_bytes() == before
    store.write(CHANGES[3:])
    store.close()
    assert reopened(path) == kept(CHANGES)


def test_history_does_not_let_the_file_grow(tmp_path: Path) -> None:
    path = tmp_path / "s"
    store = opened(path)
    store.write(CHANGES)
    large = StoredPublish(5, "t", b"x" * 60_000, 1, False, b"")
    for _ in range(100):
        store.write([Change("publish", 5, large), Change("sent", 5), Change("done", 5)])
    assert path.stat().st_size < 2_000_000
    with pytest.raises(mqtt_sim.StoreError, match="another client"):
        mqtt_sim.FileStore(path).open("me")
    store.close()
    assert reopened(path) == kept(CHANGES)
    assert os.listdir(tmp_path) == ["s"]


def test_rewriting_that_fails_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "s"
    store = opened(path)

    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "replace", refuse)
    large = StoredPublish(5, "t", b"x" * 700_000, 1, False, b"")
    for _ in range(3):
        store.write([Change("publish", 5, large), Change("done", 5)])
    store.write(CHANGES)
    store.close()
    assert "grows on" in caplog.text
    assert reopened(path) == kept(CHANGES)


@pytest.mark.parametrize(("sync", "times"), [("never", 0), ("always", 5), (3600, 1), (0, 5)])
def test_disk_is_asked_as_often_as_the_policy_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sync: Any, times: int
) -> None:
    asked: list[int] = []
    opened(tmp_path / "s").close()
    store = opened(tmp_path / "s", sync=sync)
    monkeypatch.setattr(os, "fdatasync", asked.append)
    for _ in range(5):
        store.write([Change("received", 1), Change("completed", 1)])
    store.close()
    assert len(asked) == times


@pytest.mark.parametrize("sync", ["sometimes", -1, True, None])
def test_unknown_policy_is_refused(tmp_path: Path, sync: Any) -> None:
    with pytest.raises(mqtt_sim.UsageError, match='"never", "always" or a number of seconds'):
        mqtt_sim.FileStore(tmp_path / "s", sync=sync)


def test_memory_store_outlives_its_client_and_has_one_at_a_time() -> None:
    store = mqtt_sim.MemoryStore()
    store.open("me")
    store.write(CHANGES)
    with pytest.raises(mqtt_sim.UsageError, match="another client"):
        store.open("me")
    store.close()
    with pytest.raises(mqtt_sim.UsageError, match="'me'"):
        store.open("you")
    assert store.open("me") == kept(CHANGES)


def test_warnings_are_of_the_clients_logger(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "s"
    opened(path).close()
    with path.open("ab") as file:
        file.write(b"torn")
    with caplog.at_level(logging.WARNING, "mqtt_sim.client"):
        reopened(path)
    assert [record.name for record in caplog.records] == ["mqtt_sim.client"]
