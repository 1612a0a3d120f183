import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.gate.reports.units import duration
from messenger.gate.target import BadTarget, measure_target, parse_duration, parse_targets, percentile


class Rounds:
    """As much of pytest-benchmark's Stats as a target reads."""

    mean = 0.002

    def __init__(self, *seconds):
        self.sorted_data = sorted(seconds)


def measured(statistic, *, iterations=1, extra_info=None):
    stats = Rounds(*[number / 1000 for number in range(1, 101)])
    return measure_target(statistic, 0.05, stats=stats, iterations=iterations, extra_info=extra_info or {})


@given(st.floats(min_value=1, max_value=1e13))
def test_reading_a_duration_undoes_writing_it(nanoseconds):
    """What a report prints can be pasted into a marker."""
    assert parse_duration(duration(nanoseconds)) * 1e9 == pytest.approx(nanoseconds, rel=6e-4)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("50ms", 0.05),
        ("1.5 us", 1.5e-6),
        ("2µs", 2e-6),
        ("2μs", 2e-6),
        (" 7ns ", 7e-9),
        ("1e3s", 1000),
        (".5s", 0.5),
    ],
)
def test_every_unit_is_read(text, seconds):
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "50", "ms", "0ms", "-1ms", "1h", "nan s", "infs", "1e999s", "1,5ms", 50, None]
)
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(BadTarget, match="is not a duration"):
        parse_duration(text)


def test_statistics_are_named_as_people_say_them():
    found = parse_targets((), {"p99_9": "1s", "median": "2s", "p5": "1s"})

    assert found == {"p99.9": 1.0, "median": 2.0, "p5": 1.0}


@pytest.mark.parametrize(
    ("arguments", "keywords"), [(("50ms",), {}), ((), {}), ((), {"p100": "1s"}), ((), {"average": "1s"})]
)
def test_a_marker_nobody_understands_is_refused(arguments, keywords):
    with pytest.raises(BadTarget):
        parse_targets(arguments, keywords)


def test_a_percentile_is_told_from_single_calls():
    assert measured("p99").value_seconds == 0.099


def test_a_percentile_of_means_is_refused_with_the_way_out():
    """A round of 1000 calls is their mean, and a mean hides the one slow call."""
    with pytest.raises(BadTarget, match=r"rounds of 1000 iterations.*pedantic\(\.\.\., iterations=1\)"):
        measured("p99", iterations=1000)


def test_a_mean_may_come_from_many_iterations():
    assert measured("mean", iterations=1000).value_seconds == 0.002


def test_a_benchmark_may_know_better():
    found = measured("p99.9", iterations=1000, extra_info={"p99_9_seconds": 0.06})

    assert (found.value_seconds, found.met) == (0.06, False)


@pytest.mark.parametrize("value", ["fast", 0, -1.0, float("nan"), float("inf"), True])
def test_what_a_benchmark_says_must_be_a_duration(value):
    with pytest.raises(BadTarget, match="positive number of seconds"):
        measured("p99", extra_info={"p99_seconds": value})


@pytest.mark.parametrize(("percent", "value"), [(0, 1), (50, 500), (99, 990), (99.9, 999), (99.99, 1000)])
def test_percentiles_are_nearest_ranks(percent, value):
    assert percentile(range(1, 1001), percent) == value
