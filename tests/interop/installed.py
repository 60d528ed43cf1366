"""The installed command `mqtt-sim` as a process of its own, as a user starts it."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MQTT_SIM = Path(sys.executable).with_name("mqtt-sim")
PATIENCE_S = 30
_LISTENING = re.compile(r"listening \S+ 127\.0\.0\.1:(\d+)(?: \((?!also )([^;)]*))?")


@dataclass(frozen=True)
class InstalledBroker:
    """A running `mqtt-sim broker`: its ports by the names of their listeners; "" is one without a name."""

    process: subprocess.Popen[str]
    ports: dict[str, int]


def mqtt_sim_command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """`mqtt-sim ...` to its end."""
    return subprocess.run([MQTT_SIM, *arguments], capture_output=True, text=True, timeout=60)


@contextmanager
def installed_broker(*arguments: str | Path, listeners: int = 1) -> Iterator[InstalledBroker]:
    """`mqtt-sim broker ...`, once it has told that many listeners; it must end well when it is asked to."""
    command = [MQTT_SIM, "broker", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    limit = threading.Timer(PATIENCE_S, process.kill)
    limit.start()
    try:
        ports = dict(_listening(process) for _ in range(listeners))
        limit.cancel()
        yield InstalledBroker(process, ports)
        assert process.poll() is None, process.communicate()
        process.terminate()
        process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0
    finally:
        limit.cancel()
        process.kill()
        process.communicate()


def _listening(process: subprocess.Popen[str]) -> tuple[str, int]:
    assert process.stdout
    line = process.stdout.readline()
    told = _LISTENING.match(line)
    assert told, line or process.communicate()
    return told[2] or "", int(told[1])
