"""Publishing, subscribing, receiving: completions, shapes, streams, requests, acknowledgements, queues."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from fake_server import CONNACK, Fake, read_packet

import mqtt_sim
from mqtt_sim.client.subscription import subscribe_entries

Run = Callable[[Any], Any]


async def until(condition: Callable[[], object], timeout: float = 10) -> None:
    """Waits for it; the test fails when it does not come."""
    async with asyncio.timeout(timeout):
        while not condition():
            await asyncio.sleep(0.005)


# ---- publish


@pytest.mark.req("C-16")
def test_publish_completes_when_its_qos_is_through(run: Run) -> None:
    """Written at QoS 0; PUBACK at 1; PUBCOMP at 2."""
    steps: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_packet(reader)
        writer.write(CONNACK)
        while True:
            first, body = await read_packet(reader)
            await asyncio.sleep(0.05)
            if first == 0x32:
                steps.append("PUBACK")
                writer.write(b"\x40\x02" + body[3:5])
            elif first == 0x34:
                steps.append("PUBREC")
                writer.write(b"\x50\x02" + body[3:5])
            elif first == 0x62:
                steps.append("PUBCOMP")
                writer.write(b"\x70\x02" + body)

    async def work() -> None:
        async with Fake(serve) as server, mqtt_sim.Client(server.url) as client:
            for qos in (0, 1, 2):
                delivery = await client.publish("t", "x", qos)
                steps.append(f"done {qos}")
                assert delivery.is_done
                assert delivery.error is None

    run(work())
    assert steps == ["done 0", "PUBACK", "done 1", "PUBREC", "PUBCOMP", "done 2"]


@pytest.mark.req("C-16")
def test_publish_calls_back(run: Run, broker: mqtt_sim.Broker) -> None:
    async def work() -> list[mqtt_sim.Delivery]:
        done: list[mqtt_sim.Delivery] = []
        async with mqtt_sim.Client(broker.url) as client:
            client.publish("t", "x", 1, on_complete=done.append)
            await client.flush()
            assert client.in_flight == 0
        return done

    assert [delivery.topic for delivery in run(work())] == ["t"]


@pytest.mark.req("A-10")
def test_reason_of_the_acknowledgement_is_told(run: Run, broker: mqtt_sim.Broker) -> None:
    async def work() -> None:
        async with mqtt_sim.Client(broker.url, protocol_version=5) as client:
            assert (await client.publish("nobody/listens", "x", 1)).reason == 0x10
            await client.subscribe("nobody/#")
            assert (await client.publish("nobody/listens", "x", 1)).reason == 0

    run(work())


def test_publish_that_the_broker_refuses_raises_with_the_reason(run: Run, tmp_path: Any) -> None:
    (tmp_path / "acl").write_text("topic read #\ntopic write open/#\n")

    async def work(url: str) -> None:
        async with mqtt_sim.Client(url, protocol_version="5.0") as client:
            with pytest.raises(mqtt_sim.DeliveryError, match="not authorized") as failed:
                await client.publish("closed/a", "x", 1)
            assert (failed.value.reason, failed.value.topic) == (0x87, "closed/a")
            await client.publish("open/a", "x", 1)

    with mqtt_sim.Broker(acl_file=tmp_path / "acl") as broker:
        run(work(broker.url))


def test_awaiting_twice_gives_the_same(run: Run, broker: mqtt_sim.Broker) -> None:
    async def work() -> None:
        async with mqtt_sim.Client(broker.url) as client:
            delivery = client.publish("t", "x", 1)
            first, second = await asyncio.gather(_awaited(delivery), _awaited(delivery))
            assert first is second is await delivery
            answer = client.subscribe("t")
            assert await answer == await answer

    run(work())


async def _awaited(delivery: mqtt_sim.Delivery) -> mqtt_sim.Delivery:
    return await delivery


def test_cancelling_in_the_middle_of_qos_2_cancels_the_waiting_only(run: Run) -> None:
    answer = asyncio.Event()
    released: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_packet(reader)
        writer.write(CONNACK)
        _, body = await read_packet(reader)
        await answer.wait()
        writer.write(b"\x50\x02" + body[3:5])
        released.append((await read_packet(reader))[1])
        writer.write(b"\x70\x02" + body[3:5])
        await reader.read()

    async def work() -> None:
        async with Fake(serve) as server, mqtt_sim.Client(server.url) as client:
            delivery = client.publish("t", "x", 2)
            task = asyncio.ensure_future(_awaited(delivery))
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            answer.set()
            await delivery
            assert len(released) == 1

    run(work())


@pytest.mark.req("C-17", "Y-04")
def test_publish_before_connect_is_sent_after_it_and_retained(run: Run, broker: mqtt_sim.Broker) -> None:
    async def work() -> None:
        client = mqtt_sim.Client(broker.url)
        early = client.publish("welcome", "hello", 1, retain=True)
        await client.connect()
        await early
        await client.end()
        async with mqtt_sim.Client(broker.url) as late:
            await late.subscribe("welcome", 1)
            message = await late.messages().get(5)
            assert (message.text(), message.retain, message.qos) == ("hello", True, 1)

    run(work())


@pytest.mark.req("Y-04")
def test_queue_qos_zero_off_loses_what_cannot_leave_at_once(run: Run, broker: mqtt_sim.Broker) -> None:
    async def work() -> None:
        client = mqtt_sim.Client(broker.url, queue_qos_zero=False)
        early, kept = client.publish("t", "x", 0), client.publish("t", "x", 1)
        await client.connect()
        with pytest.raises(mqtt_sim.DeliveryError, match="not connected"):
            await early
        await kept
        await client.end()

    run(work())


@pytest.mark.req("C-08")
def test_publish_in_flight_is_sent_again_after_a_lost_session(run: Run) -> None:
    """At QoS 1 as a new message; at QoS 2, where that might mean twice, it fails."""
    payloads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_packet(reader)
        writer.write(CONNACK)
        for _ in range(2):
            first, body = await read_packet(reader)
            payloads.append(bytes([first]) + body[5:])
            if len(payloads) > 2:
                writer.write(b"\x40\x02" + body[3:5])
                await reader.read()
        writer.transport.abort()

    async def work() -> None:
        async with Fake(serve) as server:
            client = mqtt_sim.Client(server.url, reconnect_period=0.02)
            client.on("error", lambda _: None)
            await client.connect()
            once, twice = client.publish("t", "one", 1), client.publish("t", "two", 2)
            with pytest.raises(mqtt_sim.DeliveryError, match="session"):
                await twice
            await once
            await client.end(force=True)

    run(work())
    assert payloads == [b"\x32one", b"\x34two", b"\x32one"]


@pytest.mark.req("C-08", "C-07")
def test_publish_in_flight_of_a_kept_session_is_sent_again_with_dup(run: Run) -> None:
    firsts: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_packet(reader)
        writer.write(b"\x20\x02" + (b"\1\0" if firsts else b"\0\0"))
        first, body = await read_packet(reader)
        firsts.append(first)
        if len(firsts) == 2:
            writer.write(b"\x40\x02" + body[3:5])
            await reader.read()
        writer.transport.abort()

    async def work() -> None:
        async with Fake(serve) as server:
            client = mqtt_sim.Client(server.url, reconnect_period=0.02, client_id="kept", clean=False)
            client.on("error", lambda _: None)
            await client.connect()
            await client.publish("t", "one", 1)
            await client.end(force=True)

    run(work())
    assert firsts == [0x32, 0x3A]


@pytest.mark.req("C-07")
def test_session_keeps_messages_while_away(run: Run, broker: mqtt_sim.Broker) -> None:
    async def work() -> None:
        options: dict[str, Any] = {"client_id": "away", "clean": False}
        async with mqtt_sim.Client(broker.url, **options) as client:
            await client.subscribe("t", 2)
        async with mqtt_sim.Client(broker.url) as other:
            for index in range(500):
                other.publish("t", str(index), 1 + index % 2)
            await other.flush()
        client = mqtt_sim.Client(broker.url, **options)
        connack = await client.connect()
        assert connack.session_present
        stream = client.messages()
        assert [int((await stream.get(5)).payload) for _ in range(500)] == list(range(500))
        await client.end()

    run(work())


@pytest.mark.req("C-10")
@pytest.mark.parametrize(("how", "is_sent"), [("kill", True), ("end", False), ("with will", True)])
def test_will(run: Run, broker: mqtt_sim.Broker, how: str, is_sent: bool) -> None:
    async def work() -> None:
        async with mqtt_sim.Client(broker.url) as watcher:
            await watcher.subscribe("will", 1)
            will = {"topic": "will", "payload": "gone", "qos": 1}
            client = mqtt_sim.Client(broker.url, protocol_version=5, will=will)
            await client.connect()
            await client.end(force=how == "kill", reason=0x04 if how == "with will" else 0)
            await watcher.publish("will", "last", 1)
            stream = watcher.messages()
            got = [(await stream.get(5)).text()]
            if got == ["gone"]:
                got.append((await stream.get(5)).text())
            assert got == (["gone", "last"] if is_sent else ["last"])

    run(work())


@pytest.mark.req("C-24")
def test_json_both_ways(run: Run, broker: mqtt_sim.Broker) -> None:
    async def work() -> None:
        async with mqtt_sim.Client(broker.url) as client:
            await client.subscribe("t")
            await client.publish_json("t", {"a": [1, "ä"]})
            await client.publish("t", "{no json")
            stream = client.messages()
            assert (await stream.get(5)).json() == {"a": [1, "ä"]}
            with pytest.raises(mqtt_sim.DecodeError, match="no JSON"):
                (await stream.get(5)).json()
            with pytest.raises(mqtt_sim.UsageError, match="publish_json"):
                client.publish_json("t", {1j})

    run(work())


@pytest.mark.req("Y-06")
@pytest.mark.parametrize("mode", ["auto", "use"])
def test_topic_alias(run: Run, broker: mqtt_sim.Broker, mode: str) -> None:
    async def work() -> list[int]:
        sizes: list[int] = []
        client = mqtt_sim.Client(broker.url, protocol_version=5, topic_alias=mode)
        client.on("packetsend", lambda packet: packet.name == "PUBLISH" and sizes.append(packet.size))
        async with client:
            await client.subscribe("a/long/topic")
            properties = {"topic_alias": 1} if mode == "use" else {}
            for topic in ("a/long/topic", "" if mode == "use" else "a/long/topic"):
                await client.publish(topic, "x", properties=properties)
            stream = client.messages()
            assert [(await stream.get(5)).topic for _ in range(2)] == ["a/long/topic"] * 2
        return sizes

    first, second = run(work())
    assert first - second == len("a/long/topic")


def test_properties_travel(run: Run, broker: mqtt_sim.Broker) -> None:
    async def work() -> None:
        async with mqtt_sim.Client(broker.url, protocol_version="5.0") as client:
            await client.subscribe("t", subscription_identifier=7)
            given = {
                "content_type": "text/plain",
                "user_properties": [("a", "1"), ("a", "2")],
                "payload_format": "text",
            }
            await client.publish("t", "x", properties=given)
            message = await client.messages().get(5)
            assert message.properties["content_type"] == "text/plain"
            assert message.user_properties == [("a", "1"), ("a", "2")]
            assert message.properties["subscription_identifier"] == [7]
            with pytest.raises(mqtt_sim.UsageError, match="content_type"):
                client.publish("t", "x", properties={"content_typ": "x"})
            with pytest.raises(mqtt_sim.UsageError, match="message_expiry_interval"):
                client.publish("t", "x", properties={"message_expiry": -1})

    run(work())


# ---- subscribe


@pytest.mark.unit
@pytest.mark.req("C-13", "C-14")
@pytest.mark.parametrize(
    ("given", "entries"),
    [
        ("a", [("a", 1)]),
        (["a", "b"], [("a", 1), ("b", 1)]),
        (("a", 2), [("a", 2)]),
        ([("a", 2), "b"], [("a", 2), ("b", 1)]),
        (("a", "b"), [("a", 1), ("b", 1)]),
        ({"a": 0, "b": 2}, [("a", 0), ("b", 2)]),
        ({"a": {"qos": 2}, "b": {"no_local": True, "retain_handling": "do_not_send"}}, [("a", 2), ("b", 0b100101)]),
    ],
)
def test_filters_come_in_every_shape(given: Any, entries: list[tuple[str, int]]) -> None:
    assert subscribe_entries(given, qos=1) == entries


@pytest.mark.unit
@pytest.mark.parametrize(
    "given", [5, b"a", [], {}, "", "a/#/b", "a+", ["a", 5], {"a": 3}, {"a": {"qoss": 1}}, ("a", "")]
)
def test_other_shapes_are_refused(given: Any) -> None:
    with pytest.raises(mqtt_sim.UsageError):
        subscribe_entries(given, qos=0)


@pytest.mark.req("C-13", "C-14", "C-15")
def test_one_packet_and_grants_in_order(run: Run, broker: mqtt_sim.Broker) -> None:
    async def work() -> None:
        sent: list[str] = []
        client = mqtt_sim.Client(broker.url)
        client.on("packetsend", lambda packet: sent.append(packet.name))
        async with client:
            grants = await client.subscribe({"test1": 0, "test2": 1, "test3": 2})
            assert grants == [("test1", 0), ("test2", 1), ("test3", 2)]
            assert sent.count("SUBSCRIBE") == 1

    run(work())


@pytest.mark.req("A-16", "C-15")
@pytest.mark.parametrize(("version", "code"), [("3.1.1", 0x80), ("5.0", 0x87)])
def test_refused_filter_is_an_error_with_code_and_topic(run: Run, tmp_path: Any, version: str, code: int) -> None:
    (tmp_path / "acl").write_text("topic read open/#\n")

    async def work(url: str) -> None:
        called: list[Any] = []
        async with mqtt_sim.Client(url, protocol_version=version) as client:
            with pytest.raises(mqtt_sim.SubscribeError, match="closed") as failed:
                await client.subscribe(["open/a", "closed/a"], on_complete=lambda *got: called.append(got))
            assert failed.value.refused == {"closed/a": code}
            assert called[0][1] == [("open/a", 0), ("closed/a", code)]
            await client.subscribe("open/b", on_complete=lambda *got: called.append(got))
            assert called[1] == (None, [("open/b", 0)])

    with mqtt_sim.Broker(acl_file=tmp_path / "acl") as broker:
        run(work(broker.url))


def test_unsubscribe(run: Run, broker: mqtt_sim.Broker) -> None:
    async def work() -> None:
        async with mqtt_sim.Client(broker.url, protocol_version=5) as client:
            await client.subscribe("a")
            assert await client.unsubscribe(["a", "never"]) == [0, 0x11]
            assert (await client.publish("a", "x", 1)).reason == 0x10

    run(work())


@pytest.mark.req("Y-04")
@pytest.mark.parametrize("resubscribe", [True, False])
def test_resubscribes_in_batches_after_a_lost_session(run: Run, resubscribe: bool) -> None:
    filters: list[list[bytes]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_packet(reader)
        writer.write(CONNACK)
        connection: list[bytes] = []
        filters.append(connection)
        while len(filters) > 1 or not connection:
            first, body = await read_packet(reader)
            if first == 0x82:
                connection.append(body[2:])
                count = body[2:].count(b"\0\1")
                writer.write(b"\x90" + bytes([2 + count]) + body[:2] + b"\0" * count)
        await asyncio.sleep(0.05)

    async def work() -> None:
        async with Fake(serve) as server:
            client = mqtt_sim.Client(server.url, reconnect_period=0.02, resubscribe=resubscribe, subscribe_batch_size=2)
            client.on("error", lambda _: None)
            await client.connect()
            await client.subscribe(["a", "b", "c"])
            await until(lambda: len(filters) == 2)
            await asyncio.sleep(0.1)
            await client.end(force=True)

    run(work())
    assert filters[1] == ([b"\0\1a\0\0\1b\0", b"\0\1c\0"] if resubscribe else [])


# ---- receive


def test_streams_each_get_what_they_match(run: Run, broker: mqtt_sim.Broker) -> None:
    async def work() -> None:
        async with mqtt_sim.Client(broker.url) as client:
            everything, some = client.messages(), client.messages("a/+/b")
            await client.subscribe("#")
            for topic in ("a/1/b", "c", "a/2/b"):
                await client.publish(topic, "x", 1)
            assert [(await some.get(5)).topic for _ in range(2)] == ["a/1/b", "a/2/b"]
            assert [(await everything.get(5)).topic for _ in range(3)] == ["a/1/b", "c", "a/2/b"]
            with pytest.raises(TimeoutError):
                await some.get(0.02)
            some.close()
            assert [message async for message in some] == []

    run(work())


def test_stream_ends_with_its_client(run: Run, broker: mqtt_sim.Broker) -> None:
    async def work() -> list[str]:
        client = mqtt_sim.Client(broker.url)
        await client.connect()
        await client.subscribe("t")
        client.publish("t", "x", 1)
        stream = client.messages()
        asyncio.get_running_loop().call_later(0.2, lambda: asyncio.ensure_future(client.end()))
        return [message.topic async for message in stream]

    assert run(work()) == ["t"]


def test_stream_raises_when_the_connection_ended_for_good(run: Run) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_packet(reader)
        writer.write(CONNACK)
        await asyncio.sleep(0.05)

    async def work() -> None:
        async with Fake(serve) as server, mqtt_sim.Client(server.url, reconnect_period=0) as client:
            with pytest.raises(mqtt_sim.ConnectError, match="closed by peer"):
                async for _ in client.messages():
                    pass

    run(work())


def test_request_and_response(run: Run, broker: mqtt_sim.Broker) -> None:
    async def work() -> None:
        options: dict[str, Any] = {"protocol_version": "5.0"}
        async with mqtt_sim.Client(broker.url, **options) as service, mqtt_sim.Client(broker.url, **options) as client:
            await service.subscribe("double")
            service.on("message", lambda _t, payload, request: service.respond(request, str(2 * int(payload))))
            answers = await asyncio.gather(*(client.request("double", str(n)) for n in range(20)))
            assert [int(answer.payload) for answer in answers] == [2 * n for n in range(20)]
            with pytest.raises(mqtt_sim.ResponseTimeout, match=r"0\.05 s"):
                await client.request("nobody", "x", timeout=0.05)
        async with mqtt_sim.Client(broker.url) as old:
            with pytest.raises(mqtt_sim.UsageError, match=r"5\.0"):
                await old.request("double", "1")

    run(work())


@pytest.mark.req("Y-07")
@pytest.mark.parametrize("qos", [1, 2])
def test_manual_acknowledgement_holds_the_window(run: Run, broker: mqtt_sim.Broker, qos: int) -> None:
    """No more than receive_maximum messages come before one is acknowledged."""

    async def work() -> None:
        options: dict[str, Any] = {"protocol_version": 5, "manual_acknowledge": True, "receive_maximum": 2}
        async with mqtt_sim.Client(broker.url) as sender, mqtt_sim.Client(broker.url, **options) as client:
            await client.subscribe("t", qos)
            for index in range(5):
                sender.publish("t", str(index), qos)
            stream = client.messages()
            first, second = await stream.get(5), await stream.get(5)
            with pytest.raises(TimeoutError):
                await stream.get(0.1)
            client.acknowledge(second)  # leaves after the first one
            with pytest.raises(TimeoutError):
                await stream.get(0.1)
            client.acknowledge(first, 0x10)
            client.acknowledge(first)
            assert [(await stream.get(5)).text() for _ in range(2)] == ["2", "3"]
            with pytest.raises(mqtt_sim.UsageError, match="0x87"):
                client.acknowledge(first, 5)
            with pytest.raises(mqtt_sim.UsageError, match="manual_acknowledge"):
                sender.acknowledge(first)

    run(work())


@pytest.mark.req("Y-07")
def test_awaited_handler_acknowledges_with_what_it_returns(run: Run) -> None:
    acknowledged: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_packet(reader)
        writer.write(b"\x20\x03\0\0\0")
        for number in (1, 2, 3):
            writer.write(b"\x32\x06\0\1t\0" + bytes([number]) + b"\0")
        while len(acknowledged) < 3:
            acknowledged.append((await read_packet(reader))[1])
        await reader.read()

    async def work() -> None:
        order: list[int] = []

        async def handle(_topic: str, _payload: bytes, message: mqtt_sim.Message) -> int | None:
            await asyncio.sleep(0.03 / message.packet_id)
            order.append(message.packet_id)
            if message.packet_id == 3:
                raise RuntimeError("mine")
            return 0x87 if message.packet_id == 2 else None

        async with Fake(serve) as server:
            asyncio.get_running_loop().set_exception_handler(lambda *_: None)
            client = mqtt_sim.Client(server.url, protocol_version=5, manual_acknowledge=True)
            client.on("message", handle)
            client.on("error", lambda _: None)
            await client.connect()
            await until(lambda: len(acknowledged) == 3)
            assert order == [1, 2, 3]
            await client.end(force=True)

    run(work())
    assert acknowledged == [b"\0\1", b"\0\2\x87", b"\0\3\x80"]


def test_slow_reader_leaves_messages_in_the_socket(run: Run, broker: mqtt_sim.Broker) -> None:
    count = 30_000

    async def work() -> None:
        async with (
            mqtt_sim.Client(broker.url) as sender,
            mqtt_sim.Client(broker.url, queue_limit=100, keep_alive=1, reconnect_period=0) as reader,
        ):
            await reader.subscribe("t", 1)
            stream = reader.messages()
            for index in range(count):
                sender.publish("t", f"{index:>100}", 1)
                if index % 1000 == 999:
                    await sender.flush()
            await asyncio.sleep(3.2)  # longer than the server waits for a sign of life
            assert len(stream) < 20_000  # what one read brought, not all
            assert reader.is_connected
            got = [int((await stream.get(5)).payload) for _ in range(count)]
            assert got == list(range(count))

    with mqtt_sim.Broker(max_queued=100_000, max_queued_bytes="100MB") as broker:
        run(work())


@pytest.mark.parametrize(("policy", "first"), [("drop_oldest", 400), ("drop_newest", 0)])
def test_blocked_loop_drops_as_the_policy_says(run: Run, broker: mqtt_sim.Broker, policy: str, first: int) -> None:
    import time

    async def work() -> None:
        async with mqtt_sim.Client(broker.url, queue_limit=100, queue_policy=policy) as client:
            await client.subscribe("t")
            stream = client.messages()
            for index in range(500):
                client.publish("t", str(index), 1)
            time.sleep(0.5)  # the engine goes on meanwhile
            await client.flush()
            got = [int((await stream.get(5)).payload) for _ in range(len(stream))]
            assert got == list(range(first, first + 100))
            assert client.dropped == 400

    run(work())


def test_messages_that_nobody_wanted_are_counted(run: Run, broker: mqtt_sim.Broker) -> None:
    async def work() -> None:
        async with mqtt_sim.Client(broker.url) as client:
            client.messages().close()
            await client.subscribe("t")
            await client.publish("t", "x", 1)
            await until(lambda: client.unclaimed == 1)

    run(work())


def test_clients_of_one_loop_share_a_thread(run: Run, broker: mqtt_sim.Broker) -> None:
    import os

    async def work() -> None:
        before = len(os.listdir("/proc/self/task"))
        clients = [mqtt_sim.Client(broker.url) for _ in range(200)]
        await asyncio.gather(*(client.connect() for client in clients))
        assert len({client.client_id for client in clients}) == 200
        assert len(os.listdir("/proc/self/task")) == before + 1
        await asyncio.gather(*(_awaited(client.publish("t", "x", 1)) for client in clients))
        await asyncio.gather(*(client.end() for client in clients))
        await asyncio.sleep(0.1)
        assert len(os.listdir("/proc/self/task")) == before

    run(work())
