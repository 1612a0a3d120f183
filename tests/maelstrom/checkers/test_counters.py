"""Counters."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from messenger.maelstrom.checkers.counters import acceptable_sums, check
from messenger.maelstrom.history import Outcome

from ..samples import kinds


def test_the_sum_of_what_was_added_is_fine(op):
    """What was refused is no part of it."""
    adds = [op("add", 3), op("add", -1), op("add", 4, outcome=Outcome.FAIL, error_code=11)]

    assert check([*adds, op("read", result=2, final=True)]).passed


def test_another_sum_is_not(op):
    """One read is enough."""
    findings = check([op("add", 3), op("read", result=3, final=True), op("read", result=6, final=True)])

    assert kinds(findings) == ["wrong-sum"]
    assert findings.anomalies[0].text == "the final value is 6; acceptable: 3"


def test_a_read_in_the_middle_may_say_anything(op):
    """A counter is eventually consistent."""
    assert check([op("add", 3), op("read", result=0), op("read", result=3, final=True)]).passed


def test_indefinite_adds_leave_gaps_between_what_is_acceptable(op):
    """10 or 15 is no licence for 12."""
    adds = [op("add", 10), op("add", 5, outcome=Outcome.INFO)]

    findings = check([*adds, op("read", result=12, final=True)])

    assert kinds(findings) == ["wrong-sum"]
    assert findings.measures["acceptable"] == [[10, 10], [15, 15]]


@given(st.integers(-9, 9), st.lists(st.integers(-9, 9), max_size=6))
def test_the_acceptable_sums_are_those_of_all_choices(certain, possible):
    """The ranges are but a short way to write them."""
    sums = {certain}
    for delta in possible:
        sums |= {sum_ + delta for sum_ in sums}

    ranges = acceptable_sums(certain, possible)

    assert {value for low, high in ranges for value in range(low, high + 1)} == sums
    assert all(high + 1 < low for (_, high), (low, _) in pairwise(ranges))
