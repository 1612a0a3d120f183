"""Percentiles from a bounded histogram."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.node.histogram import Histogram

EIGHTEEN_MINUTES_NS = (1 << 40) - 1

durations_ns = st.integers(0, EIGHTEEN_MINUTES_NS) | st.integers(0, 10_000)


def recorded(durations):
    histogram = Histogram()
    for duration_ns in durations:
        histogram.record(duration_ns)
    return histogram


def test_nothing_recorded_is_zero():
    """A node that is asked at once has no latency yet, and no division by zero."""
    histogram = Histogram()

    numbers = (histogram.mean_ns, histogram.percentile_ns(50), histogram.max_ns)

    assert numbers == (0.0, 0.0, 0)


def test_small_durations_are_exact():
    """Below 256 ns each nanosecond has a bucket of its own."""
    histogram = recorded(range(1, 201))

    percentiles = [histogram.percentile_ns(percent) for percent in (0, 50, 99, 100)]

    assert percentiles == [1.0, 100.0, 198.0, 200.0]


def test_times_counts_a_duration_as_often():
    """The replies of one write share one duration, recorded at once."""
    histogram = Histogram()

    histogram.record(10, times=99)
    histogram.record(200)

    assert (histogram.count, histogram.percentile_ns(99), histogram.percentile_ns(100)) == (100, 10.0, 200.0)


def test_the_mean_is_exact():
    """Only percentiles are rounded to buckets."""
    histogram = recorded([1_000_001, 2_000_002, 3_000_006])

    mean_ns = histogram.mean_ns

    assert mean_ns == 2_000_003.0


def test_longer_than_eighteen_minutes_is_counted_all_the_same():
    """A laptop that slept must not raise in the middle of a batch."""
    histogram = recorded([1 << 50])

    seen = (histogram.count, histogram.max_ns, histogram.percentile_ns(50))

    assert seen[:2] == (1, 1 << 50)
    assert seen[2] == pytest.approx(EIGHTEEN_MINUTES_NS, rel=0.01)


@pytest.mark.parametrize("duration_ns", [0, 255, 256, 257, 511, 512, 65_535, 65_536, EIGHTEEN_MINUTES_NS])
def test_bucket_borders_stay_within_one_percent(duration_ns):
    """Powers of two are where an octave begins and where an off-by-one would show."""
    histogram = recorded([duration_ns, EIGHTEEN_MINUTES_NS])

    median_ns = histogram.percentile_ns(50)

    assert median_ns == pytest.approx(duration_ns, rel=0.01)


@given(st.lists(durations_ns, min_size=1, max_size=200), st.integers(1, 100))
def test_percentiles_are_within_one_percent_of_the_exact_ones(durations, percent):
    """The promise that `bench_stats` makes, against the nearest-rank definition."""
    histogram = recorded(durations)

    percentile_ns = histogram.percentile_ns(percent)

    exact_ns = sorted(durations)[math.ceil(len(durations) * percent / 100) - 1]
    assert percentile_ns == pytest.approx(exact_ns, rel=0.01)


@given(st.lists(durations_ns, min_size=1))
def test_no_percentile_exceeds_the_maximum(durations):
    """A p99 above the max would make readers doubt every other number."""
    histogram = recorded(durations)

    percentile_ns = histogram.percentile_ns(100)

    assert percentile_ns <= histogram.max_ns


@given(st.lists(st.integers(0, 1 << 62)))
def test_memory_does_not_grow_with_what_is_recorded(durations):
    """A node runs for months."""
    buckets = len(Histogram()._counts)

    histogram = recorded(durations)

    assert len(histogram._counts) == buckets < 5_000
