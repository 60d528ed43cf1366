"""The hook authorize_forward: each message for each receiver."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import mqtt_sim

Run = Callable[..., Any]


def payloads(client: mqtt_sim.BlockingClient, until: bytes = b"end") -> list[bytes]:
    """What `client` is told next, up to `until`."""
    found = []
    for message in client.messages(timeout=10):
        found.append(message.payload)
        if message.payload == until:
            break
    return found


@pytest.mark.req("X-15")
@pytest.mark.parametrize("name", ["authorize_forward", "authorizeForward"])
def test_each_receiver_gets_what_may_go_to_it(name: str, seen: Any) -> None:
    def decide(client: Any, packet: Any) -> Any:
        seen.note((client.id, packet.topic, packet.payload, packet.qos, packet.retain))
        if packet.payload == b"secret":
            return None if client.id == "two" else packet
        if packet.payload == b"private":
            return client.id == "one"
        return True

    with (
        mqtt_sim.Broker(**{name: decide}) as broker,
        mqtt_sim.BlockingClient(broker.url, client_id="one") as one,
        mqtt_sim.BlockingClient(broker.url, client_id="two") as two,
    ):
        one.subscribe("#", qos=1)
        two.subscribe("#")
        for text in ("secret", "private", "end"):
            broker.publish("a", text, qos=1)
        assert payloads(one) == [b"secret", b"private", b"end"]
        assert payloads(two) == [b"end"]
        assert broker.stats()["dropped_by_rule"] == 2
    assert sorted(seen)[0] == ("one", "a", b"end", 1, False)
    assert sorted(seen)[-1] == ("two", "a", b"secret", 0, False)


@pytest.mark.req("X-15")
def test_a_message_is_rewritten_for_one_receiver() -> None:
    with mqtt_sim.Broker() as broker:

        @broker.hook("authorize_forward")
        def decide(client: Any, packet: Any) -> Any:
            if client.id == "plain":
                return True
            properties = {**packet.properties, "user_property": [("for", client.id)]}
            return packet._replace(topic=f"{client.id}/{packet.topic}", payload="other", qos=0, properties=properties)

        with (
            mqtt_sim.BlockingClient(broker.url, client_id="rewritten", protocol_version=5) as rewritten,
            mqtt_sim.BlockingClient(broker.url, client_id="plain", protocol_version=5) as plain,
        ):
            inboxes = [client.messages(timeout=10) for client in (rewritten, plain)]
            for client in (rewritten, plain):
                client.subscribe("#", qos=1)
            plain.publish("a", "word", qos=1, properties={"content_type": "text/plain", "message_expiry_interval": 60})
            changed, same = (next(inbox) for inbox in inboxes)
    assert (changed.topic, changed.payload, changed.qos) == ("rewritten/a", b"other", 0)
    assert (changed.properties["content_type"], changed.user_properties) == ("text/plain", [("for", "rewritten")])
    assert changed.properties["message_expiry_interval"] in (59, 60)
    assert (same.topic, same.payload, same.qos, same.user_properties) == ("a", b"word", 1, [])


@pytest.mark.req("X-15")
def test_retained_messages_and_those_of_resumed_sessions_pass_it() -> None:
    options = {
        "client_id": "c",
        "protocol_version": 5,
        "clean": False,
        "session_expiry_interval": 60,
        "adopt_session": True,
    }
    with mqtt_sim.Broker() as broker:
        for topic in ("r/yes", "r/no"):
            broker.publish(topic, topic, retain=True).result(5)
        broker.hook("authorize_forward", lambda client, packet: not packet.topic.endswith("no"))
        with mqtt_sim.BlockingClient(broker.url, **options) as client:
            inbox = client.messages(timeout=10)
            client.subscribe("r/+", qos=1)
            client.subscribe("s/+", qos=1)
            broker.publish("r/end", "end", qos=1)
            assert [next(inbox).topic for _ in range(2)] == ["r/yes", "r/end"]
        for topic in ("s/1", "s/no", "s/2"):
            broker.publish(topic, topic, qos=1).result(5)
        with mqtt_sim.BlockingClient(broker.url, **options) as client:
            inbox = client.messages(timeout=10)
            assert [next(inbox).topic for _ in range(2)] == ["s/1", "s/2"]


@pytest.mark.req("X-15")
def test_order_of_a_receiver_holds_with_coroutines_of_any_speed(run: Run) -> None:
    count = 200

    async def work() -> list[bytes]:
        async with mqtt_sim.Broker() as broker:

            @broker.hook("authorize_forward")
            async def decide(client: Any, packet: Any) -> bool:
                await asyncio.sleep(0.05 if int(packet.payload) % 7 == 0 else 0)
                return True

            async with mqtt_sim.Client(broker.url) as client:
                await client.subscribe("#", qos=1)
                for number in range(count):
                    client.publish("a", str(number), qos=number % 2)
                found = []
                async for message in client.messages():
                    found.append(message.payload)
                    if len(found) == count:
                        return found
        raise AssertionError

    assert run(work()) == [str(number).encode() for number in range(count)]


@pytest.mark.req("X-15")
def test_a_slow_hook_holds_up_its_receiver_alone(seen: Any) -> None:
    open_gate = threading.Event()
    with mqtt_sim.Broker(hook_timeout=20) as broker:

        @broker.hook("authorize_forward")
        async def decide(client: Any, packet: Any) -> bool:
            while client.id == "slow" and not open_gate.is_set():
                await asyncio.sleep(0.01)
            return True

        with (
            mqtt_sim.BlockingClient(broker.url, client_id="slow") as slow,
            mqtt_sim.BlockingClient(broker.url, client_id="fast") as fast,
        ):
            for client in (slow, fast):
                client.subscribe("#")
            fast.publish("a", "1", qos=1)  # its acknowledgement does not wait
            fast.publish("a", "end", qos=1)
            assert payloads(fast) == [b"1", b"end"]
            assert broker.clients["slow"].queued == 2
            open_gate.set()
            assert payloads(slow) == [b"1", b"end"]


@pytest.mark.req("X-15")
def test_messages_wait_in_the_queue_of_their_session_and_reach_its_limit(seen: Any) -> None:
    open_gate = threading.Event()
    options = {"max_queued": 5, "hook_queue": 3, "hook_timeout": 20}
    with (
        mqtt_sim.Broker(authorize_forward=lambda *_: open_gate.wait(10), **options) as broker,
        mqtt_sim.BlockingClient(broker.url) as client,
    ):
        client.subscribe("#", qos=1)
        for number in range(20):
            broker.publish("a", str(number), qos=1).result(5)  # the broker itself goes on
        assert broker.stats()["dropped_queue_full"] == 12
        open_gate.set()
        assert payloads(client, b"7") == [str(number).encode() for number in range(8)]


@pytest.mark.req("X-15")
def test_without_the_hook_messages_go_unasked_again(seen: Any) -> None:
    with mqtt_sim.Broker() as broker, mqtt_sim.BlockingClient(broker.url) as client:
        client.subscribe("#")
        broker.hook("authorize_forward", lambda client, packet: False)
        broker.publish("a", "1").result(5)
        while broker.stats()["dropped_by_rule"] < 1:
            time.sleep(0.01)
        broker.unhook("authorize_forward")
        broker.publish("a", "end").result(5)
        assert payloads(client) == [b"end"]


# What goes wrong


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (3, "should answer True"),
        ("yes", "should answer True"),
        (lambda packet: packet._replace(topic="a/#"), "no topic to publish to"),
        (lambda packet: packet._replace(payload={"a": 1}), "publish_json"),
        (lambda packet: packet._replace(qos=7), "qos should be"),
        (lambda packet: packet._replace(properties={"colour": "red"}), "colour"),
        (lambda packet: packet.nothing, "nothing"),
    ],
)
def test_an_answer_that_is_none_withholds_and_is_reported(seen: Any, answer: Any, words: str) -> None:
    def decide(client: Any, packet: Any) -> Any:
        if packet.payload == b"end":
            return True
        return answer(packet) if callable(answer) else answer

    with mqtt_sim.Broker(authorize_forward=decide) as broker, mqtt_sim.BlockingClient(broker.url) as client:
        broker.on("error", seen.note)
        client.subscribe("#")
        broker.publish("a", "wrong").result(5)
        broker.publish("a", "end").result(5)
        assert payloads(client) == [b"end"]
        assert words in str(seen.wait(1)[0])


def test_a_hook_that_raises_for_every_message_is_reported_once_a_batch(seen: Any) -> None:
    count = 2000

    def decide(client: Any, packet: Any) -> bool:
        if packet.payload == b"end":
            return True
        raise RuntimeError("no database")

    with mqtt_sim.Broker(authorize_forward=decide) as broker, mqtt_sim.BlockingClient(broker.url) as client:
        broker.on("error", seen.note)
        client.subscribe("#")
        for _ in range(count):
            broker.publish("a")
        broker.publish("a", "end")
        assert payloads(client) == [b"end"]
        assert broker.stats()["dropped_by_rule"] == count
    assert {str(error) for error in seen} == {"no database"}
    assert len(seen) < count / 2


@pytest.mark.parametrize("blocks", [True, False])
def test_a_hook_that_hangs_leaves_messages_out_and_is_reported(seen: Any, blocks: bool) -> None:
    with mqtt_sim.Broker(hook_timeout=0.3) as broker, mqtt_sim.BlockingClient(broker.url) as client:
        broker.on("error", seen.note)
        client.subscribe("#")
        if blocks:

            @broker.hook("authorize_forward")
            def block(*_: Any) -> bool:
                time.sleep(1.0)
                return True

        else:

            @broker.hook("authorize_forward")
            async def hang(*_: Any) -> bool:
                await asyncio.Event().wait()
                return True

        for _ in range(100):
            broker.publish("a", "lost")
        error = seen.wait(1)[0]
        assert isinstance(error, mqtt_sim.ResponseTimeout)
        assert "authorize_forward is too slow" in str(error)
        while broker.stats()["gate_timeouts"] < 100:
            time.sleep(0.01)
        broker.unhook("authorize_forward")
        broker.publish("a", "end")
        assert payloads(client) == [b"end"]
        assert len(seen) < 50


def test_a_hook_that_publishes_makes_no_recursion(seen: Any) -> None:
    with mqtt_sim.Broker() as broker, mqtt_sim.BlockingClient(broker.url) as client:

        @broker.hook("authorize_forward")
        def decide(client: Any, packet: Any) -> bool:
            number = int(packet.payload)
            if number < 50:
                broker.publish("a", str(number + 1)).result(5)
            return True

        client.subscribe("#")
        broker.publish("a", "0")
        assert payloads(client, b"50") == [str(number).encode() for number in range(51)]


def test_a_hook_that_stops_the_broker(seen: Any) -> None:
    broker = mqtt_sim.Broker()

    @broker.hook("authorize_forward")
    def decide(client: Any, packet: Any) -> bool:
        broker.stop()
        return True

    broker.on("closed", lambda: seen.note("closed"))
    with broker, mqtt_sim.BlockingClient(broker.url, reconnect_period=0) as client:
        client.subscribe("#")
        broker.publish("a")
        assert seen.wait(1) == ["closed"]


def test_a_client_that_goes_while_it_is_asked_about(seen: Any) -> None:
    with mqtt_sim.Broker() as broker:

        @broker.hook("authorize_forward")
        def decide(client: Any, packet: Any) -> bool:
            client.close()
            return True

        broker.on("client_disconnected", lambda client: seen.note(client.reason))
        with mqtt_sim.BlockingClient(broker.url, reconnect_period=0) as client:
            client.subscribe("#")
            for _ in range(10):
                broker.publish("a", qos=1)
            assert seen.wait(1) == ["owner"]
        assert broker.stats()["clients"] == 0
