"""Fixtures of the client's tests: brokers to talk to, and a bound on every wait."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from outside import free_port, mosquitto_with

import mqtt_sim

pytestmark = pytest.mark.net


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of these use sockets on loopback, except those that say they need nothing."""
    for item in items:
        if Path(__file__).parent in item.path.parents and not item.get_closest_marker("unit"):
            item.add_marker("net")


@pytest.fixture
def broker() -> Iterator[mqtt_sim.Broker]:
    """The embedded broker with its defaults."""
    with mqtt_sim.Broker() as running:
        yield running


@pytest.fixture
def nobody() -> str:
    """A URL where nobody listens."""
    return f"mqtt://127.0.0.1:{free_port()}"


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[str]:
    """The URL of a Mosquitto of its own."""
    with mosquitto_with("allow_anonymous true\n", tmp_path) as port:
        yield f"mqtt://127.0.0.1:{port}"
