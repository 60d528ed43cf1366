"""Measured numbers to Markdown: the table, the command behind each row, and where and when it was."""

from __future__ import annotations

import math
import os
import platform
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from processes import PATIENCE_S, BenchError, run_bounded
from programs import ROOT, Programs, mqtt_sim
from rows import Comparison, Row

Repetitions = Sequence[Mapping[str, float]]


def table(rows: Sequence[Row], repetitions: Repetitions) -> str:
    """A Markdown table; a row that was not measured is left out."""
    lines = [
        "| # | figure | ours | beside it | ours : beside it | to reach | reached |",
        "|---|---|---|---|---|---|---|",
    ]
    for number, row in measured(rows, repetitions):
        compared = _compared(row, repetitions)
        beside = _values(row.beside, repetitions)
        cells = [
            str(number),
            row.figure,
            spread(_values(row.ours, repetitions)),
            f"{row.beside_name} {spread(beside)}" if beside else "",
            _comparison_text(row, compared),
            _reach_text(row),
            _verdict(row, _values(row.ours, repetitions), compared),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def command_list(rows: Sequence[Row], repetitions: Repetitions, commands: Mapping[str, str]) -> str:
    """How the figures of each row come about; rows with the same commands share a line."""
    numbers: dict[str, list[str]] = {}
    for number, row in measured(rows, repetitions):
        keys = [row.ours, *([row.beside] if row.beside and _values(row.beside, repetitions) else [])]
        runs = dict.fromkeys(commands[key.partition(".")[0]] for key in keys)
        numbers.setdefault("; beside it ".join(f"`{run}`" for run in runs), []).append(str(number))
    return "\n".join(f"- {', '.join(rows_of_it)}: {run}" for run, rows_of_it in numbers.items())


def measured(rows: Sequence[Row], repetitions: Repetitions) -> list[tuple[int, Row]]:
    """The rows that have a figure, numbered."""
    return list(enumerate((row for row in rows if _values(row.ours, repetitions)), 1))


def spread(values: Sequence[float]) -> str:
    """`median (min–max)`, or the value alone."""
    middle = number_text(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} ({number_text(min(values))}–{number_text(max(values))})"


def number_text(value: float) -> str:
    """Three significant digits, whole from 100 on, with separators of thousands."""
    if value == 0 or abs(value) >= 100:
        return f"{round(value):,}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def surroundings(programs: Programs) -> str:
    """Machine and versions, as a Markdown list."""
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    lines = [
        f"- machine: {cores} cores of {_processor()}, {memory_gib:.0f} GiB, {platform.system()} {platform.release()}",
        f"- mqtt-sim: {_first_line(mqtt_sim('--version'))}, commit {_commit()}, Python {platform.python_version()}",
    ]
    if programs.mosquitto:
        lines.append(f"- Mosquitto: {_first_line([programs.mosquitto, '-h'])}")
    if programs.yardsticks:
        lines.append(f"- yardsticks: {_first_line([os.environ.get('CXX', 'g++'), '--version'])}, -O2")
    return "\n".join(lines)


def _values(key: str | None, repetitions: Repetitions) -> list[float]:
    return [numbers[key] for numbers in repetitions if key in numbers] if key else []


def _compared(row: Row, repetitions: Repetitions) -> list[float]:
    if row.comparison is None or row.beside is None:
        return []
    pairs = [
        (numbers[row.ours], numbers[row.beside])
        for numbers in repetitions
        if row.ours in numbers and row.beside in numbers
    ]
    if row.comparison is Comparison.DIFFERENCE:
        return [ours - beside for ours, beside in pairs]
    return [ours / beside for ours, beside in pairs if beside > 0]


def _comparison_text(row: Row, compared: Sequence[float]) -> str:
    if not compared or row.comparison is None:
        return ""
    if row.comparison is Comparison.DIFFERENCE:
        sign = "+" if statistics.median(compared) >= 0 else ""
        return f"{sign}{spread(compared)}"
    return f"{spread(compared)} {row.comparison.value}"


def _reach_text(row: Row) -> str:
    if row.reach is None:
        return ""
    limit = f"{'≥' if row.reach.is_least else '≤'} {row.reach.limit:,g}"
    if not row.reach.on_comparison:
        return limit
    return f"{limit} ×" if row.comparison is Comparison.RATIO else f"{limit} more"


def _verdict(row: Row, ours: Sequence[float], compared: Sequence[float]) -> str:
    if row.reach is None:
        return ""
    values = compared if row.reach.on_comparison else ours
    if not values:
        return "not compared"
    return "yes" if row.reach.is_met(statistics.median(values)) else "**no**"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _first_line(command: Sequence[str]) -> str:
    """What a program says about its version; Mosquitto's help ends with an exit code of its own."""
    try:
        lines = run_bounded(command, PATIENCE_S, accepted=range(256)).output.strip().splitlines()
    except BenchError:
        return "unknown"
    return lines[0] if lines else "unknown"


def _commit() -> str:
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    try:
        return subprocess.run(git, capture_output=True, text=True, check=True, timeout=PATIENCE_S).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"
