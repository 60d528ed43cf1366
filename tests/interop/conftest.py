"""Real parts: Mosquitto as an outside broker, the embedded broker for outside clients.

A part that is missing fails the test.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from outside import mosquitto_with

import mqtt_sim


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("interop")


@pytest.fixture(scope="session")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Mosquitto of our own."""
    with mosquitto_with("allow_anonymous true\nmax_queued_messages 0\n", tmp_path_factory.mktemp("mosquitto")) as port:
        yield f"mqtt://127.0.0.1:{port}"


@pytest.fixture
def broker() -> Iterator[mqtt_sim.Broker]:
    """The embedded broker on a free port."""
    with mqtt_sim.Broker(port=0) as running:
        yield running
