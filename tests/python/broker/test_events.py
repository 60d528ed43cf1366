"""The events of a broker: names, order, arguments; on a thread of its own and on the user's loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

import mqtt_sim
from mqtt_sim.inside.events import ALIASES, EVENTS

Run = Callable[..., Any]


@pytest.mark.req("X-16", "M-17", "M-18", "M-19", "M-21", "M-22", "M-23")
def test_normal_session_in_its_order(seen: Any) -> None:
    broker = mqtt_sim.Broker()
    names = [name for name in EVENTS if name not in ("error", "client_error", "connection_error")]
    for name in names:
        broker.on(name, lambda *arguments, name=name: seen.note((name, *arguments)))
    with broker:
        with mqtt_sim.BlockingClient(broker.url, client_id="c", username="anna", password="p") as client:
            client.subscribe("a/#", qos=1)
            client.publish("a/x", b"\x00\xff", qos=1)
            seen.wait_for(lambda items: any(item[0] == "ack" for item in items))
            client.unsubscribe("a/#")
        seen.wait_for(lambda items: any(item[0] == "client_disconnected" for item in items))
    told = [item[0] for item in seen]
    assert told == [
        "ready",
        "client",
        "connack_sent",
        "client_connected",
        "subscribe",
        "subscribed",
        "published",
        "ack",
        "unsubscribe",
        "unsubscribed",
        "client_disconnecting",
        "client_disconnected",
        "closed",
    ]
    by_name = {item[0]: item[1:] for item in seen}
    [client_seen] = by_name["client_connected"]
    assert (client_seen.id, client_seen.username, client_seen.clean, client_seen.reason) == (
        "c",
        "anna",
        True,
        "disconnect",
    )
    assert client_seen.address.startswith("127.0.0.1:")
    assert client_seen.protocol_version == "3.1.1"
    assert client_seen.listener == "default"
    packet, publisher = by_name["published"]
    assert (packet.topic, packet.payload, packet.qos, packet.retain) == ("a/x", b"\x00\xff", 1, False)
    assert publisher is client_seen
    assert by_name["connack_sent"][0] == (0, False)
    topic, subscriber = by_name["subscribed"]
    assert (topic, topic.qos, subscriber) == ("a/#", 1, client_seen)
    assert by_name["subscribe"][0] == ["a/#"]
    assert by_name["unsubscribed"] == ("a/#", client_seen)


@pytest.mark.req("M-18", "M-22")
def test_abnormal_end_tells_of_the_will_between_going_and_gone(seen: Any) -> None:
    with mqtt_sim.Broker() as broker:
        for name in ("client_error", "client_disconnecting", "published", "unsubscribed", "client_disconnected"):
            broker.on(name, lambda *arguments, name=name: seen.note((name, *arguments)))
        will = mqtt_sim.LastWill(topic="last", payload=b"words")
        client = mqtt_sim.BlockingClient(broker.url, client_id="c", will=will, reconnect_period=0)
        client.connect()
        client.subscribe("x")
        broker.clients["c"].close()
        seen.wait_for(lambda items: any(item[0] == "client_disconnected" for item in items))
        client.end(force=True)
    assert [item[0] for item in seen] == ["client_disconnecting", "unsubscribed", "published", "client_disconnected"]
    packet, publisher = seen[2][1:]
    assert (packet.topic, packet.payload, publisher.id) == ("last", b"words", "c")
    assert seen[0][1].reason == "owner"


@pytest.mark.req("M-23", "M-25")
def test_messages_of_the_broker_are_of_nobody_and_sys_comes_only_when_asked_for(seen: Any) -> None:
    with mqtt_sim.Broker(sys_interval="100ms") as broker:
        broker.on("published", lambda packet, client: seen.note((packet, client)))
        broker.publish("a", "x").result(5)
        packet, client = seen.wait(1)[0]
        assert (packet.topic, packet.text(), client) == ("a", "x", None)
        broker.on("publish", lambda packet, client: seen.note((packet, client)), include_sys=True)
        seen.wait_for(lambda items: any(item[0].topic.startswith("$SYS/") for item in items))
    assert len({packet.message_id for packet, _ in seen}) == len({packet.token for packet, _ in seen})


@pytest.mark.req("M-25")
def test_message_ids_are_strings_that_never_repeat(seen: Any) -> None:
    count = 3000
    with mqtt_sim.Broker() as one, mqtt_sim.Broker() as other:
        for broker in (one, other):
            broker.on("published", lambda packet, client: seen.note(packet.messageId))
            for _ in range(count):
                broker.publish("a")
        ids = seen.wait(2 * count)
    assert len(set(ids)) == 2 * count
    assert all(isinstance(name, str) for name in ids)


@pytest.mark.req("M-24")
def test_ready_comes_when_every_listener_accepts(seen: Any) -> None:
    broker = mqtt_sim.Broker(listeners=[{"name": "a"}, {"name": "b", "protocols": ["websocket"]}])

    @broker.on("ready")
    def connect() -> None:
        for url in broker.urls:
            with mqtt_sim.BlockingClient(url) as client:
                seen.note(client.client.state)

    with broker:
        assert seen.wait(2) == ["connected", "connected"]


@pytest.mark.req("M-20")
def test_a_taken_port_is_told_as_error_and_raised(seen: Any) -> None:
    with mqtt_sim.Broker() as first:
        second = mqtt_sim.Broker(port=first.port)
        second.on("error", seen.note)
        with pytest.raises(mqtt_sim.CouldNotRun):
            second.start()
        assert isinstance(seen.wait(1)[0], mqtt_sim.CouldNotRun)


@pytest.mark.req("X-16")
@pytest.mark.parametrize(("alias", "name"), sorted(ALIASES.items()))
def test_moscas_and_aedes_names_mean_the_same(alias: str, name: str) -> None:
    broker = mqtt_sim.Broker()
    broker.on(alias, print)
    assert broker._desk.handlers.has(name)
    broker.off(name, print)
    assert not broker._desk.handlers.has(name)


@pytest.mark.req("X-16")
def test_streams_that_never_became_clients_are_connection_errors(seen: Any) -> None:
    with mqtt_sim.Broker(credentials={"anna": "right"}) as broker:
        broker.on("connectionError", lambda client, error: seen.note((client, error)))
        broker.on("connackSent", lambda packet, client: seen.note(packet))
        with pytest.raises(mqtt_sim.ConnectError):
            mqtt_sim.connect(broker.url, username="anna", password="wrong", reconnect_period=0, protocol_version=5)
        packet, (client, error) = seen.wait(2)
    assert packet.reason == error.reason == 0x86
    assert client.id == ""
    assert isinstance(error, mqtt_sim.PeerError)


@pytest.mark.req("X-16")
def test_keepalive_timeout_and_client_error(seen: Any) -> None:
    import socket

    with mqtt_sim.Broker() as broker:
        for name in ("keepaliveTimeout", "clientError", "clientDisconnected"):
            broker.on(name, lambda client, *error, name=name: seen.note((name, client, *error)))
        with socket.create_connection((broker.host, broker.port)) as stream:
            stream.sendall(b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x01\x00\x01c")
            told = seen.wait(3)
    assert [item[0] for item in told] == ["keepaliveTimeout", "clientError", "clientDisconnected"]
    assert told[2][1].reason == "keepalive"
    assert told[2][1].keepalive == 1


@pytest.mark.req("X-16")
def test_ping(seen: Any) -> None:
    with mqtt_sim.Broker() as broker:
        broker.on("ping", lambda packet, client: seen.note((packet.name, client.id)))
        with mqtt_sim.BlockingClient(broker.url, client_id="c", keepalive=1):
            assert seen.wait(1)[0] == ("PINGREQ", "c")


def test_events_that_nobody_listens_for_are_not_produced(seen: Any) -> None:
    with mqtt_sim.Broker() as broker:
        with mqtt_sim.BlockingClient(broker.url) as client:
            client.publish("a", "x", qos=1)
        assert broker._desk.core.fetch(lambda facts: None, mqtt_sim.PublishedMessage) == []
        assert broker._desk._thread is None
        broker.on("published", lambda packet, client: seen.note(packet.topic))
        broker.publish("b").result(5)
        assert seen.wait(1) == ["b"]
        broker.off("published", print)
        broker._desk.handlers._by_event.clear()
        broker._desk._listen()
        broker.publish("c").result(5)
    assert seen == ["b"]


def test_handlers_run_on_one_thread_that_is_not_the_callers(seen: Any) -> None:
    with mqtt_sim.Broker() as broker:
        broker.on("published", lambda packet, client: seen.note(threading.current_thread()))
        broker.publish("a")
        broker.publish("a")
        threads = set(seen.wait(2))
    assert len(threads) == 1
    assert threads.pop().name == "mqtt-sim broker"


def test_async_with_calls_handlers_on_the_loop_and_coroutines_too(run: Run, seen: Any) -> None:
    async def work() -> None:
        async with mqtt_sim.Broker() as broker:
            here = threading.current_thread()

            @broker.on("published")
            async def handle(packet: Any, client: Any) -> None:
                await asyncio.sleep(0)
                seen.note((packet.topic, threading.current_thread() is here))

            async with mqtt_sim.Client(broker.url) as client:
                await client.publish("a", "x", qos=1)
                await broker.publish("b", "y")
            while len(seen) < 2:
                await asyncio.sleep(0.01)

    run(work())
    assert seen == [("a", True), ("b", True)]


def test_once_and_the_same_handler_twice(seen: Any) -> None:
    with mqtt_sim.Broker() as broker:

        def note(packet: Any, client: Any) -> None:
            seen.note(packet.topic)

        broker.on("published", note)
        broker.on("publish", note)
        broker.once("published", lambda packet, client: seen.note("once"))
        broker.publish("a")
        broker.publish("b").result(5)
        assert sorted(seen.wait(3)) == ["a", "b", "once"]


def test_an_unknown_event_names_the_nearest() -> None:
    with pytest.raises(mqtt_sim.UsageError, match='did you mean "clientConnected"'):
        mqtt_sim.Broker().on("clientConected", print)
    with pytest.raises(mqtt_sim.UsageError, match="should be a function"):
        mqtt_sim.Broker().on("published", 3)  # type: ignore[call-overload]


def test_coroutines_are_called_also_where_there_is_no_loop(seen: Any) -> None:
    with mqtt_sim.Broker() as first:
        second = mqtt_sim.Broker(port=first.port)

        @second.on("error")
        async def failed(error: Exception) -> None:
            await asyncio.sleep(0)
            seen.note(type(error))

        with pytest.raises(mqtt_sim.CouldNotRun):
            second.start()
    assert seen == [mqtt_sim.CouldNotRun]


def test_ready_and_closed_may_be_coroutines(seen: Any) -> None:
    broker = mqtt_sim.Broker()
    for name in ("ready", "closed"):

        async def note(name: str = name) -> None:
            await asyncio.sleep(0)
            seen.note(name)

        broker.on(name, note)
    with broker:
        seen.wait(1)
    assert seen == ["ready", "closed"]


def test_a_loop_that_is_closed_under_the_broker(seen: Any) -> None:
    broker = mqtt_sim.Broker()
    broker.on("published", lambda packet, client: seen.note(packet.topic))

    async def leave() -> None:
        await broker.__aenter__()

    asyncio.run(leave())
    publication = broker.publish("a")
    assert publication.result(5) == 0x10
    broker.stop()
    assert seen == ["a"]


def test_handlers_may_be_taken_away_after_the_end() -> None:
    broker = mqtt_sim.Broker()
    broker.on("published", print)
    with broker:
        pass
    broker.off("published", print)
