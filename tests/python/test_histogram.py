"""Histograms that leave the core are read by the independent `hdrhistogram` package, with the same figures."""

import base64
import math
import random
import zlib
from collections.abc import Callable

import pytest
from hdrh.histogram import HdrHistogram  # type: ignore[import-untyped]

from mqtt_sim._core import histogram_of

LOWEST = 1
HIGHEST = 3_600_000_000_000  # ns, one hour
DIGITS = 3
PERCENTILES = (0, 25, 50, 90, 99, 99.9, 99.99, 100)


def uniform(rng: random.Random) -> list[int]:
    return [rng.randint(0, 5_000_000) for _ in range(20_000)]


def log_uniform(rng: random.Random) -> list[int]:
    return [round(math.exp(rng.uniform(0, math.log(HIGHEST)))) for _ in range(20_000)]


def exponential(rng: random.Random) -> list[int]:
    return [min(HIGHEST, round(rng.expovariate(1 / 250_000))) for _ in range(20_000)]


def two_peaks(rng: random.Random) -> list[int]:
    return [abs(round(rng.gauss(80_000, 9_000) if rng.random() < 0.97 else rng.gauss(4e8, 5e7))) for _ in range(20_000)]


def every_second_bucket(rng: random.Random) -> list[int]:
    """Isolated buckets with counts around the limits of one and two bytes, at either side of the change of width."""
    return [value for value in range(1, 4096, 4) for _ in range(rng.choice((1, 63, 64, 65)))]


DISTRIBUTIONS = (uniform, log_uniform, exponential, two_peaks, every_second_bucket)

FIXED: dict[str, list[int]] = {
    "empty": [],
    "zero": [0],
    "1 ns": [1],
    "one value": [1_234_567],
    "edge of the first width": [2047, 2048, 2049],
    "1 hour": [HIGHEST],
    "1 ns and 1 hour": [1, HIGHEST],
    "8192 times the same": [777_777] * 8192,
}


def recorded_in_python(values: list[int]) -> HdrHistogram:
    histogram = HdrHistogram(LOWEST, HIGHEST, DIGITS)
    for value in values:
        assert histogram.record_value(value)
    return histogram


def assert_read_as_recorded(values: list[int]) -> None:
    read = HdrHistogram.decode(histogram_of(values))
    expected = recorded_in_python(values)

    assert (read.lowest_trackable_value, read.highest_trackable_value) == (LOWEST, HIGHEST)
    assert read.significant_figures == DIGITS
    assert read.sub_bucket_count == 2048
    assert read.get_total_count() == len(values)
    assert list(read.counts) == list(expected.counts)
    if values:
        assert read.values_are_equivalent(read.get_min_value(), min(values))
        assert read.values_are_equivalent(read.get_max_value(), max(values))
    for percentile in PERCENTILES:
        assert read.get_value_at_percentile(percentile) == expected.get_value_at_percentile(percentile), percentile


@pytest.mark.parametrize("name", FIXED)
def test_fixed_values_are_read_as_recorded(name: str) -> None:
    assert_read_as_recorded(FIXED[name])


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_distributions_are_read_as_recorded(distribution: Callable[[random.Random], list[int]], seed: int) -> None:
    assert_read_as_recorded(distribution(random.Random(seed)))


def test_payload_is_the_one_that_hdrhistogram_writes() -> None:
    values = log_uniform(random.Random(3))
    ours = base64.b64decode(histogram_of(values), validate=True)
    theirs = base64.b64decode(recorded_in_python(values).encode())
    assert ours[:4] == theirs[:4]  # cookie
    assert int.from_bytes(ours[4:8], "big") == len(ours) - 8
    assert zlib.decompress(ours[8:]) == zlib.decompress(theirs[8:])


def test_payload_of_more_than_one_deflate_block_is_read() -> None:
    empty = HdrHistogram(LOWEST, HIGHEST, DIGITS)
    used = empty.get_counts_array_index(HIGHEST) + 1
    text = histogram_of([empty.get_value_from_index(index) for index in range(used)] * 64)
    assert len(zlib.decompress(base64.b64decode(text)[8:])) > 0xFFFF
    assert list(HdrHistogram.decode(text).counts)[:used] == [64] * used


def test_values_out_of_range_are_read_at_its_ends() -> None:
    read = HdrHistogram.decode(histogram_of([-5, HIGHEST + 1, 2**63 - 1]))
    assert read.get_total_count() == 3
    assert read.get_count_at_value(0) == 1
    assert read.get_count_at_value(HIGHEST) == 2


def test_texts_of_shards_add_up_to_the_whole() -> None:
    values = two_peaks(random.Random(4))
    merged = HdrHistogram(LOWEST, HIGHEST, DIGITS)
    for shard in range(4):
        merged.decode_and_add(histogram_of(values[shard::4]))
    whole = HdrHistogram.decode(histogram_of(values))
    assert list(merged.counts) == list(whole.counts)


def test_equal_values_give_equal_text_in_any_order() -> None:
    values = exponential(random.Random(5))
    assert histogram_of(values) == histogram_of(values[::-1])
    assert histogram_of(values) != histogram_of(values[1:])
