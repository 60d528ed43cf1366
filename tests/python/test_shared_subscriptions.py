"""Consumers that share a subscription: each message of a stream goes to one of them, and is counted once."""

from __future__ import annotations

from typing import Any

import pytest

import mqtt_sim

BOTH_TIMES = [pytest.param(True, marks=pytest.mark.sim), pytest.param(False, marks=pytest.mark.net)]


def scenario(consumers: list[dict[str, Any]], *, rate: float | str = 50, **more: Any) -> dict[str, Any]:
    return {
        "name": "workers",
        "duration": "2s",
        "producers": [{"name": "jobs", "count": 3, "topic": "jobs/{i}", "rate": rate, "qos": 1, "payload": "size"}],
        "consumers": consumers,
        **more,
    }


def workers(count: int = 4, topic: str = "$share/crew/jobs/+", name: str = "crew", **more: Any) -> dict[str, Any]:
    return {"name": name, "count": count, "topic": topic, "qos": 1, **more}


@pytest.mark.parametrize("sim", BOTH_TIMES)
@pytest.mark.parametrize("version", ["3.1.1", "5.0"])
def test_members_get_each_message_once_between_them(sim: bool, version: str) -> None:
    result = mqtt_sim.run(scenario([workers()], client={"protocol_version": version}, shards=2), sim=sim)
    messages, groups = result.counts, result.document["groups"]
    assert (messages["offered"], messages["expected"], messages["delivered"]) == (300, 300, 300)
    assert (messages["lost"], messages["duplicated"], messages["reordered"]) == (0, 0, 0)
    assert [group["counts"]["received"] for group in groups] == [0, 300]
    assert result.passed


@pytest.mark.sim
def test_each_share_is_a_receiver_of_its_own_beside_those_that_share_nothing() -> None:
    result = mqtt_sim.run(
        scenario(
            [
                workers(3),
                workers(2, "$share/night/jobs/+", "night"),
                workers(1, "jobs/+", "chief"),
                workers(2, name="helpers"),
                workers(2, "$share/own{i}/jobs/0", "own"),
            ]
        ),
        sim=True,
    )
    received = {group["name"]: group["counts"]["received"] for group in result.document["groups"]}
    assert received["crew"] + received["helpers"] == 300
    assert min(received["crew"], received["helpers"]) > 0
    assert (received["night"], received["chief"], received["own"]) == (300, 300, 200)
    assert result.counts["expected"] == 300 * 3 + 200
    assert result.counts["lost"] == 0
    assert result.passed


@pytest.mark.sim
@pytest.mark.req("X-15")
def test_lost_messages_of_a_share_are_counted() -> None:
    lossy = scenario([workers(2)], broker={"max_queued": 1, "max_inflight_below_v5": 1}, rate=2000)
    messages = mqtt_sim.run(lossy, sim=True).counts
    assert messages["lost"] > 0
    assert (
        messages["delivered"] - messages["duplicated"] + messages["lost"] == messages["expected"] == messages["offered"]
    )


@pytest.mark.parametrize("sim", BOTH_TIMES)
def test_unpaced_producers_wait_for_the_member_that_gets_their_message(sim: bool) -> None:
    result = mqtt_sim.run(scenario([workers()], rate="max", duration="1s"), sim=sim)
    messages = result.counts
    assert messages["offered"] > 0
    assert messages["delivered"] == messages["offered"]
    assert result.passed


@pytest.mark.sim
def test_share_beside_a_filter_of_the_same_topic_is_refused_with_the_remedy() -> None:
    both = workers() | {"topics": ["$share/crew/jobs/+", "jobs/1"]}
    del both["topic"]
    with pytest.raises(mqtt_sim.ScenarioError, match=r"consumers\[0\].*no two match the same topic"):
        mqtt_sim.run(scenario([both]), sim=True)
