"""Messages of scripts with a stamp: what is measured of them, and what their receivers see."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from mqtt_sim import Consumers, Devices, Producers, Publish, Result, Scenario, ScenarioError, run

Play = Callable[..., Result]
VERSIONS = pytest.mark.parametrize("version", ["3.1.1", "5.0"])
LISTENING_S = 0.1


async def speaker(client: Any, context: Any) -> None:
    await asyncio.sleep(LISTENING_S)
    await client.publish("said/text", "plain", qos=1, stamp=True)
    await client.publish_json("said/json", {"n": 1}, qos=1, stamp=True)
    await client.publish("said/empty", b"", qos=1, stamp=True)
    await client.publish("said/unmeasured", "plain", qos=1)


async def listener(client: Any, context: Any) -> None:
    await client.subscribe("said/#", qos=1)
    async for message in client.messages():
        assert message.properties == {}
        if message.latency is None:
            context.count(f"{message.topic} without latency")
        else:
            assert 0 <= message.latency < 10
            context.count(f"{message.topic} {message.payload!r}")


@VERSIONS
def test_a_script_gets_the_message_as_it_was_and_its_latency(play: Play, version: str) -> None:
    result = play(
        listener,
        devices=[Devices(name="speaker", script=speaker)],
        scenario={"client": {"protocol_version": version}},
    )
    assert result.passed, str(result)
    assert result.device_counts == {
        "said/text b'plain'": 1,
        "said/json b'{\"n\":1}'": 1,
        "said/empty b''": 1,
        "said/unmeasured without latency": 1,
    }
    assert result.latency.count == result.counts["device_delivered"] == 3


@VERSIONS
def test_native_consumers_count_and_time_them(play: Play, version: str) -> None:
    result = play(
        speaker,
        count=5,
        scenario={"client": {"protocol_version": version}, "consumers": [Consumers(topic="said/#", count=2, qos=1)]},
    )
    assert result.passed, str(result)
    assert result.latency.count == result.counts["device_delivered"] == 30
    assert result.counts["undecodable"] == 10  # those without a stamp
    assert result.expected == result.delivered == 0  # no native group has sent anything
    assert next(group for group in result.document["groups"] if group["role"] == "consumer")["counts"]["received"] == 30


@pytest.mark.sim
def test_in_virtual_time_the_latency_is_that_of_the_link() -> None:
    devices = [Devices(name="listener", script=listener), Devices(name="speaker", script=speaker)]
    result = run(Scenario(name="x", duration="1s", devices=devices, link={"latency": "5ms"}), sim=True)
    assert result.latency.min >= 0.0099
    assert result.latency.max < 0.011


def test_the_group_says_that_all_are_stamped(play: Play) -> None:
    async def device(client: Any, context: Any) -> None:
        await client.publish("said/a", "x", qos=1)
        await client.publish("said/b", "x", qos=1, stamp=False)
        await client.publish("said/c", "x", qos=1)

    result = play(device, stamp=True, scenario={"consumers": [Consumers(topic="said/#", qos=1)]})
    assert (result.counts["device_delivered"], result.counts["undecodable"]) == (2, 1)


def test_a_script_hears_native_producers_without_their_stamps(play: Play) -> None:
    async def device(client: Any, context: Any) -> None:
        await client.subscribe("native", qos=1)
        async for message in client.messages():
            assert message.text() == "hi", message.text()
            assert message.latency is not None
            context.count("heard")

    native = Producers(topic="native", payload={"kind": "template", "template": "hi"}, rate=20)
    result = play(device, scenario={"producers": [native]})
    assert result.passed, str(result)
    assert result.device_counts["heard"] >= 5
    assert result.latency.count == result.device_counts["heard"]


@pytest.mark.sim
def test_a_threshold_on_latency_judges_them() -> None:
    devices = [Devices(name="listener", script=listener), Devices(name="speaker", script=speaker)]
    scenario = Scenario(name="x", duration="1s", devices=devices, thresholds={"latency": ["p(99)<1ns"]})
    assert run(scenario, sim=True).status == "failed"


def test_without_a_script_the_key_is_refused() -> None:
    with pytest.raises(ScenarioError, match='stamp: it is for a "script", and there is none'):
        Devices(stamp=True, publish=Publish(topic="t"))
