"""Messages by hand, subscriptions of the broker's own, and single clients."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import mqtt_sim

Run = Callable[..., Any]


@pytest.mark.req("A-11", "X-18")
def test_publish_and_subscribe_from_inside(seen: Any) -> None:
    with mqtt_sim.Broker() as broker:

        @broker.subscribe("in/+")
        def heard(message: Any) -> None:
            seen.note((message.topic, message.payload))

        with mqtt_sim.BlockingClient(broker.url) as client:
            inbox = client.messages(timeout=5)
            client.subscribe("out")
            client.publish("in/a", "hello", qos=1)
            assert seen.wait(1) == [("in/a", b"hello")]
            assert broker.publish("out", "answer", qos=1).result(5) == 0
            message = next(inbox)
            assert (message.topic, message.payload) == ("out", b"answer")
        assert broker.unsubscribe("in/+", heard)
        assert not broker.unsubscribe("in/+")
        assert broker.publish("in/b").result(5) == 0x10
    assert len(seen) == 1


@pytest.mark.req("X-18")
def test_retained_messages_before_the_start(run: Run) -> None:
    broker = mqtt_sim.Broker()
    broker.publish("r", "kept", retain=True)
    with broker, mqtt_sim.BlockingClient(broker.url) as client:
        inbox = client.messages(timeout=5)
        client.subscribe("r")
        message = next(inbox)
        assert (message.payload, message.retain) == (b"kept", True)


@pytest.mark.req("X-18")
def test_sys_filters_from_inside(seen: Any) -> None:
    with mqtt_sim.Broker(sys_interval="100ms") as broker:
        broker.subscribe("$SYS/#", lambda message: seen.note(message.topic))
        seen.wait(1)
    assert all(topic.startswith("$SYS/") for topic in seen)


@pytest.mark.req("X-18")
def test_completion_can_be_awaited_waited_for_and_called(run: Run, seen: Any) -> None:
    async def work() -> None:
        async with mqtt_sim.Broker() as broker:
            publication = broker.publish("a")
            assert await publication == 0x10
            assert await publication == 0x10
            assert publication.is_done
            assert publication.result() == 0x10
            publication.on_complete(lambda done: seen.note(done.topic))
            await asyncio.gather(*(broker.publish(f"t/{i}") for i in range(200)))
            with pytest.raises(mqtt_sim.DeliveryError, match="t/t"):
                await broker.publish("/".join(["t"] * 200))

    run(work())
    assert seen == ["a"]


def test_waiting_in_a_handler_does_not_lock_up(seen: Any) -> None:
    with mqtt_sim.Broker() as broker:

        @broker.on("client_connected")
        def greet(client: Any) -> None:
            seen.note(broker.publish("hello", client.id).result(5))
            seen.note(client.subscriptions)
            seen.note(broker.stats()["clients"])
            seen.note(list(broker.clients))

        with mqtt_sim.BlockingClient(broker.url, client_id="c"):
            assert seen.wait(4) == [0x10, {}, 1, ["c"]]


@pytest.mark.req("X-18")
def test_single_clients(seen: Any) -> None:
    with mqtt_sim.Broker() as broker:
        broker.on("subscribed", lambda topic, client: seen.note((str(topic), client.id)))
        with (
            mqtt_sim.BlockingClient(broker.url, client_id="one", reconnect_period=0) as one,
            mqtt_sim.BlockingClient(broker.url, client_id="two"),
        ):
            inbox = one.messages(timeout=5)
            assert sorted(broker.clients) == ["one", "two"]
            assert broker.connected_clients == broker.connectedClients == 2
            client = broker.clients["one"]
            assert client == broker.clients["one"]
            assert client.publish("only/you", "psst", qos=1).result(5) == 0
            message = next(inbox)
            assert (message.topic, message.payload, message.qos) == ("only/you", b"psst", 1)
            assert client.subscribe("a/#", qos=1) == ("a/#", 1)
            assert client.subscriptions == {"a/#": 1}
            assert seen.wait(1) == [("a/#", "one")]
            broker.publish("a/b", "x").result(5)
            assert next(inbox).topic == "a/b"
            with pytest.raises(mqtt_sim.SubscribeError):
                client.subscribe("/".join(["a"] * 200))
            assert client.unsubscribe("a/#")
            assert not client.unsubscribe("a/#")
            assert client.empty_outgoing_queue() == 0
            assert (client.in_flight, client.queued, client.is_connected) == (0, 0, True)
            assert client.disconnect()
            assert not client.disconnect()
            assert not client.is_connected
            with pytest.raises(mqtt_sim.ClientClosed, match="not connected any more"):
                client.subscribe("a")
            with pytest.raises(mqtt_sim.ClientClosed):
                _ = client.subscriptions


@pytest.mark.req("X-18")
def test_an_old_handle_does_nothing_to_a_new_connection() -> None:
    with mqtt_sim.Broker() as broker:
        with mqtt_sim.BlockingClient(broker.url, client_id="c"):
            old = broker.clients["c"]
        with mqtt_sim.BlockingClient(broker.url, client_id="c"):
            assert not old.disconnect()
            assert old != broker.clients["c"]
            assert broker.clients["c"].is_connected


@pytest.mark.req("X-17")
def test_properties_of_a_broker() -> None:
    broker = mqtt_sim.Broker(id="mine")
    assert (broker.id, broker.closed, broker.version) == ("mine", False, mqtt_sim.__version__)
    assert broker.connected_clients == 0
    with broker:
        assert not broker.closed
    assert broker.closed
    assert mqtt_sim.Broker().id != mqtt_sim.Broker().id


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("a/#",), "no topic name"),
        (("",), "no topic name"),
        (("a", {"x": 1}), "publish_json"),
        (("a", b"", 3), "qos should be"),
        ((5,), "topic should be a text"),
        (("a", b"", 0, False, {"colour": "red"}), "colour"),
    ],
)
def test_wrong_arguments_of_publish(arguments: tuple[Any, ...], words: str) -> None:
    with pytest.raises(mqtt_sim.UsageError, match=words):
        mqtt_sim.Broker().publish(*arguments)


@pytest.mark.parametrize("topic", ["a/#/b", "", "$share/g/a"])
def test_wrong_filters_of_subscribe(topic: str) -> None:
    with pytest.raises(mqtt_sim.UsageError, match=r"subscribe|no topic filter"):
        mqtt_sim.Broker().subscribe(topic, print)


def test_properties_reach_the_subscriber() -> None:
    with mqtt_sim.Broker() as broker, mqtt_sim.BlockingClient(broker.url, protocol_version=5) as client:
        inbox = client.messages(timeout=5)
        client.subscribe("a")
        broker.publish("a", "x", properties={"content_type": "text/plain", "user_property": {"k": "v"}})
        message = next(inbox)
        assert message.properties["content_type"] == "text/plain"
        assert message.user_properties == [("k", "v")]
