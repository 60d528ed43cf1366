"""Many devices at once: the same every time, without memory that grows, all ended, and lateness that hides nothing."""

from __future__ import annotations

import asyncio
import gc
import time
import weakref
from collections import Counter
from collections.abc import Callable

import pytest

from mqtt_sim import Devices, Result, Scenario, run
from mqtt_sim.device import Context, DeviceClient

Play = Callable[..., Result]


async def beat(client: DeviceClient, context: Context) -> None:
    async for now in context.every(1.0):
        await client.publish(f"beat/{context.index % 7}", f"{now:.3f}", qos=context.index % 2)


def thousand(seed: int = 1, duration: str = "5s") -> Result:
    return run(
        Scenario(name="many", duration=duration, devices=[Devices(count=1000, script=beat)]), sim=True, seed=seed
    )


@pytest.mark.sim
@pytest.mark.req("P-08")
def test_a_thousand_devices_give_the_same_report_each_time() -> None:
    first, second, other = thousand(), thousand(), thousand(seed=2)
    assert first.to_dict() == second.to_dict()
    assert first.to_dict() != other.to_dict()
    assert first.counts["device_sent"] == 5000
    assert first.device_groups[0]["returned"] == 1000


@pytest.mark.sim
def test_objects_do_not_grow_with_virtual_time() -> None:
    seen: list[Counter[str]] = []

    async def device(client: DeviceClient, context: Context) -> None:
        async for now in context.every(0.1, offset=0.005 * context.index):
            if context.index == 0 and len(seen) < 2 and now > 10 * (1 + 8 * len(seen)):
                gc.collect()
                seen.append(Counter(type(one).__name__ for one in gc.get_objects()))
            client.publish("fire/and/forget", f"{now}")
            delivery = client.publish("t", f"{now}", qos=context.index % 3)
            await asyncio.wait_for(delivery, 3600)  # its timer is cancelled, an hour before its time
            assert client.in_flight <= 2

    scenario = Scenario(name="long", duration="100s", devices=[Devices(count=20, script=device)])
    result = run(scenario, sim=True)
    assert result.passed, str(result)
    assert result.counts["device_sent"] == 40_000
    early, late = seen
    grown = {name: late[name] - early[name] for name in late if late[name] - early[name] > 1500}
    assert grown == {}


def test_all_are_cancelled_at_the_end_and_nothing_of_them_is_left(play: Play) -> None:
    cancelled: list[int] = []
    clients: weakref.WeakSet[DeviceClient] = weakref.WeakSet()

    async def device(client: DeviceClient, context: Context) -> None:
        clients.add(client)
        try:
            async for _ in context.every(0.5):
                await client.publish("t", "x")
            await context.sleep(3600)
        except asyncio.CancelledError:
            cancelled.append(context.index)
            raise

    result = play(device, count=300)
    assert result.passed, str(result)
    assert sorted(cancelled) == list(range(300))
    assert result.device_groups[0]["stopped"] == 300
    gc.collect()
    assert len(clients) == 0


# ---- lateness


def test_every_message_has_a_lateness(play: Play, is_virtual: bool) -> None:
    async def device(client: DeviceClient, context: Context) -> None:
        async for _ in context.every(0.2):
            for qos in (0, 1, 2):
                await client.publish("t", "x", qos)

    result = play(device, count=3)
    assert result.device_lateness.count == result.counts["device_sent"] > 0
    assert result.lateness.count == 0  # that is of native groups
    if is_virtual:
        assert result.device_lateness.max == 0


def test_message_is_late_from_the_beat_on_when_another_device_holds_the_loop(play: Play, is_virtual: bool) -> None:
    async def device(client: DeviceClient, context: Context) -> None:
        if context.index == 0:
            await context.sleep(0.5)
            time.sleep(0.7)
            return
        async for _ in context.every(0.1):
            await client.publish("t", "x")

    result = play(device, count=2, scenario={"duration": "2s"})
    if is_virtual:  # what the machine needs for a script is not its time
        assert result.device_lateness.max == 0
        return
    assert result.device_lateness.max >= 0.55
    assert result.device_metrics["lateness"].max >= 0.55
    (warning,) = [text for text in result.warnings if text.startswith("scripted devices were late")]
    assert "their timers" in warning
    assert "their messages" in warning


@pytest.mark.sim
def test_beat_that_was_missed_counts_from_its_own_time() -> None:
    async def device(client: DeviceClient, context: Context) -> None:
        async for now in context.every(1.0, offset=0.0):
            client.publish("t", "x")
            if now == 1.0:
                await asyncio.sleep(2.5)  # the beats of 2 and 3 s come at 3.5 s

    result = run(Scenario(name="missed", duration="5s", devices=[Devices(script=device)]), sim=True)
    assert result.counts["device_sent"] == 5
    assert result.device_lateness.max == pytest.approx(1.5, rel=1e-3)
    assert result.device_lateness.p50 == 0


@pytest.mark.sim
def test_what_is_published_later_is_not_late() -> None:
    async def device(client: DeviceClient, context: Context) -> None:
        async for now in context.every(1.0, offset=0.0):
            if now == 1.0:
                await asyncio.sleep(1.25)
            await asyncio.sleep(0.125)  # after that it is no longer the beat that says when
            await client.publish("t", "x")

    result = run(Scenario(name="later", duration="4s", devices=[Devices(script=device)]), sim=True)
    assert result.counts["device_sent"] == 4
    assert result.device_lateness.max == 0
    assert result.device_metrics["lateness"].max == pytest.approx(0.375, rel=1e-3)
