"""Events in the order in which MQTT.js gives them, states, and handlers that misbehave."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from fake_server import CONNACK, Fake, read_packet, recorder
from outside import free_port

import mqtt_sim
from mqtt_sim.client.message import Message, Packet

Run = Callable[[Any], Any]


async def until(condition: Callable[[], object], timeout: float = 10) -> None:
    """Waits for it; the test fails when it does not come."""
    async with asyncio.timeout(timeout):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.mark.req("C-18", "C-21")
def test_graceful_end(run: Run, broker: mqtt_sim.Broker) -> None:
    async def work() -> list[str]:
        client = mqtt_sim.Client(broker.url)
        seen = recorder(client)
        await client.connect()
        await client.end()
        return seen

    assert run(work()) == ["connect", "close", "end"]


@pytest.mark.req("C-19", "C-22")
def test_broker_drops_the_connection(run: Run) -> None:
    streams: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        streams.append(writer)
        await read_packet(reader)
        writer.write(CONNACK)
        await reader.read()

    async def work() -> list[str]:
        async with Fake(serve) as server:
            client = mqtt_sim.Client(server.url, reconnect_period=0.05)
            seen = recorder(client)
            await client.connect()
            streams[0].close()
            await until(lambda: seen.count("connect") == 2)
            told = list(seen)
            await client.end()
            return told

    assert run(work()) == ["connect", "offline", "close", "reconnect", "connect"]


@pytest.mark.req("C-19", "C-20", "C-22", "A-15")
def test_nobody_listens_and_offline_is_told_once(run: Run, nobody: str) -> None:
    async def work() -> list[str]:
        client = mqtt_sim.Client(nobody, reconnect_period=0.05)
        seen = recorder(client)
        client.start()
        await until(lambda: seen.count("close") == 3)
        told = list(seen)
        await client.end()
        return told

    assert run(work()) == ["error", "offline", "close", "reconnect", "error", "close", "reconnect", "error", "close"]


@pytest.mark.req("C-22", "Y-02")
@pytest.mark.parametrize(
    ("version", "order"), [("3.1.1", ["offline", "close"]), ("5.0", ["disconnect", "offline", "close"])]
)
def test_session_taken_over(run: Run, broker: mqtt_sim.Broker, version: str, order: list[str]) -> None:
    async def work() -> list[str]:
        options: dict[str, Any] = {"client_id": "one", "protocol_version": version, "reconnect_period": 0}
        first = mqtt_sim.Client(broker.url, **options)
        seen = recorder(first)
        await first.connect()
        async with mqtt_sim.Client(broker.url, **options):
            await until(lambda: first.state == "closed")
        await first.end()
        return seen

    assert run(work())[: len(order) + 1] == ["connect", *order]


@pytest.mark.req("C-20")
def test_refusal_ends_without_further_attempts(run: Run) -> None:
    async def work(url: str) -> list[str]:
        client = mqtt_sim.Client(url, username="anna", password="wrong", reconnect_period=0.02)
        seen = recorder(client)
        client.start()
        await until(lambda: client.state == "closed")
        await asyncio.sleep(0.1)
        return seen

    with mqtt_sim.Broker(credentials={"anna": "right"}) as broker:
        assert run(work(broker.url)) == ["error", "offline", "close"]


@pytest.mark.req("Y-03")
@pytest.mark.parametrize(("retry", "attempts"), [(True, 3), (False, 1), (None, 3)])
def test_refusal_for_the_moment_is_retried_as_told(run: Run, retry: bool | None, attempts: int) -> None:
    tries: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tries.append(1)
        await read_packet(reader)
        writer.write(b"\x20\x02\x00\x03")  # server unavailable

    async def work() -> None:
        async with Fake(serve) as server:
            client = mqtt_sim.Client(server.url, reconnect_period=0.02, reconnect_on_connack_error=retry)
            client.on("error", lambda _: None)
            client.start()
            await until(lambda: len(tries) >= attempts)
            if attempts == 1:
                await asyncio.sleep(0.1)
                assert client.state == "closed"
            await client.end()
        assert len(tries) == 1 if attempts == 1 else len(tries) >= attempts

    run(work())


@pytest.mark.req("C-08")
def test_reconnect_keeps_its_period(run: Run, nobody: str) -> None:
    async def work() -> int:
        client = mqtt_sim.Client(nobody, reconnect_period=0.1)
        seen = recorder(client, "error", "reconnect")
        client.start()
        await asyncio.sleep(0.55)
        await client.end()
        return seen.count("reconnect")

    assert run(work()) in (4, 5)


@pytest.mark.req("C-08")
def test_no_reconnect_with_period_zero(run: Run, nobody: str) -> None:
    async def work() -> list[str]:
        client = mqtt_sim.Client(nobody, reconnect_period=0)
        seen = recorder(client)
        client.start()
        await until(lambda: client.state == "closed")
        await asyncio.sleep(0.1)
        return seen

    assert run(work()) == ["error", "offline", "close"]


DOCUMENTED = {
    "idle": {"connecting"},
    "connecting": {"connected", "reconnecting", "closing", "closed"},
    "connected": {"reconnecting", "closing", "closed"},
    "reconnecting": {"connecting", "closed"},
    "closing": {"reconnecting", "closed"},
    "closed": {"connecting"},
}


@pytest.mark.req("A-09")
@pytest.mark.parametrize("seed", range(6))
def test_no_fault_leads_outside_the_documented_states(run: Run, seed: int) -> None:
    dice = random.Random(seed)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fate = dice.choice(["refuse", "drop", "silent", "garbage", "reset", "well", "well"])
        if fate == "drop":
            return
        await read_packet(reader)
        if fate == "refuse":
            writer.write(b"\x20\x02\x00\x03")
        elif fate == "garbage":
            writer.write(CONNACK + b"\xff\xff\xff\xff\xff")
        elif fate != "silent":
            writer.write(CONNACK)
        await asyncio.sleep(dice.random() * 0.02)
        if fate == "reset":
            writer.transport.abort()

    async def work() -> None:
        async with Fake(serve) as server:
            client = mqtt_sim.Client(server.url, reconnect_period=0.001, connect_timeout=0.03)
            client.on("error", lambda _: None)
            client.start()
            for _ in range(15):
                await asyncio.sleep(dice.random() * 0.02)
                if dice.random() < 0.2:
                    await client.end(force=dice.random() < 0.5, timeout=0.01)
                    client.start()
            await client.end(force=True)
            assert client.state == "closed"
            states = [(old, new) for _, old, new in client.transitions]
            assert len(states) > 10
            assert all(new in DOCUMENTED[old] for old, new in states), states

    run(work())


@pytest.mark.req("A-18")
def test_same_handler_counts_once(run: Run, broker: mqtt_sim.Broker) -> None:
    got: list[str] = []

    def on_message(topic: str, _: bytes, __: Message) -> None:
        got.append(topic)

    async def work() -> None:
        client = mqtt_sim.Client(broker.url)

        @client.on("connect")
        def install(_: object) -> None:
            client.on("message", on_message)
            client.subscribe("t")

        for _ in range(3):
            await client.connect()
            await client.end()
        await client.connect()
        await client.subscribe("t")
        await client.publish("t", "x", qos=1)
        await until(lambda: got)
        await client.end()

    run(work())
    assert got == ["t"]


@pytest.mark.req("A-17", "C-23")
def test_message_event_gives_topic_bytes_and_message(run: Run, broker: mqtt_sim.Broker) -> None:
    async def work() -> tuple[Any, ...]:
        got: list[tuple[Any, ...]] = []
        async with mqtt_sim.Client(broker.url) as client:
            client.on("message", lambda *arguments: got.append(arguments))
            await client.subscribe("t")
            await client.publish("t", b"\0\xff\xfe")
            await until(lambda: got)
        return got[0]

    topic, payload, message = run(work())
    assert (topic, payload, message.payload) == ("t", b"\0\xff\xfe", b"\0\xff\xfe")


@pytest.mark.req("Y-02")
def test_packets_are_shown_without_what_they_hold(run: Run, broker: mqtt_sim.Broker) -> None:
    async def work() -> tuple[list[Packet], list[Packet]]:
        sent: list[Packet] = []
        received: list[Packet] = []
        client = mqtt_sim.Client(broker.url, username="anna", password="hidden")
        client.on("packetsend", sent.append)
        client.on("packetreceive", received.append)
        async with client:
            await client.subscribe("a/b", qos=2)
            await client.publish("a/b", "payload", qos=2)
            await until(lambda: any(packet.name == "PUBREL" for packet in received))
        return sent, received

    sent, received = run(work())
    names = [packet.name for packet in sent]
    assert [name for name in names if name != "PUBREC"][:4] == ["CONNECT", "SUBSCRIBE", "PUBLISH", "PUBREL"]
    assert names[-1] == "DISCONNECT"
    assert [packet.name for packet in received][:2] == ["CONNACK", "SUBACK"]
    assert next(packet for packet in sent if packet.name == "PUBLISH").topic == "a/b"
    assert "hidden" not in repr(sent) + repr(received)


def test_unknown_event_is_refused_with_the_nearest() -> None:
    client = mqtt_sim.Client()
    with pytest.raises(mqtt_sim.UsageError, match='"connect"'):
        client.on("conect", print)
    with pytest.raises(mqtt_sim.UsageError, match="function"):
        client.on("connect", 5)  # type: ignore[type-var]


def test_once_and_off(run: Run, broker: mqtt_sim.Broker) -> None:
    got: list[str] = []

    async def work() -> None:
        client = mqtt_sim.Client(broker.url)
        client.once("connect", lambda _: got.append("once"))
        always = client.on("connect", lambda _: got.append("always"))
        for round_ in range(3):
            if round_ == 2:
                client.off("connect", always)
            await client.connect()
            await client.end()

    run(work())
    assert got == ["once", "always", "always"]


def test_handler_that_raises_is_reported_and_the_others_are_called(run: Run, broker: mqtt_sim.Broker) -> None:
    async def work() -> tuple[list[str], list[str], list[str]]:
        reported: list[str] = []
        errors: list[str] = []
        got: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["message"]))
        client = mqtt_sim.Client(broker.url)

        def broken(*_: object) -> None:
            raise ZeroDivisionError("mine")

        async def broken_too(*_: object) -> None:
            raise KeyError("mine, too")

        client.on("connect", broken)
        client.on("connect", broken_too)
        client.on("message", broken)
        client.on("message", lambda topic, *_: got.append(topic))
        client.on("error", lambda error: errors.append(type(error).__name__))
        async with client:
            await client.subscribe("t")
            await client.publish("t", qos=1)
            await until(lambda: got and len(errors) == 3)
        return reported, errors, got

    reported, errors, got = run(work())
    assert sorted(errors) == ["KeyError", "ZeroDivisionError", "ZeroDivisionError"]
    assert len(reported) == 3
    assert "broken" in reported[0]
    assert got == ["t"]


def test_handler_that_blocks_holds_nothing_up_in_the_engine(run: Run) -> None:
    """Keep-alive pings leave while Python does nothing."""
    import time

    pings: list[float] = []

    async def work() -> None:
        with mqtt_sim.Broker() as broker:
            client = mqtt_sim.Client(broker.url, keep_alive=1)
            client.on("packetsend", lambda packet: packet.name == "PINGREQ" and pings.append(time.monotonic()))
            client.on("connect", lambda _: time.sleep(2.6))
            await client.connect()
            await client.publish("t", "x", qos=1)
            assert client.state == "connected"
            await client.end()

    run(work())
    assert len(pings) >= 2


def test_error_without_a_handler_is_logged_and_kills_nothing(
    run: Run, nobody: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        client = mqtt_sim.Client(nobody.replace("mqtt://", "mqtt://anna:hidden@"), reconnect_period=0.02).start()
        await until(lambda: len(caplog.records) >= 2)
        await client.end()

    run(work())
    assert "connection refused" in caplog.text
    assert "hidden" not in caplog.text


@pytest.mark.req("A-15", "C-08")
def test_client_survives_a_broker_that_dies(run: Run) -> None:
    async def work() -> list[str]:
        port = free_port()
        first = mqtt_sim.Broker(port=port).start()
        client = mqtt_sim.Client(f"mqtt://127.0.0.1:{port}", reconnect_period=0.05)
        seen = recorder(client)
        await client.connect()
        await client.subscribe("t", qos=1)
        await asyncio.to_thread(first.stop)
        await until(lambda: "error" in seen)
        waiting = client.publish("t", "later", qos=1)
        second = await asyncio.to_thread(mqtt_sim.Broker(port=port).start)
        await waiting
        assert (await client.messages().get(5)).text() == "later"
        await client.end()
        await asyncio.to_thread(second.stop)
        return seen

    seen = run(work())
    assert seen[0] == "connect"
    assert seen[-3:] == ["connect", "close", "end"]
    assert all(after != before or after != "offline" for before, after in pairwise(seen))
