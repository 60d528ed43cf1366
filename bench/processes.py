"""Processes that are measured: bounded in time, ended by their own pid, and read through /proc (so Linux only)."""

from __future__ import annotations

import ctypes
import os
import resource
import select
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

PATIENCE_S = 10.0
"""For a process to be ready, or to end when asked to."""
PR_SET_PDEATHSIG = 1


class BenchError(Exception):
    """A measurement that could not be made; the others go on."""


@dataclass(frozen=True)
class Finished:
    """A process that has ended."""

    output: str
    exit_code: int
    cpu_s: float
    """User and system time of the whole process, start-up included."""


def run_bounded(command: Sequence[str], limit_s: float, accepted: Sequence[int] = (0,)) -> Finished:
    """Runs a command to its end. Raises BenchError when it takes longer, or ends with another exit code."""
    before = _children_cpu_s()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s, preexec_fn=_end_with_parent)
    except subprocess.TimeoutExpired:
        raise BenchError(f"not done within {limit_s:.0f} s") from None
    except OSError as error:
        raise BenchError(str(error)) from None
    if done.returncode not in accepted:
        raise BenchError(f"exit code {done.returncode}: {_last_line(done.stderr or done.stdout)}")
    return Finished(done.stdout, done.returncode, _children_cpu_s() - before)


class Process:
    """A process that runs beside us until its `with` block ends."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self._log = log
        self._log_file = log.open("wb")
        self._popen = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=self._log_file, preexec_fn=_end_with_parent
        )

    def __enter__(self) -> Process:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.is_running():
            self._popen.terminate()
        try:
            self._popen.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait(PATIENCE_S)
        if self._popen.stdout:
            self._popen.stdout.close()
        self._log_file.close()

    def is_running(self) -> bool:
        """Whether it has not ended by itself."""
        return self._popen.poll() is None

    def first_line(self) -> str:
        """What it prints first. Raises BenchError when nothing comes."""
        stream = self._popen.stdout
        if stream and select.select([stream], [], [], PATIENCE_S)[0]:
            line = stream.readline().decode()
            if line:
                return line.strip()
        raise self.failure("it printed nothing")

    def wait(self, limit_s: float) -> tuple[str, int]:
        """Its output and exit code when it ends by itself. Raises BenchError when it does not."""
        try:
            output, _ = self._popen.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            raise self.failure(f"it did not end within {limit_s:.0f} s") from None
        return output.decode(), self._popen.returncode

    def failure(self, what: str) -> BenchError:
        """What went wrong, with its last words."""
        return BenchError(f"{what}: {_last_line(self._log.read_text(encoding='utf-8', errors='replace'))}")

    def cpu_s(self) -> float:
        """User and system time of its threads so far. (/proc/PID/stat has only hundredths of a second.)"""
        tasks = Path(f"/proc/{self._popen.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text(encoding="utf-8").split()[0]) for task in tasks) / 1e9

    def resident_bytes(self) -> int:
        """Resident memory, counted page by page: the running total that VmRSS shows may be off by some hundred KiB."""
        for line in Path(f"/proc/{self._popen.pid}/smaps_rollup").read_text(encoding="utf-8").splitlines():
            if line.startswith("Rss:"):
                return int(line.split()[1]) * 1024
        raise BenchError("smaps_rollup has no Rss")


class MachineShare:
    """How much of the machine other programs used between its creation and `of_others()`."""

    def __init__(self) -> None:
        self._busy, self._total, self._own = *_machine_cpu_s(), _own_cpu_s()

    def of_others(self) -> float:
        """From 0 to 1; 0.5 of two cores is one whole core."""
        busy, total = _machine_cpu_s()
        elapsed = max(total - self._total, 1e-9)
        return max(0.0, (busy - self._busy) - (_own_cpu_s() - self._own)) / elapsed


@dataclass(frozen=True)
class Connects:
    """How connections came up between 10 % and 90 % of them, which leaves out start-up and stragglers."""

    per_s: float
    load_cpu_us: float
    """Of the side that connects, for each connection."""
    broker_cpu_us: float


def watch_connects(load: Process, broker: Process, sockets_before: int, clients: int, limit_s: float) -> Connects:
    """Follows the count of TCP sockets on this machine: seen from outside, so the same for every tool.

    Both ends of a connection are here, which makes two sockets a client. `sockets_before`: without them.
    """
    first = _wait_for_sockets(load, sockets_before + round(0.2 * clients), limit_s)
    began, load_cpu_s, broker_cpu_s = time.monotonic(), load.cpu_s(), broker.cpu_s()
    last = _wait_for_sockets(load, sockets_before + round(1.8 * clients), limit_s)
    seconds, connected = time.monotonic() - began, max(last - first, 1) / 2
    return Connects(
        connected / max(seconds, 1e-9),
        (load.cpu_s() - load_cpu_s) / connected * 1e6,
        (broker.cpu_s() - broker_cpu_s) / connected * 1e6,
    )


def _wait_for_sockets(load: Process, count: int, limit_s: float) -> int:
    end = time.monotonic() + limit_s
    while time.monotonic() < end and load.is_running():
        there = tcp_sockets()
        if there >= count:
            return there
        time.sleep(0.002)
    raise load.failure(f"its clients were not connected within {limit_s:.0f} s")


def tcp_sockets() -> int:
    """TCP sockets in use on this machine, of both families: some listeners take IPv4 with sockets of IPv6."""
    files = {"TCP:": Path("/proc/net/sockstat"), "TCP6:": Path("/proc/net/sockstat6")}
    lines = [line.split() for path in files.values() if path.exists() for line in path.read_text().splitlines()]
    counts = [int(words[2]) for words in lines if words[0] in files]
    if not counts:
        raise BenchError("/proc/net/sockstat has no line for TCP")
    return sum(counts)


def raise_descriptor_limit() -> None:
    """As far as we may, for us and what we start."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _end_with_parent() -> None:
    """In the child: nothing that is measured outlives us, however we end."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _children_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _own_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime + _children_cpu_s()


def _machine_cpu_s() -> tuple[float, float]:
    """(busy, all) seconds of all cores; waiting for a disk and time stolen by a host are not busy."""
    fields = Path("/proc/stat").read_text(encoding="utf-8").split("\n", 1)[0].split()[1:9]
    user, nice, system, idle, waiting, irq, soft_irq, stolen = (int(field) for field in fields)
    busy = user + nice + system + irq + soft_irq
    tick = os.sysconf("SC_CLK_TCK")
    return busy / tick, (busy + idle + waiting + stolen) / tick


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1][:200] if lines else "(no output)"
