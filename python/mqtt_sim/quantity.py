"""Durations and sizes as people write them: "1h30m", "500us", "1KB"; and back, for reports."""

from __future__ import annotations

import math
import re

NS_PER_S = 1_000_000_000

DURATION_UNITS_NS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "ms": 1_000_000,
    "s": NS_PER_S,
    "m": 60 * NS_PER_S,
    "h": 3600 * NS_PER_S,
    "d": 86_400 * NS_PER_S,
}
SIZE_UNITS = {"": 1, "B": 1, "KB": 1000, "MB": 1000**2, "GB": 1000**3, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}

DURATION_PATTERN = r"^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h|d))+$"
SIZE_PATTERN = r"^\d+(\.\d+)?(B|KB|MB|GB|KiB|MiB|GiB)?$"

DURATION_REMEDY = 'should be a duration such as "500ms", "20s" or "1h30m", or a number of seconds'
SIZE_REMEDY = 'should be a size such as "1KB" or "64KiB", or a number of bytes'

_DURATION = re.compile(DURATION_PATTERN)
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)")
_SIZE = re.compile(r"^(\d+(?:\.\d+)?) ?(B|KB|MB|GB|KiB|MiB|GiB)?$")


def parse_duration(text: str) -> float:
    """Seconds. Raises ValueError that says what would be right."""
    text = text.strip().replace("μ", "µ")
    if not _DURATION.match(text):
        raise ValueError(DURATION_REMEDY)
    ns = math.fsum(float(number) * DURATION_UNITS_NS[unit] for number, unit in _DURATION_PART.findall(text))
    return ns / NS_PER_S


def to_ns(seconds: float) -> int:
    """Whole nanoseconds."""
    return round(seconds * NS_PER_S)


def parse_size(text: str) -> int:
    """Bytes. Raises ValueError that says what would be right."""
    match = _SIZE.match(text.strip())
    if not match:
        raise ValueError(SIZE_REMEDY)
    size = float(match[1]) * SIZE_UNITS[match[2] or ""]
    if not size.is_integer():
        raise ValueError(SIZE_REMEDY + "; this is no whole number of bytes")
    return int(size)


def format_ns(ns: float) -> str:
    """Three significant digits and the unit that fits: 1230000 → "1.23 ms"."""
    if not math.isfinite(ns):
        return "-"
    for unit in ("ns", "us", "ms"):
        value = ns / DURATION_UNITS_NS[unit]
        if abs(value) < 999.5:
            return f"{_three_digits(value)} {unit}"
    seconds = ns / NS_PER_S
    return f"{_three_digits(seconds)} s" if abs(seconds) < 100 else format_duration(round(seconds))


def format_duration(seconds: float) -> str:
    """The shortest spelling that parse_duration reads back: 5400 → "1h30m", 0.5 → "500ms"."""
    ns = to_ns(seconds)
    if ns == 0:
        return "0s"
    parts = []
    for unit in ("h", "m", "s", "ms", "us", "ns"):
        count, ns = divmod(ns, DURATION_UNITS_NS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def format_count(count: int) -> str:
    """Thousands apart: 20000 → "20,000"."""
    return f"{count:,}"


def _three_digits(value: float) -> str:
    if value == 0:
        return "0"
    digits = 2 - math.floor(math.log10(abs(value)))
    rounded = round(value, digits)
    return f"{rounded:.{max(0, digits)}f}".rstrip("0").rstrip(".") if digits > 0 else f"{rounded:.0f}"
