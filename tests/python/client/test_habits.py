"""What users of paho, aiomqtt and MQTT.js do by habit is answered with what to do here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import mqtt_sim

Run = Callable[[Any], Any]


@pytest.mark.unit
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("loop_start", "a thread of its own"),
        ("disconnect", r"end\(\)"),
        ("will_set", "keyword will"),
        ("colour", "no attribute"),
    ],
)
@pytest.mark.parametrize("kind", [mqtt_sim.Client, mqtt_sim.BlockingClient])
def test_method_of_another_client_is_translated(kind: Any, name: str, words: str) -> None:
    client = kind("mqtt://h")
    with pytest.raises(AttributeError, match=words):
        getattr(client, name)
    assert not hasattr(client, name)


@pytest.mark.unit
@pytest.mark.parametrize("name", ["on_message", "on_connect", "on_disconnect"])
@pytest.mark.parametrize("kind", [mqtt_sim.Client, mqtt_sim.BlockingClient])
def test_handler_that_is_assigned_would_never_be_called(kind: Any, name: str) -> None:
    with pytest.raises(mqtt_sim.UsageError, match=r"client\.on\("):
        setattr(kind("mqtt://h"), name, print)


def test_both_kinds_of_client_say_which_one_is_meant(run: Run, broker: mqtt_sim.Broker) -> None:
    with pytest.raises(mqtt_sim.UsageError, match="async with"), mqtt_sim.Client("mqtt://h"):
        pass

    async def work() -> None:
        blocking: Any = mqtt_sim.BlockingClient(broker.url)
        with pytest.raises(mqtt_sim.UsageError, match=r"async with mqtt_sim\.Client"):
            async with blocking:
                pass
        with pytest.raises(mqtt_sim.UsageError, match=r"async with mqtt_sim\.Client"):
            await blocking
        async with mqtt_sim.Client(broker.url) as client:
            with pytest.raises(mqtt_sim.UsageError, match="async for"):
                list(client.messages())

    run(work())
