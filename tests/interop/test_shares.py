"""Shared subscriptions of a scenario at a broker that is not ours."""

from __future__ import annotations

import pytest

import mqtt_sim


@pytest.mark.interop
@pytest.mark.parametrize("version", ["3.1.1", "5.0"])
def test_mosquitto_gives_each_message_to_one_member_of_a_share(mosquitto: str, version: str) -> None:
    result = mqtt_sim.run(
        {
            "name": "workers",
            "duration": "2s",
            "client": {"protocol_version": version},
            "producers": [{"count": 2, "topic": f"jobs/{version}/{{i}}", "rate": 50, "qos": 1, "payload": "size"}],
            "consumers": [
                {"name": "crew", "count": 3, "topic": f"$share/crew/jobs/{version}/+", "qos": 1},
                {"name": "night", "count": 2, "topic": f"$share/night/jobs/{version}/+", "qos": 1},
                {"name": "chief", "count": 1, "topic": f"jobs/{version}/#", "qos": 1},
            ],
        },
        broker=mosquitto,
    )
    received = {group["name"]: group["counts"]["received"] for group in result.document["groups"]}
    assert [received[name] for name in ("crew", "night", "chief")] == [200, 200, 200]
    assert (result.counts["lost"], result.counts["duplicated"]) == (0, 0)
    assert result.passed
