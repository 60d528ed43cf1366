"""Hooks: Python that decides, while the broker goes on."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

import mqtt_sim

OFF = {"reconnect_period": 0, "protocol_version": 5}


@pytest.mark.req("X-15")
def test_authenticate_lets_in_refuses_and_gives_codes(seen: Any) -> None:
    def authenticate(client: Any, username: str | None, password: bytes | None) -> bool | int:
        seen.note((client.id, username, password))
        return {"anna": True, "bob": False, "code": 4, "reason": 0x8A}[username or ""]

    with mqtt_sim.Broker(authenticate=authenticate) as broker:
        with mqtt_sim.BlockingClient(broker.url, client_id="c", username="anna", password=b"\x00x") as client:
            assert client.client.state == "connected"
            assert broker.clients["c"].username == "anna"
        for name, reason in (("bob", 0x87), ("code", 0x86), ("reason", 0x8A)):
            with pytest.raises(mqtt_sim.ConnectError) as refused:
                mqtt_sim.connect(broker.url, username=name, password="p", **OFF)
            assert refused.value.reason == reason
    assert seen[0] == ("c", "anna", b"\x00x")


@pytest.mark.req("X-15")
def test_pre_connect_closes_without_an_answer(seen: Any) -> None:
    with mqtt_sim.Broker() as broker:

        @broker.hook("preConnect")
        def pre_connect(client: Any, packet: Any) -> bool:
            seen.note((client.address.split(":")[0], packet.client_id, packet.protocol_version, packet.keepalive))
            return bool(packet.client_id != "bad")

        with pytest.raises(mqtt_sim.ConnectError) as refused:
            mqtt_sim.connect(broker.url, client_id="bad", **OFF)
        assert refused.value.kind == "closed"
        with mqtt_sim.BlockingClient(broker.url, client_id="good", keepalive=30, protocol_version=4):
            pass
    assert seen[-1] == ("127.0.0.1", "good", "3.1.1", 30)


@pytest.mark.req("X-15")
def test_authorize_publish_refuses_and_rewrites(seen: Any) -> None:
    with mqtt_sim.Broker() as broker:
        broker.subscribe("#", lambda message: seen.note((message.topic, message.payload)))

        @broker.hook("authorize_publish")
        async def decide(client: Any, packet: Any) -> Any:
            await asyncio.sleep(0)
            if packet.topic.startswith("secret"):
                return False
            return packet._replace(topic=f"{client.id}/{packet.topic}", payload=packet.payload.upper())

        with mqtt_sim.BlockingClient(broker.url, client_id="c", protocol_version=5) as client:
            with pytest.raises(mqtt_sim.DeliveryError) as refused:
                client.publish("secret/a", "x", qos=1)
            assert refused.value.reason == 0x87
            client.publish("open", "word", qos=1)
            assert seen.wait(1) == [("c/open", b"WORD")]
        will = mqtt_sim.LastWill(topic="secret/will", payload=b"x")
        with pytest.raises(mqtt_sim.ConnectError) as not_in:
            mqtt_sim.connect(broker.url, will=will, **OFF)
        assert not_in.value.reason == 0x87


@pytest.mark.req("X-15")
def test_authorize_subscribe_refuses_and_rewrites() -> None:
    with mqtt_sim.Broker() as broker:

        @broker.hook("authorizeSubscribe")
        def decide(client: Any, subscription: Any) -> Any:
            if subscription.topic == "no":
                return False
            return subscription._replace(topic=f"{client.id}/{subscription.topic}", qos=0)

        with mqtt_sim.BlockingClient(broker.url, client_id="c", protocol_version=5) as client:
            with pytest.raises(mqtt_sim.SubscribeError) as refused:
                client.subscribe({"no": 1, "yes": 1})
            assert refused.value.refused == {"no": 0x87}
            assert broker.clients["c"].subscriptions == {"c/yes": 0}
            client.unsubscribe("yes")
            assert broker.clients["c"].subscriptions == {}


@pytest.mark.req("X-15")
def test_published_holds_the_acknowledgement_back(seen: Any) -> None:
    with mqtt_sim.Broker() as broker:
        gate = threading.Event()
        broker.hook("published", lambda packet, client: (seen.note(packet.topic), gate.wait(3)))
        with mqtt_sim.BlockingClient(broker.url) as client:
            began = time.monotonic()
            threading.Timer(0.3, gate.set).start()
            client.publish("a", "x", qos=1)
            assert time.monotonic() - began >= 0.25
    assert seen == ["a"]


@pytest.mark.req("X-15")
def test_a_waiting_client_keeps_its_order_and_holds_nobody_up(seen: Any) -> None:
    with mqtt_sim.Broker() as broker:
        broker.subscribe("#", lambda message: seen.note(message.topic))

        @broker.hook("authorize_publish")
        async def decide(client: Any, packet: Any) -> bool:
            if client.id == "slow":
                await asyncio.sleep(0.15)
            return True

        with (
            mqtt_sim.BlockingClient(broker.url, client_id="slow") as slow,
            mqtt_sim.BlockingClient(broker.url, client_id="fast") as fast,
        ):
            for number in range(3):
                slow.publish(f"slow/{number}", "x")
            fast.publish("fast", "x", qos=1)
            seen.wait(4)
    assert seen == ["fast", "slow/0", "slow/1", "slow/2"]


@pytest.mark.req("X-15")
def test_a_hook_that_raises_refuses_and_reports(seen: Any) -> None:
    def authenticate(client: Any, username: str | None, password: bytes | None) -> bool:
        raise RuntimeError("no database")

    with mqtt_sim.Broker(authenticate=authenticate) as broker:
        broker.on("error", seen.note)
        with pytest.raises(mqtt_sim.ConnectError) as refused:
            mqtt_sim.connect(broker.url, **OFF)
        assert refused.value.reason == 0x87
        assert str(seen.wait(1)[0]) == "no database"


@pytest.mark.req("X-15")
def test_a_hook_that_answers_nonsense_refuses_and_reports(seen: Any) -> None:
    with mqtt_sim.Broker(authenticate=lambda *_: None) as broker:
        broker.on("error", seen.note)
        with pytest.raises(mqtt_sim.ConnectError):
            mqtt_sim.connect(broker.url, **OFF)
        assert "should answer True, False" in str(seen.wait(1)[0])


@pytest.mark.req("X-15")
@pytest.mark.parametrize("blocks", [True, False])
def test_a_hook_that_hangs_is_timed_out_and_reported(seen: Any, blocks: bool) -> None:
    with mqtt_sim.Broker(hook_timeout=0.2) as broker:
        broker.on("error", seen.note)
        if blocks:

            @broker.hook("authenticate")
            def block(*_: Any) -> bool:
                time.sleep(0.5)
                return True

        else:

            @broker.hook("authenticate")
            async def hang(*_: Any) -> bool:
                await asyncio.sleep(30)
                return True

        with pytest.raises(mqtt_sim.ConnectError) as refused:
            mqtt_sim.connect(broker.url, **OFF)
        assert refused.value.reason in (0x87, 0x88)
        error = seen.wait(1)[0]
        assert isinstance(error, mqtt_sim.ResponseTimeout)
        assert "0.2 s" in str(error)
        broker.unhook("authenticate")
        with mqtt_sim.BlockingClient(broker.url):
            pass


def test_unknown_hooks_name_the_nearest() -> None:
    broker = mqtt_sim.Broker()
    with pytest.raises(mqtt_sim.UsageError, match='did you mean "authorize'):
        broker.hook("authorisePublish", print)
    with pytest.raises(mqtt_sim.UsageError, match="hook_timeout"):
        mqtt_sim.Broker(hook_timeout=0)


@pytest.mark.req("X-15")
def test_without_anonymous_clients_a_name_counts_only_where_somebody_vouches_for_it() -> None:
    def outcome(broker: mqtt_sim.Broker, **who: Any) -> str:
        try:
            mqtt_sim.connect(broker.url, **who, **OFF).end()
        except mqtt_sim.ConnectError as error:
            return f"{error.reason:02x}"
        return "in"

    anna = {"username": "anna", "password": "x"}
    with mqtt_sim.Broker(allow_anonymous=False) as broker:
        assert outcome(broker, **anna) == "87"
        broker.hook("pre_connect", lambda client, packet: True)
        assert outcome(broker, **anna) == "87", "that hook looks at no password"
        broker.hook("authenticate", lambda client, username, password: username == "anna")
        assert outcome(broker, **anna) == "in"
        assert outcome(broker, username="luke", password="x") == "87"
        assert outcome(broker) == "87"
        broker.unhook("authenticate")
        assert outcome(broker, **anna) == "87"
