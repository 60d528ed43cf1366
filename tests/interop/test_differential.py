"""Random valid conversations at the embedded broker and at Mosquitto: the same outcome, step by step."""

from __future__ import annotations

import pytest
from differential import compare

import mqtt_sim

SEEDS = 30


@pytest.mark.req("A-02", "X-01", "X-05")
def test_conversations_have_the_outcome_that_they_have_at_mosquitto(mosquitto: str) -> None:
    """[MQTT-3.1.2-4] [MQTT-3.3.1-8] [MQTT-3.8.4-4] [MQTT-4.7.2-1]: see differential.py for what is compared."""
    other = int(mosquitto.rpartition(":")[2])
    with mqtt_sim.Broker() as broker:
        for seed in range(SEEDS):
            assert compare((broker.port, other), seed) == [], f"seed {seed}"
