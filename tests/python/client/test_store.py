"""Clients whose session is in a store: what the next client, or the next process, goes on with."""

from __future__ import annotations

import asyncio
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from fake_server import CONNACK, Fake, read_packet

import mqtt_sim
from mqtt_sim.client.store import Change, StoredPublish, StoredSession

Run = Callable[[Any], Any]

RESUMED = b"\x20\x02\x01\x00"
OPTIONS: dict[str, Any] = {"client_id": "kept"}


def of_publish(packet: tuple[int, bytes]) -> tuple[int, int, bytes]:
    """First byte, packet identifier and payload of a PUBLISH to a topic of one letter."""
    first, body = packet
    return first, int.from_bytes(body[3:5], "big"), body[5:]


@pytest.mark.req("Y-05")
@pytest.mark.parametrize("kind", ["memory", "file"])
def test_next_client_sends_again_with_dup_and_the_same_identifiers(run: Run, tmp_path: Path, kind: str) -> None:
    """[MQTT-4.4.0-1], [MQTT-3.3.1-1], [MQTT-4.6.0-1]"""
    seen: list[list[tuple[int, bytes]]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        packets: list[tuple[int, bytes]] = []
        seen.append(packets)
        await read_packet(reader)
        writer.write(RESUMED if len(seen) > 1 else CONNACK)
        while True:
            packets.append(packet := await read_packet(reader))
            first, body = packet
            if len(seen) == 1 and body[5:] == b"released":
                writer.write(b"\x50\x02" + body[3:5])
            if len(seen) > 1:
                reply = {0x30: b"\x40\x02" if first & 0x06 == 2 else b"\x50\x02", 0x60: b"\x70\x02"}.get(first & 0xF0)
                if reply:
                    writer.write(reply + (body[:2] if first & 0xF0 == 0x60 else body[3:5]))

    async def work() -> None:
        memory = mqtt_sim.MemoryStore()

        def store() -> Any:
            return memory if kind == "memory" else tmp_path / "session"

        async with Fake(serve) as server:
            client = mqtt_sim.Client(server.url, store=store(), **OPTIONS)
            await client.connect()
            sent = [
                client.publish("t", "one", 1),
                client.publish("t", "released", 2),
                client.publish("t", "two", 2),
            ]
            assert [delivery.packet_id for delivery in sent] == [1, 2, 3]
            assert client.last_message_id == 3
            while len(seen[0]) < 4:
                await asyncio.sleep(0.01)
            await client.end(force=True)
            for delivery in sent:
                with pytest.raises((mqtt_sim.DeliveryError, mqtt_sim.ClientClosed), match="in the store"):
                    await delivery
            client = mqtt_sim.Client(server.url, store=store(), **OPTIONS)
            await client.connect()
            assert [(one.topic, one.qos, one.packet_id) for one in client.restored] == [
                ("t", 1, 1),
                ("t", 2, 2),
                ("t", 2, 3),
            ]
            for delivery in client.restored:
                await asyncio.wait_for(asyncio.ensure_future(_wait(delivery)), 20)
            await client.publish("t", "new", 1)
            await client.end()
            client = mqtt_sim.Client(server.url, store=store(), **OPTIONS).start()
            assert client.restored == []
            await client.end(force=True)

    run(work())
    first = [of_publish(one) for one in seen[0] if one[0] & 0xF0 == 0x30]
    assert first == [(0x32, 1, b"one"), (0x34, 2, b"released"), (0x34, 3, b"two")]
    assert of_publish(seen[1][0]) == (0x3A, 1, b"one")
    assert seen[1][1] == (0x62, b"\0\2")
    assert of_publish(seen[1][2]) == (0x3C, 3, b"two")
    assert of_publish(seen[1][-1 if seen[1][-1][0] & 0xF0 == 0x30 else -2])[0] == 0x32


async def _wait(delivery: mqtt_sim.Delivery) -> mqtt_sim.Delivery:
    return await delivery


@pytest.mark.req("Y-05")
def test_message_that_came_once_is_not_told_again_by_the_next_client(run: Run, tmp_path: Path) -> None:
    """[MQTT-4.3.3-10], [MQTT-4.4.0-1]"""
    answers: list[list[int]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got: list[int] = []
        answers.append(got)
        await read_packet(reader)
        if len(answers) == 1:
            writer.write(CONNACK + b"\x34\x08\x00\x01t\x00\x07abc")
        else:
            for packets in (RESUMED + b"\x3c\x08\x00\x01t\x00\x07abc", b"\x62\x02\x00\x07"):
                writer.write(packets)
                got.append((await read_packet(reader))[0])
            writer.write(b"\x34\x08\x00\x01t\x00\x07new")
        while True:
            got.append((await read_packet(reader))[0])

    async def work() -> None:
        async with Fake(serve) as server:
            async with mqtt_sim.Client(server.url, store=tmp_path / "s", **OPTIONS) as client:
                assert (await client.messages().get(20)).text() == "abc"
                while not answers[0]:
                    await asyncio.sleep(0.01)
                await client.end(force=True)
            client = mqtt_sim.Client(server.url, store=tmp_path / "s", **OPTIONS)
            stream = client.messages()
            await client.connect()
            assert (await stream.get(20)).text() == "new"
            while len(answers[1]) < 3:
                await asyncio.sleep(0.01)
            await client.end(force=True)

    run(work())
    assert answers == [[0x50], [0x50, 0x70, 0x50]]


@pytest.mark.parametrize("version", ["3.1.1", "5.0"])
def test_what_was_never_sent_is_new_to_a_broker_without_the_session(
    run: Run, tmp_path: Path, nobody: str, version: str
) -> None:
    options: dict[str, Any] = {**OPTIONS, "store": tmp_path / "s", "protocol_version": version}
    if version == "5.0":
        options["session_expiry_interval"] = 60

    async def work() -> None:
        client = mqtt_sim.Client(nobody, **options)
        client.on("error", lambda _: None)
        client.publish("t", "one", 2)
        client.publish("t", "two", 1)
        await client.wait_kept()
        await client.end()
        with mqtt_sim.Broker() as broker:
            async with mqtt_sim.Client(broker.url) as reader:
                await reader.subscribe("t", 2)
                stream = reader.messages()
                async with mqtt_sim.Client(broker.url, **options) as client:
                    for delivery in client.restored:
                        await delivery
                    assert {(await stream.get(20)).text() for _ in range(2)} == {"one", "two"}
                    assert len(client.restored) == 2

    run(work())


def test_qos_2_that_may_have_arrived_at_a_lost_session_is_told_as_lost(
    run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_packet(reader)
        writer.write(CONNACK)
        while True:
            seen.append((await read_packet(reader))[1][5:])

    async def work() -> None:
        async with Fake(serve) as server:
            client = mqtt_sim.Client(server.url, store=tmp_path / "s", **OPTIONS)
            await client.connect()
            client.publish("t", "one", 2)
            while not seen:
                await asyncio.sleep(0.01)
            await client.wait_kept()
            await client.end(force=True)
            async with mqtt_sim.Client(server.url, store=tmp_path / "s", **OPTIONS) as client:
                with pytest.raises(mqtt_sim.DeliveryError, match="session ended"):
                    await client.restored[0]
                await client.end(force=True)
            client = mqtt_sim.Client(server.url, store=tmp_path / "s", **OPTIONS).start()
            assert client.restored == []
            await client.end(force=True)

    run(work())
    assert seen == [b"one"]
    assert "left by an earlier client" in caplog.text


@pytest.mark.req("Y-05")
@pytest.mark.parametrize("has_store", [False, True])
def test_removed_message_is_not_sent(run: Run, tmp_path: Path, has_store: bool) -> None:
    options: dict[str, Any] = {"store": tmp_path / "s", **OPTIONS} if has_store else {}

    async def work() -> None:
        with mqtt_sim.Broker() as broker:
            async with mqtt_sim.Client(broker.url) as reader:
                await reader.subscribe("t", 2)
                stream = reader.messages()
                client = mqtt_sim.Client(broker.url, **options)
                kept, removed = [client.publish("t", text, 2) for text in ("kept", "removed")]
                assert client.remove_outgoing_message(removed)
                if has_store:
                    await client.wait_kept()
                await client.connect()
                with pytest.raises(mqtt_sim.DeliveryError, match="removed before it was sent"):
                    await removed
                await kept
                await client.publish("t", "after", 1)
                assert [(await stream.get(20)).text() for _ in range(2)] == ["kept", "after"]
                assert not client.remove_outgoing_message(kept)
                assert not client.remove_outgoing_message(64_000)
                await client.end()

    run(work())


@pytest.mark.req("Y-05")
@pytest.mark.parametrize("qos", [1, 2])
def test_removed_message_is_not_sent_again(run: Run, tmp_path: Path, qos: int) -> None:
    """At QoS 2 its exchange is ended with PUBREL, so that nothing else is taken for it."""
    seen: list[list[int]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got: list[int] = []
        seen.append(got)
        await read_packet(reader)
        writer.write(RESUMED if len(seen) > 1 else CONNACK)
        while True:
            first, body = await read_packet(reader)
            got.append(first)
            if first == 0x62:
                writer.write(b"\x70\x02" + body[:2])
            if body[3:] == b"go":
                writer.transport.abort()
            if body[5:] == b"next":
                writer.write(b"\x40\x02" + body[3:5])

    async def work() -> None:
        async with Fake(serve) as server:
            client = mqtt_sim.Client(server.url, store=tmp_path / "s", reconnect_period=0.02, **OPTIONS)
            client.on("error", lambda _: None)
            await client.connect()
            delivery = client.publish("t", "one", qos)
            while not seen[0]:
                await asyncio.sleep(0.01)
            assert delivery.packet_id is not None
            assert client.remove_outgoing_message(delivery.packet_id)
            with pytest.raises(mqtt_sim.DeliveryError, match="may have arrived"):
                await delivery
            client.publish("t", "go")
            while len(seen) < 2:
                await asyncio.sleep(0.01)
            await client.publish("t", "next", 1)
            await client.end(force=True)

    run(work())
    assert seen[1] == [0x32] if qos == 1 else [0x62, 0x32]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"store": 5, "client_id": "a"}, "name of a file or a SessionStore"),
        ({"client_id": "a", "clean_start": True}, "set clean_start=False"),
        ({"client_id": "a", "clean": True}, "set clean_start=False"),
        ({}, "client_id"),
        ({"client_id": "a", "protocol_version": 5}, "set session_expiry_interval"),
        ({"client_id": "a", "queue_policy": "drop_oldest"}, "queue_policy"),
    ],
)
def test_store_that_could_not_keep_a_session_is_refused(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(mqtt_sim.UsageError, match=words):
        mqtt_sim.Client(**{"store": tmp_path / "s", **options})


def test_store_in_use_is_an_error_of_the_second_client(run: Run, tmp_path: Path, broker: mqtt_sim.Broker) -> None:
    async def work() -> None:
        async with mqtt_sim.Client(broker.url, store=tmp_path / "s", **OPTIONS):
            with pytest.raises(mqtt_sim.StoreError, match="another client"):
                await mqtt_sim.Client(broker.url, store=tmp_path / "s", **OPTIONS).connect()
        async with mqtt_sim.Client(broker.url, store=tmp_path / "s", **OPTIONS) as client:
            await client.publish("t", "x", 2)
            assert client.state == "connected"

    run(work())
    with mqtt_sim.connect(broker.url, store=tmp_path / "s", **OPTIONS) as blocking:
        blocking.publish("t", "x", 2)


def test_wait_kept_without_a_store_says_what_to_do(run: Run, broker: mqtt_sim.Broker) -> None:
    async def work() -> None:
        async with mqtt_sim.Client(broker.url) as client:
            with pytest.raises(mqtt_sim.UsageError, match="store="):
                await client.wait_kept()

    run(work())


class Slow(mqtt_sim.MemoryStore):
    """Writes when it may."""

    def __init__(self) -> None:
        super().__init__()
        self.may = threading.Event()

    def write(self, changes: Sequence[Change]) -> None:
        self.may.wait(30)
        super().write(changes)


def test_slow_store_holds_back_only_what_waits_for_it(run: Run, broker: mqtt_sim.Broker) -> None:
    async def work() -> None:
        store = Slow()
        store.may.set()
        async with (
            mqtt_sim.Client(broker.url) as other,
            mqtt_sim.Client(broker.url, store=store, **OPTIONS) as client,
        ):
            await client.subscribe("in", 1)
            await other.subscribe("out", 1)
            store.may.clear()
            delivery = client.publish("out", "x", 1)
            stream, outside = client.messages(), other.messages()
            for index in range(100):
                await other.publish("in", str(index), 1)
                assert int((await stream.get(20)).payload) == index
            assert not delivery.is_done
            assert len(outside) == 0
            store.may.set()
            await delivery
            assert (await outside.get(20)).text() == "x"

    run(work())


class Failing(mqtt_sim.MemoryStore):
    """Raises while it is told to."""

    fails = False

    def write(self, changes: Sequence[Change]) -> None:
        if self.fails:
            raise RuntimeError("the shelf is full")
        super().write(changes)


def test_failing_store_fails_the_publish_and_nothing_else(
    run: Run, broker: mqtt_sim.Broker, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        store, errors = Failing(), []
        async with mqtt_sim.Client(broker.url, store=store, **OPTIONS) as client:
            client.on("error", errors.append)
            await client.subscribe("t", 2)
            stream = client.messages()
            first = await client.publish("t", "one", 2)
            await client.wait_kept()
            store.fails = True
            with pytest.raises(mqtt_sim.StoreError, match=r"was not sent.*RuntimeError: the shelf is full"):
                await client.publish("t", "lost", 2)
            store.fails = False
            second = await client.publish("t", "two", 2)
            assert [(await stream.get(20)).text() for _ in range(2)] == ["one", "two"]
            assert first.packet_id != second.packet_id
        assert [type(error) for error in errors] == [mqtt_sim.StoreError]
        reopened = store.open("kept")
        assert (reopened.publishes, reopened.is_known) == ({}, True)

    run(work())


def test_what_a_failing_store_must_keep_is_tried_again(run: Run, broker: mqtt_sim.Broker) -> None:
    """QoS 2 waits at PUBREC until the store works again."""

    class FailsTwice(mqtt_sim.MemoryStore):
        failures = 0

        def write(self, changes: Sequence[Change]) -> None:
            if any(change.kind == "released" for change in changes) and self.failures < 2:
                self.failures += 1
                raise mqtt_sim.StoreError("not now")
            super().write(changes)

    async def work() -> None:
        store = FailsTwice()
        async with mqtt_sim.Client(broker.url, store=store, **OPTIONS) as client:
            client.on("error", lambda _: None)
            await client.publish("t", "one", 2)
        assert store.failures == 2

    run(work())


@pytest.mark.parametrize("method", ["open", "close"])
def test_store_that_cannot_be_opened_is_an_error(run: Run, broker: mqtt_sim.Broker, method: str) -> None:
    class Broken(mqtt_sim.MemoryStore):
        def open(self, client_id: str) -> StoredSession:
            raise KeyError("no such shelf")

    async def work() -> None:
        with pytest.raises(mqtt_sim.StoreError, match=r"Broken\.open raised KeyError"):
            await mqtt_sim.Client(broker.url, store=Broken(), **OPTIONS).connect()

    run(work())


# ---- killed processes


SENDER = """
import asyncio, sys
import mqtt_sim

async def main(url, path, qos):
    client = mqtt_sim.Client(url, client_id="sender", store=path, in_flight_maximum=5, reconnect_period=0.05)
    if sys.argv[4] == "fresh":
        for number in range(200):
            client.publish("numbers", str(number), qos)
        await client.wait_kept()
        print("kept", flush=True)
    await client.connect()
    while client.in_flight:
        await asyncio.sleep(0.005)
    await client.end()
    print("through", flush=True)

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


def start(text: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", text, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.req("Y-05")
@pytest.mark.parametrize("qos", [1, 2])
def test_killed_sender_loses_nothing_and_doubles_nothing_at_qos_2(tmp_path: Path, qos: int) -> None:
    chance = random.Random(4)

    async def work(url: str) -> list[int]:
        async with mqtt_sim.Client(url) as reader:
            await reader.subscribe("numbers", 2)
            stream = reader.messages()
            process = start(SENDER, url, tmp_path / "s", qos, "fresh")
            assert process.stdout is not None
            assert await asyncio.to_thread(process.stdout.readline) == "kept\n", process.communicate()[1]
            seen: list[int] = []
            for _ in range(8):  # killed when some messages more have come
                for _ in range(chance.randrange(1, 20)):
                    seen.append(int((await stream.get(60)).payload))
                process.send_signal(signal.SIGKILL)
                process.communicate()
                process = start(SENDER, url, tmp_path / "s", qos, "resumed")
            assert (await asyncio.to_thread(process.communicate))[0] == "through\n"
            await reader.publish("numbers", "-1", 2)
            while (number := int((await stream.get(60)).payload)) >= 0:
                seen.append(number)
            return seen

    with mqtt_sim.Broker() as broker:
        seen = asyncio.run(asyncio.wait_for(work(broker.url), 240))
    assert sorted(set(seen)) == list(range(200))
    if qos == 2:
        assert seen == list(range(200))


RECEIVER = """
import asyncio, os, sys
import mqtt_sim

async def main(url, path, log):
    client = mqtt_sim.Client(
        url, client_id="receiver", store=path, protocol_version=5, session_expiry_interval=600, receive_maximum=1,
        manual_acknowledge=True,
    )
    stream = client.messages()
    await client.connect()
    await client.subscribe("numbers", 2)
    print("ready", flush=True)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    async for message in stream:
        os.write(file, message.payload + b"\\n")
        client.acknowledge(message)
        if message.payload == b"299":
            await client.end()

asyncio.run(main(*sys.argv[1:4]))
"""


@pytest.mark.req("Y-05")
def test_killed_receiver_gets_each_message_again_until_it_has_acknowledged(tmp_path: Path) -> None:
    chance = random.Random(5)
    log = tmp_path / "log"

    def numbers() -> list[int]:
        return [int(line) for line in log.read_text().splitlines()] if log.exists() else []

    async def work(url: str) -> None:
        process = start(RECEIVER, url, tmp_path / "s", log)
        assert process.stdout is not None
        assert await asyncio.to_thread(process.stdout.readline) == "ready\n", process.communicate()[1]
        async with mqtt_sim.Client(url) as sender:
            for number in range(300):
                sender.publish("numbers", str(number), 2)
            await sender.flush()
            for _ in range(5):
                wanted = len(numbers()) + chance.randrange(1, 25)
                while len(numbers()) < wanted:
                    await asyncio.sleep(0.002)
                process.send_signal(signal.SIGKILL)
                process.communicate()
                process = start(RECEIVER, url, tmp_path / "s", log)
            await asyncio.to_thread(process.communicate)

    with mqtt_sim.Broker() as broker:
        asyncio.run(asyncio.wait_for(work(broker.url), 240))
    seen = numbers()
    assert sorted(set(seen)) == list(range(300))
    assert len(seen) <= 300 + 5  # receive_maximum is 1: each kill may hit one between its line and its acknowledgement
    assert [number for index, number in enumerate(seen) if number not in seen[:index]] == list(range(300))


class Database(mqtt_sim.SessionStore):
    """The session in a database of the user's."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def open(self, client_id: str) -> StoredSession:
        self._database = sqlite3.connect(self._path, check_same_thread=False)
        self._database.execute("CREATE TABLE IF NOT EXISTS change(kind, id, publish)")
        session = StoredSession()
        for kind, packet_id, publish in self._database.execute("SELECT kind, id, publish FROM change ORDER BY rowid"):
            row = None if publish is None else StoredPublish(*eval(publish))
            session.apply(Change(kind, packet_id, row))
        return session

    def write(self, changes: Sequence[Change]) -> None:
        rows = [(one.kind, one.packet_id, one.publish and repr(tuple(one.publish))) for one in changes]
        with self._database:
            self._database.executemany("INSERT INTO change VALUES (?, ?, ?)", rows)

    def close(self) -> None:
        self._database.close()


@pytest.mark.req("Y-05")
def test_store_of_the_users_own(run: Run, tmp_path: Path, broker: mqtt_sim.Broker) -> None:
    async def work() -> None:
        client = mqtt_sim.Client("mqtt://127.0.0.1:1", store=Database(tmp_path / "db"), **OPTIONS)
        client.on("error", lambda _: None)
        client.publish("t", "one", 2, retain=True)
        await client.wait_kept()
        await client.end(force=True)
        async with mqtt_sim.Client(broker.url, store=Database(tmp_path / "db"), **OPTIONS) as client:
            await client.restored[0]
            await client.subscribe("t", 2)
            assert (await client.messages().get(20)).text() == "one"

    run(work())
    session = Database(tmp_path / "db").open("kept")
    assert session.publishes == {}
