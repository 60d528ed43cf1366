"""The programs that take part: our generator, our broker, Mosquitto, and the yardsticks mload and raw.

Each command is also known as a person would type it (`shown`), without this machine's paths and ports.
"""

from __future__ import annotations

import getpass
import json
import os
import re
import shlex
import shutil
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from processes import PATIENCE_S, BenchError, Process, run_bounded

ROOT = Path(__file__).resolve().parents[1]
HOST = "127.0.0.1"
YARDSTICKS_VARIABLE = "MQTT_SIM_YARDSTICKS"
SET_UP_S = 60.0
"""Most that starting, connecting and draining may take beside the time that is measured."""
EXIT_THRESHOLD_MISSED = 99

MOSQUITTO_SETTINGS = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence false
max_inflight_messages 0
max_queued_messages 0
set_tcp_nodelay true
log_type error
user {user}
"""


@dataclass(frozen=True)
class Broker:
    """A broker in a process of its own."""

    name: str
    process: Process
    port: int
    scheme: str = "mqtt"

    @property
    def url(self) -> str:
        """As `--broker` takes it."""
        return f"{self.scheme}://{HOST}:{self.port}"


@dataclass
class Programs:
    """Where everything is, and what was noted while it ran."""

    folder: Path
    yardsticks: Path | None = None
    """Folder of the compiled mload and raw."""
    mosquitto: str | None = None
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Adds a remark below the table, once."""
        if text not in self.notes:
            self.notes.append(text)

    @property
    def certificates(self) -> Path:
        """Folder of a CA and of what it signed, made when first asked for."""
        folder = self.folder / "certs"
        if not folder.exists():
            run_bounded(mqtt_sim("certs", str(folder)), PATIENCE_S)
        return folder

    @contextmanager
    def embedded_broker(self, scheme: str = "mqtt") -> Iterator[Broker]:
        """`mqtt-sim broker` on a free port, which takes every scheme."""
        command = mqtt_sim("broker", "--host", HOST, "--port", "0", "--certs", str(self.certificates))
        with Process(command, self.folder / "broker.log") as process:
            line = process.first_line()
            port = re.search(r":(\d+)", line)
            if not port:
                raise process.failure(f"mqtt-sim broker said {line!r}")
            yield Broker("embedded", process, int(port[1]), scheme)

    @contextmanager
    def mosquitto_broker(self, scheme: str = "mqtt") -> Iterator[Broker]:
        """Mosquitto on a free port; the caller knows that it is installed."""
        assert self.mosquitto
        port = free_port()
        text = MOSQUITTO_SETTINGS.format(port=port, user=getpass.getuser())
        if scheme in ("ws", "wss"):
            text += "protocol websockets\n"
        if scheme in ("mqtts", "wss"):
            text += f"certfile {self.certificates}/server.pem\nkeyfile {self.certificates}/server-key.pem\n"
        if scheme in ("ws", "wss"):
            text += f"listener {free_port()} {HOST}\n"  # version 2.0.11 ends when it has none but for WebSockets
        settings = self.folder / "mosquitto.conf"
        settings.write_text(text, encoding="utf-8")
        with Process([self.mosquitto, "-c", str(settings)], self.folder / "mosquitto.log") as process:
            _wait_for_listener(process, port)
            yield Broker("Mosquitto", process, port, scheme)

    def report_of(self, command: Sequence[str], limit_s: float) -> tuple[dict[str, Any], float]:
        """The JSON report of a `mqtt-sim run`, and the CPU seconds of its whole process."""
        path = self.folder / "report.json"
        path.unlink(missing_ok=True)
        done = run_bounded([*command, "--quiet", "--json", str(path)], limit_s, accepted=(0, EXIT_THRESHOLD_MISSED))
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if done.exit_code:
            missed = [f"{t['metric']} {t['expression']} ({t['actual']})" for t in report["thresholds"] if not t["ok"]]
            self.note(f"`{shown(command)}` missed {', '.join(missed) or report['status']}")
        return report, done.cpu_s

    def yardstick(self, name: str, *arguments: object) -> list[str]:
        """The command of mload or raw; the caller knows that they are there."""
        assert self.yardsticks
        return [str(self.yardsticks / name), *(str(argument) for argument in arguments)]


def find_programs(folder: Path) -> Programs:
    """Compiles the yardsticks and looks for Mosquitto; notes what is missing."""
    programs = Programs(folder)
    programs.mosquitto = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if not programs.mosquitto:
        programs.note("Mosquitto is not installed (`apt-get install mosquitto`): its rows are left out")
    sources = os.environ.get(YARDSTICKS_VARIABLE)
    if not sources:
        programs.note(f"`{YARDSTICKS_VARIABLE}` is not set: the rows that need mload or raw are left out")
        return programs
    try:
        for name in ("mload", "raw"):
            compiler = os.environ.get("CXX", "g++")
            source = str(Path(sources) / f"{name}.cpp")
            run_bounded([compiler, "-O2", "-pthread", "-o", str(folder / name), source], limit_s=300)
        programs.yardsticks = folder
    except BenchError as error:
        programs.note(f"the yardsticks did not compile, their rows are left out: {error}")
    return programs


def mqtt_sim(*arguments: str) -> list[str]:
    """Our command, in the interpreter that runs this script."""
    return [sys.executable, "-m", "mqtt_sim", *arguments]


def scenario_run(
    name: str, settings: Mapping[str, object], *, broker: Broker | None = None, sim: bool = False
) -> list[str]:
    """`mqtt-sim scenarios/NAME.json` with fields changed."""
    command = mqtt_sim("run", str(ROOT / "scenarios" / f"{name}.json"))
    if broker:
        command += ["--broker", broker.url]
    if sim:
        command += ["--sim"]
    for path, value in settings.items():
        command += ["--set", f"{path}={value}"]
    return command


def numbers_in(text: str) -> dict[str, float]:
    """The `name=number` pairs that a yardstick prints; of a repeated name the first."""
    numbers: dict[str, float] = {}
    for name, number in re.findall(r"(\S+)=(-?\d+(?:\.\d+)?)", text):
        numbers.setdefault(name, float(number))
    return numbers


def shown(command: Sequence[str]) -> str:
    """A command as one would type it at the root of the repository."""
    text = shlex.join(command).replace(shlex.join([sys.executable, "-m", "mqtt_sim"]), "mqtt-sim")
    text = text.replace("mqtt-sim run ", "mqtt-sim ").replace(f"{ROOT}/", "")
    text = re.sub(r"\S*/(mload|raw|mosquitto)(?=\s)", r"\1", text)
    text = re.sub(r"\S*/(certs/)", r"\1", text).replace(sys.executable, "python")
    return re.sub(rf"({re.escape(HOST)}[: ])\d+", r"\1PORT", text)


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _wait_for_listener(process: Process, port: int) -> None:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and process.is_running():
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.05)
    raise process.failure("the broker does not listen")
