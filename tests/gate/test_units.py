import pytest

from messenger.gate.reports.units import duration, percent, plural, times_better


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0.12345, "0.123 ns"),
        (7, "7 ns"),
        (450, "450 ns"),
        (999.94, "999.9 ns"),
        (999.96, "1 us"),
        (4512.34, "4.512 us"),
        (45_123.4, "45.12 us"),
        (250e6, "250 ms"),
        (999_960_000, "1 s"),
        (123_456e9, "123500 s"),
        (None, "-"),
    ],
)
def test_durations_have_four_digits_in_the_unit_that_reads(nanoseconds, text):
    assert duration(nanoseconds) == text


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (0, "+0.0 %"),
        (-0.01, "-0.0 %"),
        (50, "+50.0 %"),
        (-25.0, "-25.0 %"),
        (100.0, "+100 %"),
        (990, "+990 %"),
    ],
)
def test_changes_carry_their_sign(change, text):
    assert percent(change) == text


@pytest.mark.parametrize(
    ("value", "target", "text"),
    [
        (4.0, 50.0, "12x better"),
        (5, 5, "1x better"),
        (4, 5, "1.2x better"),
        (6, 5, "1.2x over"),
        (0, 5, "better"),
    ],
)
def test_a_target_says_how_many_times_better(value, target, text):
    assert times_better(value, target) == text


def test_nouns_are_counted():
    assert [plural(1, "process"), plural(2, "process"), plural(0, "row")] == [
        "1 process",
        "2 processes",
        "0 rows",
    ]
