"""Durations and sizes as people write them, and back."""

import math

import pytest

from mqtt_sim.quantity import format_duration, format_ns, parse_duration, parse_size, to_ns


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("20s", 20),
        ("1h30m", 5400),
        ("200us", 0.0002),
        ("200µs", 0.0002),
        ("7ns", 7e-9),
        ("0s", 0),
        ("1.5s", 1.5),
        ("1d", 86_400),
        (" 2s ", 2),
    ],
)
def test_duration_is_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds, rel=1e-12)


@pytest.mark.parametrize("text", ["", "5", "5 s", "-1s", "s", "1x", "1s2", "1e3s", "five seconds"])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match='such as "500ms"'):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"), [("100", 100), ("1KB", 1000), ("64KiB", 65_536), ("1.5MB", 1_500_000), ("3B", 3)]
)
def test_size_is_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "KB", "1kb", "1.5", "-1", "1 QB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="should be a size"):
        parse_size(text)


@pytest.mark.parametrize("text", ["20s", "1h30m", "500ms", "200us", "1m1s1ms1us1ns", "0s"])
def test_formatted_duration_is_what_was_written(text: str) -> None:
    assert format_duration(parse_duration(text)) == text


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 ns"),
        (999, "999 ns"),
        (1000, "1 us"),
        (1_234, "1.23 us"),
        (999_600, "1 ms"),
        (12_345_678, "12.3 ms"),
        (123_456_789, "123 ms"),
        (1_500_000_000, "1.5 s"),
        (99_000_000_000, "99 s"),
        (5_400_000_000_000, "1h30m"),
        (math.nan, "-"),
    ],
)
def test_nanoseconds_get_three_digits_and_a_unit(ns: float, text: str) -> None:
    assert format_ns(ns) == text


def test_nanoseconds_are_whole() -> None:
    assert to_ns(0.1) == 100_000_000
    assert to_ns(parse_duration("7ns")) == 7
