"""Scripted devices, unchanged in real and in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mqtt_sim import Consumers, Devices, Producers, Result, Scenario, run
from mqtt_sim.device import Context, DeviceClient
from mqtt_sim.report.summary import summary

Play = Callable[..., Result]


def test_device_begins_connected_at_time_zero(play: Play) -> None:
    seen: list[tuple[str, float, str, str, int]] = []

    async def device(client: DeviceClient, context: Context) -> None:
        seen.append((client.state, context.now(), client.client_id, context.name, context.size))

    result = play(device, count=3)
    assert result.passed, str(result)
    assert [one[0] for one in seen] == ["connected"] * 3
    assert all(0 <= one[1] < 1 for one in seen)
    assert [one[2:] for one in seen] == [(f"device-{i}", f"device-{i}", 3) for i in range(3)]
    assert result.device_groups[0]["returned"] == 3


def test_messages_go_between_devices_at_every_qos(play: Play) -> None:
    received: list[tuple[str, int]] = []

    async def device(client: DeviceClient, context: Context) -> None:
        if context.index == 0:
            await client.subscribe("t/#", qos=2)
            async for message in client.messages():
                received.append((message.text(), message.qos))
                context.count("heard")
        await asyncio.sleep(0.1)
        for qos in (0, 1, 2):
            delivery = await client.publish("t/x", f"{qos}", qos)
            assert delivery.is_done

    result = play(device, count=2)
    assert result.passed, str(result)
    assert received == [("0", 0), ("1", 1), ("2", 2)]
    assert result.device_counts == {"heard": 3}
    assert (result.counts["device_sent"], result.counts["device_received"]) == (3, 3)
    counts = result.document["groups"][0]["counts"]
    assert (counts["written"], counts["acknowledged"], counts["received"]) == (3, 2, 3)


def test_plain_asyncio_works(play: Play) -> None:
    async def device(client: DeviceClient, context: Context) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 0.05)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.messages().get()
        async with asyncio.TaskGroup() as tasks:
            for delay in (0.03, 0.01, 0.02):
                tasks.create_task(asyncio.sleep(delay))
        gathered = await asyncio.gather(*(asyncio.sleep(0.01, n) for n in range(3)))
        assert gathered == [0, 1, 2]
        assert context.now() > 0.13
        context.count("done")

    assert play(device, count=2).device_counts == {"done": 2}


def test_native_groups_beside_keep_their_exact_accounts(play: Play) -> None:
    async def device(client: DeviceClient, context: Context) -> None:
        async for _ in context.every(0.05):
            await client.publish("n/0", "no stamp", qos=1)

    payload = {"kind": "size", "size": 64}
    native = {
        "producers": [Producers(name="p", count=2, topic="n/{i}", rate=50.0, qos=1, payload=payload)],
        "consumers": [Consumers(name="c", topic="n/#", qos=1)],
        "duration": "600ms",
    }
    result = play(device, scenario=native)
    assert result.passed, str(result)
    assert (result.planned, result.written, result.delivered, result.lost) == (60, 60, 60, 0)
    assert result.counts["undecodable"] == result.counts["device_sent"] > 0
    assert not [warning for warning in result.warnings if "stamp" in warning]


def test_context_gives_arguments_randomness_and_measures(play: Play) -> None:
    drawn: list[float] = []

    async def device(client: DeviceClient, context: Context) -> None:
        drawn.append(context.random.random())
        context.count("things", context.arguments["amount"])
        context.record("took", 0.25)
        await context.sleep(0.1)
        assert context.remaining < context.duration

    result = play(device, count=4, arguments={"amount": 5}, seed=7)
    again = play(device, count=4, arguments={"amount": 5}, seed=7)
    assert again.passed
    assert sorted(drawn[:4]) == sorted(drawn[4:])
    assert len(set(drawn)) == 4
    assert result.device_counts == {"things": 20}
    assert result.device_metrics["took"].count == 4
    assert result.device_metrics["took"].p50 == pytest.approx(0.25, rel=1e-3)
    assert result.device_metrics["lateness"].count == 4


def test_stopping_is_set_when_the_duration_is_over_and_leaves_time_to_end(play: Play) -> None:
    ended: list[float] = []

    async def device(client: DeviceClient, context: Context) -> None:
        await context.stopping.wait()
        await asyncio.sleep(0.1)
        await client.publish("last", "words", qos=1)
        ended.append(context.now())

    result = play(device, scenario={"duration": "600ms", "drain": "3s"})
    assert result.passed, str(result)
    assert result.device_groups[0]["returned"] == 1
    assert 0.7 <= ended[0] < 2.0
    assert result.counts["device_sent"] == 1


def test_device_that_does_not_look_at_stopping_is_cancelled(play: Play) -> None:
    last_words: list[str] = []

    async def device(client: DeviceClient, context: Context) -> None:
        try:
            while True:
                await asyncio.sleep(0.05)
        finally:
            client.publish("bye", "bye", qos=1)
            last_words.append(client.state)

    result = play(device, count=3, scenario={"drain": "5s"})
    assert result.passed, str(result)
    assert result.device_groups[0]["stopped"] == 3
    assert last_words == ["connected"] * 3
    assert result.counts["device_sent"] == 3


def test_device_may_end_early_and_connect_again(play: Play) -> None:
    async def device(client: DeviceClient, context: Context) -> None:
        if context.index == 0:
            return
        await client.end()
        assert client.state == "closed"
        await asyncio.sleep(0.1)
        await client.connect()
        await client.publish("t", "back", qos=1)
        await client.end()

    result = play(device, count=2)
    assert result.passed, str(result)
    assert result.clients["connected"] == 2
    assert result.clients["reconnected"] == 1
    assert result.counts["device_sent"] == 1


def test_everybody_may_leave(play: Play) -> None:
    async def device(client: DeviceClient, context: Context) -> None:
        await client.end()

    result = play(device, count=5)
    assert result.passed, str(result)
    assert result.clients["disconnected"] == 0


def test_report_says_that_python_was_on_the_path(play: Play) -> None:
    async def device(client: DeviceClient, context: Context) -> None:
        context.count("began")

    result = play(device)
    assert result.has_python
    assert "DEVICES (scripts in Python)" in summary(result)
    assert "1 began" in summary(result)


# ---- virtual time alone


@pytest.mark.sim
def test_an_hour_of_sleep_takes_no_time_and_is_exact() -> None:
    times: list[float] = []

    async def device(client: DeviceClient, context: Context) -> None:
        for _ in range(60):
            await asyncio.sleep(60)
            times.append(context.now())
            await client.publish("t", "x")

    result = run(Scenario(name="hour", duration="2h", devices=[Devices(script=device)]), sim=True)
    assert result.passed
    assert times[0] == pytest.approx(60, abs=1e-6)
    assert times[-1] == pytest.approx(3600, abs=1)
    assert result.elapsed == 7200


async def chatter(client: DeviceClient, context: Context) -> None:
    await client.subscribe(f"to/{context.index}", qos=1)

    async def answer() -> None:
        async for message in client.messages():
            context.count("heard")
            if context.random.random() < 0.5:
                client.publish(f"to/{context.random.randrange(context.size)}", message.payload + b"!", qos=1)

    task = asyncio.create_task(answer())
    async for now in context.every(0.5):
        delivery = await client.publish(f"to/{context.random.randrange(context.size)}", f"{now}", qos=context.index % 3)
        context.record("age", context.now() - now)
        assert delivery.is_done
    task.cancel()


@pytest.mark.sim
@pytest.mark.req("P-08")
def test_same_seed_gives_the_same_report_to_the_byte() -> None:
    def report(seed: int) -> dict[str, Any]:
        scenario = Scenario(
            name="chatter",
            duration="20s",
            link={"latency": "3ms", "jitter": "20ms"},
            devices=[Devices(count=20, script=chatter)],
        )
        return run(scenario, sim=True, seed=seed).to_dict()

    first, second, other = report(4), report(4), report(5)
    assert first == second
    assert first["devices"]["counts"] != other["devices"]["counts"] or first["counts"] != other["counts"]
    assert first["counts"]["device_received"] > 300


@pytest.mark.sim
@pytest.mark.req("A-08")
def test_script_of_a_json_scenario_lies_beside_it(tmp_path: Path) -> None:
    (tmp_path / "meter.py").write_text(
        "async def meter(client, context):\n    await client.publish('m', context.arguments['text'], qos=1)\n"
    )
    file = tmp_path / "meters.json"
    file.write_text(
        '{"name": "meters", "duration": "1s", "devices": [{"script": "meter.py:meter", "arguments": {"text": "hi"}}]}'
    )
    result = run(file, sim=True)
    assert result.passed
    assert result.counts["device_sent"] == 1
    assert result.document["scenario"]["devices"][0]["script"].endswith("meter.py:meter")
