"""Programs of others that the tests run: where they are, and a Mosquitto of our own.

A program that is missing fails the test.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def program(name: str) -> str:
    """The path of an outside program; `make test` installs them."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    assert path, f"{name} is not installed: scripts/setup packages test"
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def mosquitto_with(settings: str, folder: Path) -> Iterator[int]:
    """The port of a Mosquitto of our own with these settings besides its listener."""
    port = free_port()
    configuration = folder / "mosquitto.conf"
    own_user = "user root\n" if os.geteuid() == 0 else ""  # otherwise it becomes one that may not read our files
    common = f"listener {port} 127.0.0.1\npersistence false\nset_tcp_nodelay true\n{own_user}"
    configuration.write_text(common + settings)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program("mosquitto"), "-c", str(configuration)], stdout=log, stderr=subprocess.STDOUT
        )
    try:
        wait_for_listener(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def wait_for_listener(port: int, process: subprocess.Popen[bytes]) -> None:
    """Fails when the program ends instead, or takes longer than 10 s."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        assert process.poll() is None, f"{process.args} ended at once"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"{process.args} does not listen")
