#!/usr/bin/env python3
"""The figures we claim about speed, beside yardsticks measured in the same run, as a Markdown table.

    .venv/bin/python bench/measure.py              about eight minutes
    .venv/bin/python bench/measure.py --write      and into bench/RESULTS.md
    .venv/bin/python bench/measure.py --only sim --repetitions 1

What is measured, and how: bench/README.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from devices import measure_devices
from measurements import (
    IDLE_BASE,
    Bench,
    Lengths,
    Numbers,
    measure_full_speed,
    measure_idle,
    measure_one_in_flight,
    measure_open_loop,
    measure_virtual_time,
)
from processes import BenchError, MachineShare, raise_descriptor_limit
from programs import ROOT, find_programs
from python_client import measure_python_client
from rows import ROWS
from table import Repetitions, command_list, surroundings, table
from transports import measure_transports

RESULTS = ROOT / "bench" / "RESULTS.md"

MEASUREMENTS: dict[str, Callable[[Bench], Numbers]] = {
    "full-speed": measure_full_speed,
    "one-in-flight": measure_one_in_flight,
    "open-loop": measure_open_loop,
    "idle": measure_idle,
    "sim": measure_virtual_time,
    "transports": measure_transports,
    "devices": measure_devices,
    "python-client": measure_python_client,
}


def main() -> int:
    """Measures, prints, and returns the exit code: 1 when a measurement could not be made."""
    arguments = _parse_arguments()
    raise_descriptor_limit()
    began = datetime.now(UTC)
    share = MachineShare()
    with tempfile.TemporaryDirectory(prefix="mqtt-sim-bench-") as folder:
        lengths = Lengths(arguments.seconds, arguments.open_loop_seconds, arguments.virtual_seconds, arguments.clients)
        bench = Bench(find_programs(Path(folder)), lengths)
        failures: list[str] = []
        repetitions = [_repeat(bench, number, arguments, failures) for number in range(1, arguments.repetitions + 1)]
        text = _results(bench, repetitions, began, share.of_others(), failures)
    print(text)
    if arguments.write and failures:
        print(f"bench: {RESULTS.name} is left as it was", file=sys.stderr)
    elif arguments.write:
        RESULTS.write_text(text + "\n", encoding="utf-8")
    return 1 if failures else 0


def _repeat(bench: Bench, number: int, arguments: argparse.Namespace, failures: list[str]) -> dict[str, float]:
    numbers: dict[str, float] = {}
    for name in arguments.only:
        began = time.monotonic()
        try:
            numbers |= MEASUREMENTS[name](bench)
        except BenchError as error:
            failures.append(f"{name}, repetition {number}: {error}")
            print(f"bench: {failures[-1]}", file=sys.stderr)
        print(f"bench: repetition {number}: {name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return numbers


def _results(bench: Bench, repetitions: Repetitions, began: datetime, others: float, failures: list[str]) -> str:
    notes = [
        f"The share of the machine that other programs used meanwhile was {others:.2f}.",
        *bench.programs.notes,
        *(f"Not measured: {failure}" for failure in failures),
    ]
    lengths = bench.lengths
    return "\n\n".join(
        [
            "# Results",
            f"Written by `bench/measure.py`; what each figure means is in [README.md](README.md). Begun "
            f"{began:%Y-%m-%d %H:%M} UTC, {len(repetitions)} repetition(s), each cell median (min–max); full speed "
            f"{lengths.full_speed_s} s, open loop {lengths.open_loop_s} s, {lengths.virtual_s} virtual seconds, "
            f"{IDLE_BASE:,} and {lengths.clients:,} idle clients.",
            surroundings(bench.programs),
            table(ROWS, repetitions),
            "\n".join(f"- {note}" for note in notes),
            "## Commands",
            command_list(ROWS, repetitions, bench.commands),
        ]
    )


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures mqtt-sim beside its yardsticks and prints a Markdown table.")
    parser.add_argument("--repetitions", type=_positive, default=3, metavar="N", help="of everything (default 3)")
    parser.add_argument("--seconds", type=_positive, default=5, metavar="N", help="of a run at full speed (default 5)")
    parser.add_argument("--open-loop-seconds", type=_positive, default=20, metavar="N", help="default 20")
    parser.add_argument("--virtual-seconds", type=_positive, default=60, metavar="N", help="default 60")
    parser.add_argument(
        "--clients", type=_positive, default=8000, metavar="N", help=f"idle ones, over {IDLE_BASE} (default 8000)"
    )
    parser.add_argument("--only", nargs="+", choices=MEASUREMENTS, default=list(MEASUREMENTS), help="default: all")
    parser.add_argument("--write", action="store_true", help="write bench/RESULTS.md too")
    arguments = parser.parse_args()
    if arguments.clients <= IDLE_BASE:
        parser.error(f"--clients: should be over {IDLE_BASE}")
    return arguments


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("should be at least 1")
    return value


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("bench: interrupted")
