"""Real parts: Mosquitto as an outside broker, the embedded broker for outside clients.

A part that is missing fails the test.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import mqtt_sim

SETTINGS = """
listener {port} 127.0.0.1
allow_anonymous true
persistence false
set_tcp_nodelay true
max_queued_messages 0
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("interop")


def program(name: str) -> str:
    """The path of an outside program; `make test` installs them."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    assert path, f"{name} is not installed: apt-get install mosquitto mosquitto-clients"
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Mosquitto of our own."""
    port = free_port()
    folder = tmp_path_factory.mktemp("mosquitto")
    (folder / "mosquitto.conf").write_text(SETTINGS.format(port=port))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program("mosquitto"), "-c", str(folder / "mosquitto.conf")], stdout=log, stderr=subprocess.STDOUT
        )
    try:
        _wait_for_listener(port, process)
        yield f"mqtt://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _wait_for_listener(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        assert process.poll() is None, "mosquitto ended at once"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("mosquitto does not listen")


@pytest.fixture
def broker() -> Iterator[mqtt_sim.Broker]:
    """The embedded broker on a free port."""
    with mqtt_sim.Broker(port=0) as running:
        yield running
