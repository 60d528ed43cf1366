"""Fixtures of the client's tests: brokers to talk to, and a bound on every wait."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from fake_server import free_port

import mqtt_sim

pytestmark = pytest.mark.net
_T = TypeVar("_T")
LIMIT_S = 20.0


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
def run() -> Callable[[Coroutine[Any, Any, _T]], _T]:
    """Runs a coroutine to its end, which must come in time."""

    def call(work: Coroutine[Any, Any, _T]) -> _T:
        async def bounded() -> _T:
            async with asyncio.timeout(LIMIT_S):
                return await work

        return asyncio.run(bounded())

    return call


@pytest.fixture
def nobody() -> str:
    """A URL where nobody listens."""
    return f"mqtt://127.0.0.1:{free_port()}"


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[str]:
    """The URL of a Mosquitto of its own."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program is None:
        pytest.fail("mosquitto is not installed: scripts/setup packages test")
    port = free_port()
    (tmp_path / "mosquitto.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    process = subprocess.Popen([program, "-c", str(tmp_path / "mosquitto.conf")], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        yield f"mqtt://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)
