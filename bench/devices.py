"""What devices in Python cost: 5,000 of them at one message a second, in real and in virtual time.

Beside them as many tasks of asyncio that wake up as often and send nothing: the least that an event loop in Python can
do. In virtual time two runs tell what a message costs without start-up, and whether memory grows with the time.
"""

from __future__ import annotations

import sys
from pathlib import Path

from measurements import Bench, Numbers, shard_cpu_s
from processes import BenchError, run_bounded
from programs import SET_UP_S, mqtt_sim, numbers_in

FOLDER = Path(__file__).parent
SCENARIO, TASKS, HOUR = FOLDER / "devices.json", FOLDER / "device_tasks.py", FOLDER / "device_hour.py"
DEVICES, HOUR_S = 5_000, 3_600
VIRTUAL_LENGTHS = (1, 5)
"""Of the two runs, in units of Lengths.virtual_s."""
SLOWEST_US = 500.0
"""A message of a device in virtual time, on a machine that is very busy."""


def measure_devices(bench: Bench) -> Numbers:
    """In real time on the embedded broker, the yardstick, and in virtual time."""
    return _real(bench) | _tasks(bench) | _virtual(bench)


def _real(bench: Bench) -> Numbers:
    seconds = bench.lengths.open_loop_s
    command = bench.told("devices", mqtt_sim("run", str(SCENARIO), "--set", f"duration={seconds}s"))
    report, _ = bench.programs.report_of(command, seconds + SET_UP_S)
    if not (sent := int(report["counts"]["device_sent"])):
        raise BenchError(f"no device sent anything: {report['failure'] or report['errors']}"[:200])
    late, timers = report["metrics"]["device_lateness"], report["devices"]["metrics"]["lateness"]
    return {
        "devices.late_ms_p50": late["p50"] / 1e6,
        "devices.late_ms_p99": late["p99"] / 1e6,
        "devices.late_ms_max": late["max"] / 1e6,
        "devices.timer_late_ms_p99": timers["p99"] / 1e6,
        "devices.python_cpu_us": report["devices"]["cpu_s"] / sent * 1e6,
        "devices.engine_cpu_us": (shard_cpu_s(report) + report["broker"]["cpu_s"]) / sent * 1e6,
    }


def _tasks(bench: Bench) -> Numbers:
    seconds = bench.lengths.open_loop_s
    command = bench.told("device_tasks", [sys.executable, str(TASKS), str(DEVICES), str(seconds)])
    printed = numbers_in(run_bounded(command, seconds + SET_UP_S).output)
    return {
        "device_tasks.cpu_us": printed["cpu_us_per_beat"],
        "device_tasks.late_ms_p50": printed["late_ms_p50"],
        "device_tasks.late_ms_p99": printed["late_ms_p99"],
        "device_tasks.late_ms_max": printed["late_ms_max"],
    }


def _virtual(bench: Bench) -> Numbers:
    short, long = (_virtual_run(bench, length * bench.lengths.virtual_s) for length in VIRTUAL_LENGTHS)
    cpu_us = (long["cpu_s"] - short["cpu_s"]) / (long["messages"] - short["messages"]) * 1e6
    start_up_s = short["cpu_s"] - short["messages"] * cpu_us / 1e6
    return {
        "devices_sim.cpu_us": cpu_us,
        "devices_sim.hour_cpu_min": (start_up_s + DEVICES * HOUR_S * cpu_us / 1e6) / 60,
        "devices_sim.peak_mib": long["peak_bytes"] / 2**20,
        "devices_sim.grown_bytes": (long["peak_bytes"] - short["peak_bytes"]) / DEVICES,
    }


def _virtual_run(bench: Bench, seconds: int) -> dict[str, float]:
    command = bench.told("devices_sim", [sys.executable, str(HOUR), str(seconds)])
    return numbers_in(run_bounded(command, SET_UP_S + DEVICES * seconds * SLOWEST_US / 1e6).output)
