"""Clients without a network: streams of this process."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
from collections.abc import Callable
from typing import Any

import pytest

import mqtt_sim

Run = Callable[..., Any]

CONNECT = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01c"
CONNACK = b"\x20\x02\x00\x00"


@pytest.mark.req("A-05")
def test_bytes_go_both_ways_and_either_side_ends(run: Run, seen: Any) -> None:
    async def work() -> None:
        async with mqtt_sim.Broker() as broker:
            broker.on("client_connected", lambda client: seen.note((client.id, client.listener, client.address)))
            broker.on("client_disconnected", lambda client: seen.note(client.reason))
            async with broker.pair() as stream:
                await stream.write(CONNECT)
                assert await stream.read_exactly(4) == CONNACK
                await stream.write(b"\x82\x06\x00\x01\x00\x01a\x00" + b"\xc0\x00")
                assert await stream.read_exactly(7) == b"\x90\x03\x00\x01\x00" + b"\xd0\x00"
                await broker.publish("a", "x")
                assert await stream.read() == b"\x30\x04\x00\x01ax"
            second = broker.pair()
            await second.write(CONNECT)
            assert await second.read_exactly(4) == CONNACK
            assert broker.clients["c"].close()
            assert await second.read() == b""
            with pytest.raises(mqtt_sim.ClientClosed, match="after 0 of 3 bytes"):
                await second.read_exactly(3)
            second.close()
            second.close()
            with pytest.raises(mqtt_sim.ClientClosed):
                await second.write(b"x")

    run(work())
    assert seen == [("c", "attached", "memory"), "socket", ("c", "attached", "memory"), "owner"]


@pytest.mark.req("A-05")
def test_what_is_no_mqtt_is_closed(run: Run) -> None:
    async def work() -> bytes:
        async with mqtt_sim.Broker() as broker, broker.pair() as stream:
            await stream.write(b"GET / HTTP/1.1\r\n\r\n")
            return await stream.read()

    assert run(work()) == b""


@pytest.mark.req("A-05")
def test_clients_come_by_the_memory_url_with_hooks_events_and_limits(run: Run, seen: Any) -> None:
    async def work() -> None:
        broker = mqtt_sim.Broker(max_connections=1, authenticate=lambda client, name, password: name == "anna")
        async with broker:
            broker.on("published", lambda packet, client: seen.note((packet.topic, client.id, client.listener)))
            url = broker.memory_url
            assert url == broker.memory_url
            with pytest.raises(mqtt_sim.ConnectError) as refused:
                await mqtt_sim.Client(url, username="bob", reconnect_period=0, protocol_version=5).connect()
            assert refused.value.reason == 0x87
            async with mqtt_sim.Client(url, client_id="anna", username="anna") as client:
                await client.subscribe("a/#", qos=1)
                messages = client.messages()
                await client.publish("a/b", bytes(1_000_000), qos=1)
                message = await anext(messages)
                assert (message.topic, len(message.payload)) == ("a/b", 1_000_000)
                with pytest.raises(mqtt_sim.ConnectError) as full:
                    await mqtt_sim.Client(url, username="anna", reconnect_period=0, protocol_version=5).connect()
                assert full.value.reason == 0x97

    run(work())
    assert seen == [("a/b", "anna", "attached")]


@pytest.mark.req("A-05")
def test_a_client_comes_back_and_ends_with_the_broker(run: Run) -> None:
    async def work() -> None:
        async with mqtt_sim.Broker() as broker:
            client = mqtt_sim.Client(broker.memory_url, client_id="c", reconnect_period=0.05, connect_timeout=5)
            connects: asyncio.Queue[Any] = asyncio.Queue()
            client.on("connect", connects.put_nowait)
            async with client:
                await asyncio.wait_for(connects.get(), 10)
                broker.clients["c"].close()
                await asyncio.wait_for(connects.get(), 10)
                closed: asyncio.Queue[Any] = asyncio.Queue()
                client.on("close", lambda: closed.put_nowait(client.state))
                url = broker.memory_url
                await asyncio.get_running_loop().run_in_executor(None, broker.stop)
                await asyncio.wait_for(closed.get(), 10)
                late = mqtt_sim.Client(url, reconnect_period=0)
                with pytest.raises(mqtt_sim.ConnectError, match="connection refused"):
                    await late.connect()

    run(work())


def test_blocking_clients_and_several_brokers() -> None:
    with mqtt_sim.Broker() as one, mqtt_sim.Broker() as other:
        assert one.memory_url != other.memory_url
        with mqtt_sim.connect(one.memory_url, client_id="c") as client:
            client.publish("a", "x", qos=1)
            assert (list(one.clients), list(other.clients)) == (["c"], [])


@pytest.mark.req("A-05")
def test_any_connected_stream_can_be_attached() -> None:
    with mqtt_sim.Broker() as broker, socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
        broker.attach(far)
        assert far.fileno() == -1  # it is the broker's now
        with near:
            near.sendall(CONNECT)
            near.settimeout(10)
            assert near.recv(4) == CONNACK
            assert broker.clients["c"].address == "{}:{}".format(*near.getsockname())
        ours, theirs = socket.socketpair()
        broker.attach(theirs.detach())
        with ours:
            ours.sendall(CONNECT)
            ours.settimeout(10)
            assert ours.recv(4) == CONNACK


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: "stream", "found str"),
        (lambda: True, "found bool"),
        (lambda: 1_000_000, "not a connected stream socket"),
        (lambda: socket.socket(), "not a connected stream socket"),
        (lambda: socket.socket(type=socket.SOCK_DGRAM), "SOCK_STREAM"),
        (lambda: os.open("/dev/null", os.O_RDWR), "not a connected stream socket"),
    ],
)
def test_what_cannot_be_attached(make: Any, words: str) -> None:
    with mqtt_sim.Broker() as broker:
        stream = make()
        with pytest.raises(mqtt_sim.UsageError, match=words):
            broker.attach(stream)
        if isinstance(stream, socket.socket):
            stream.close()
        elif isinstance(stream, int) and not isinstance(stream, bool) and stream < 1000:
            os.close(stream)


def test_without_a_running_broker_there_is_nobody_to_attach_to() -> None:
    broker = mqtt_sim.Broker()
    for _ in range(2):
        with pytest.raises(mqtt_sim.ClientClosed, match=r"does not run|has ended"):
            broker.pair()
        with pytest.raises(mqtt_sim.ClientClosed, match=r"does not run|has ended"):
            _ = broker.memory_url
        ours, theirs = socket.socketpair()
        with ours, theirs:
            with pytest.raises(mqtt_sim.ClientClosed, match=r"does not run|has ended"):
                broker.attach(theirs)
            assert theirs.fileno() >= 0
        if not broker.closed:
            with broker:
                pass


@pytest.mark.parametrize("url", ["mqtt+memory://", "mqtt+memory://x:1", "mqtt+memory://x/y", "mqtt+memory:///x"])
def test_wrong_memory_urls(url: str) -> None:
    with pytest.raises(mqtt_sim.UsageError, match=r"memory_url|port"):
        mqtt_sim.Client(url)


def test_streams_leave_no_descriptors_behind() -> None:
    def count() -> int:
        gc.collect()
        return len(os.listdir("/proc/self/fd"))

    with mqtt_sim.Broker() as broker:
        with mqtt_sim.connect(broker.memory_url) as client:
            client.publish("a", qos=1)
        before = count()
        for _ in range(20):
            broker.pair().close()
            with mqtt_sim.connect(broker.memory_url) as client:
                client.publish("a", qos=1)
        while broker.stats()["connections"]:
            pass
        assert count() <= before
