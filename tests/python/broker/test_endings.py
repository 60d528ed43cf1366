"""How sessions end, as the events of a broker tell it: each reason, and what comes in which order."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest

import mqtt_sim
from mqtt_sim.inside.events import EVENTS

Run = Callable[..., Any]

CONNECT = b"\x10\x0d\x00\x04MQTT\x04\x02\x00%c\x00\x01c"
# Clean, with a will "last" = "words", as client "c".
CONNECT_WITH_WILL = b"\x10\x1a\x00\x04MQTT\x04\x06\x00%c\x00\x01c\x00\x04last\x00\x05words"
SUBSCRIBE = b"\x82\x06\x00\x01\x00\x01a\x00"
DISCONNECT = b"\xe0\x00"

NOTHING_YET = ("client", "connack_sent", "client_connected", "subscribe", "subscribed")


def listen(broker: mqtt_sim.Broker, seen: Any) -> None:
    """Notes every event of clients with the names of its arguments."""
    for name in EVENTS:
        if name not in ("ready", "closed", "error"):
            broker.on(name, lambda *arguments, name=name: seen.note((name, *arguments)))


def is_over(items: list[Any]) -> bool:
    return any(item[0] == "client_disconnected" for item in items)


@pytest.mark.req("X-16", "M-17", "M-18", "M-19", "M-22", "M-23")
@pytest.mark.parametrize(
    ("how", "reason", "before", "has_will"),
    [
        ("disconnect", "disconnect", [], False),
        ("kill", "socket", [], True),
        ("keep alive", "keepalive", ["keepalive_timeout", "client_error"], True),
        ("nonsense", "protocol", ["client_error"], True),
        ("owner", "owner", [], True),
    ],
)
def test_events_of_a_session_by_how_it_ends(
    run: Run, seen: Any, how: str, reason: str, before: list[str], has_will: bool
) -> None:
    async def work() -> None:
        async with mqtt_sim.Broker() as broker, broker.pair() as stream:
            listen(broker, seen)
            await stream.write(CONNECT_WITH_WILL % (1 if how == "keep alive" else 60) + SUBSCRIBE)
            await stream.read_exactly(4 + 5)
            if how == "disconnect":
                await stream.write(DISCONNECT)
            elif how == "kill":
                stream.close()
            elif how == "nonsense":
                await stream.write(b"\x00\x00")
            elif how == "owner":
                assert broker.clients["c"].disconnect()
            await asyncio.get_running_loop().run_in_executor(None, seen.wait_for, is_over)

    run(work())
    will = ["published"] if has_will else []
    ending = [*before, "client_disconnecting", "unsubscribe", "unsubscribed", *will, "client_disconnected"]
    assert [item[0] for item in seen] == [*NOTHING_YET, *ending]
    assert seen[-1][1].reason == reason
    if has_will:
        packet, publisher = seen[-2][1:]
        assert (packet.topic, packet.payload, publisher.id) == ("last", b"words", "c")


@pytest.mark.req("X-16", "M-19")
def test_a_take_over_ends_the_older_session_before_the_newer_is_told_of(run: Run, seen: Any) -> None:
    async def work() -> None:
        async with mqtt_sim.Broker() as broker, broker.pair() as older, broker.pair() as newer:
            listen(broker, seen)
            await older.write(CONNECT_WITH_WILL % 60)
            await older.read_exactly(4)
            await newer.write(CONNECT % 60)
            await newer.read_exactly(4)
            assert await older.read() == b""
            await asyncio.get_running_loop().run_in_executor(
                None, seen.wait_for, lambda items: [item[0] for item in items].count("client_connected") == 2
            )

    run(work())
    names = [item[0] for item in seen][:9]
    assert names == [
        *NOTHING_YET[:3],
        "client_disconnecting",
        "published",
        "client_disconnected",
        *NOTHING_YET[:3],
    ]
    assert seen[5][1].reason == "takeover"
    assert seen[5][1].number != seen[8][1].number


@pytest.mark.req("X-16", "M-17")
@pytest.mark.parametrize("hook", ["authenticate", "pre_connect"])
def test_who_is_refused_was_never_a_client(run: Run, seen: Any, hook: str) -> None:
    async def work() -> None:
        async with mqtt_sim.Broker(**{hook: lambda *_: False}) as broker, broker.pair() as stream:
            listen(broker, seen)
            await stream.write(CONNECT_WITH_WILL % 60)
            answer = await stream.read()
            assert answer == (b"\x20\x02\x00\x05" if hook == "authenticate" else b"")
            await asyncio.get_running_loop().run_in_executor(
                None, seen.wait_for, lambda items: any(item[0] == "connection_error" for item in items)
            )

    run(work())
    told = ["connack_sent"] if hook == "authenticate" else []
    assert [item[0] for item in seen] == [*told, "connection_error"]


@pytest.mark.req("M-19")
def test_who_does_not_read_is_slow(run: Run, seen: Any) -> None:
    async def work() -> None:
        options = {"output_limit": 4096, "drain_timeout": 0.2}
        async with mqtt_sim.Broker(**options) as broker, broker.pair() as stream:
            listen(broker, seen)
            stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            await stream.write(CONNECT % 60 + SUBSCRIBE)
            await stream.read_exactly(4 + 5)
            for _ in range(100):
                await broker.publish("a", bytes(60_000))
            await asyncio.get_running_loop().run_in_executor(None, seen.wait_for, is_over)

    run(work())
    [ended] = [item for item in seen if item[0] == "client_disconnected"]
    assert ended[1].reason == "slow"
    assert [item[0] for item in seen if "error" in item[0]] == ["client_error"]


@pytest.mark.req("M-19")
def test_the_end_of_the_broker_is_told_of_each_client(seen: Any) -> None:
    with mqtt_sim.Broker() as broker:
        listen(broker, seen)
        clients = [mqtt_sim.connect(broker.memory_url, reconnect_period=0) for _ in range(3)]
        broker.stop()
        for client in clients:
            client.end(force=True)
    gone = [item[1].reason for item in seen if item[0] == "client_disconnected"]
    assert gone == ["shutdown"] * 3


@pytest.mark.req("M-21")
def test_refused_filters_are_not_told_of(seen: Any) -> None:
    with mqtt_sim.Broker(authorize_subscribe=lambda client, filter_: filter_.topic != "no") as broker:
        broker.on("subscribed", lambda topic, client: seen.note((str(topic), topic.qos)))
        broker.on("subscribe", lambda topics, client: seen.note([str(topic) for topic in topics]))
        with (
            mqtt_sim.connect(broker.memory_url) as client,
            pytest.raises(mqtt_sim.SubscribeError),
        ):
            client.subscribe({"a/#": 1, "no": 1, "b": 2})
        assert seen.wait(3) == [["a/#", "b"], ("a/#", 1), ("b", 2)]


@pytest.mark.req("M-22")
def test_a_session_that_is_kept_is_not_unsubscribed(seen: Any) -> None:
    with mqtt_sim.Broker() as broker:
        broker.on("unsubscribed", lambda topic, client: seen.note(topic))
        broker.on("client_disconnected", lambda client: seen.note(client.id))
        with mqtt_sim.connect(broker.memory_url, client_id="kept", clean=False) as client:
            client.subscribe(["a", "b"])
            client.unsubscribe("a")
        assert seen.wait(2) == ["a", "kept"]
