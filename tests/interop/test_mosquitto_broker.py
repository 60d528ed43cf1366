"""The main job against a real Mosquitto: 1,000 producers and 1,000 consumers at each QoS, and levels 3.1 to 5.0."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import mqtt_sim

EPISODE4 = Path(__file__).resolve().parents[2] / "scenarios/episode4.json"
# A busy machine must not fail tests of what is counted.
PATIENT = {
    "thresholds": {"lost": ["count==0"]},
    "generator.lateness_limit": "5s",
    "generator.rate_shortfall_limit": 1,
}


@pytest.mark.req("P-04", "D-08", "A-20")
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_episode4_passes_at_every_qos(mosquitto: str, qos: int) -> None:
    changes: dict[str, Any] = {"duration": "4s", "producers.cast.qos": qos, **PATIENT}
    changes |= {f"consumers.{group}.qos": qos for group in ("audience", "critics")}
    result = mqtt_sim.run(EPISODE4, broker=mosquitto, set=changes)
    assert result.passed, result
    assert result.counts["written"] == 4 * 1000
    assert result.counts["delivered"] == result.counts["expected"] == 4 * 4 * 1000
    assert result.counts["acknowledged"] == (4 * 1000 if qos else 0)
    assert (result.counts["lost"], result.counts["duplicated"], result.counts["reordered"]) == (0, 0, 0)


@pytest.mark.req("C-06")
@pytest.mark.parametrize("version", ["3.1", "3.1.1", "5.0"])
def test_every_protocol_level_is_understood(mosquitto: str, version: str) -> None:
    changes = {
        "duration": "1s",
        "client.protocol_version": version,
        "producers.cast.count": 20,
        "consumers.audience.count": 20,
        "producers.cast.qos": 2,
        "consumers.audience.qos": 2,
        "producers.cast.rate": 10,
        **PATIENT,
    }
    result = mqtt_sim.run(EPISODE4, broker=mosquitto, set=changes)
    assert result.passed, result
    assert result.counts["delivered"] == result.counts["expected"] == 4 * 200


def test_a_full_speed_run_loses_nothing(mosquitto: str) -> None:
    throughput = EPISODE4.with_name("throughput.json")
    changes = {"duration": "1s", "producers.0.qos": 1, "consumers.0.qos": 1, **PATIENT}
    result = mqtt_sim.run(throughput, broker=mosquitto, set=changes)
    assert result.passed, result
    assert result.counts["delivered"] == result.counts["written"] > 1000
