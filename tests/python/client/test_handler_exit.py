"""sys.exit() in a handler ends the user's own loop, but neither a thread that others need nor the middle of a batch."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

import mqtt_sim

TOPICS = ["t/0", "t/1", "t/2"]


def exiting_at_the_first(got: list[str], all_there: threading.Event) -> Callable[..., None]:
    """A handler of messages, or of what a broker has published."""

    def handler(what: Any, *_: object) -> None:
        got.append(getattr(what, "topic", what))
        if len(got) == len(TOPICS):
            all_there.set()
        if len(got) == 1:
            sys.exit(3)

    return handler


def test_a_blocking_client_works_on(broker: mqtt_sim.Broker) -> None:
    got: list[str] = []
    all_there = threading.Event()
    with mqtt_sim.connect(broker.url) as client:
        client.on("message", exiting_at_the_first(got, all_there))
        client.subscribe("t/#")
        for topic in TOPICS:
            client.publish(topic, "x", 1)
        assert all_there.wait(20)
        assert got == TOPICS
        assert client.publish("other", "x", 1).is_done


def test_a_broker_tells_on() -> None:
    got: list[str] = []
    all_there = threading.Event()
    with mqtt_sim.Broker() as broker:
        broker.on("published", exiting_at_the_first(got, all_there))
        for topic in TOPICS:
            broker.publish(topic, "x")
        assert all_there.wait(20)
    assert got == TOPICS


def test_the_users_loop_ends_after_the_batch(broker: mqtt_sim.Broker) -> None:
    got: list[str] = []

    async def work() -> None:
        async with mqtt_sim.Client(broker.url) as client:
            await client.subscribe("t/#")
            client.on("message", exiting_at_the_first(got, threading.Event()))
            for topic in TOPICS:
                client.publish(topic, "x")
            await asyncio.sleep(20)

    with pytest.raises(SystemExit) as ended:
        asyncio.run(work())
    assert ended.value.code == 3
    assert got[0] == TOPICS[0]
