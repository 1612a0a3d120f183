"""The search for an order."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.maelstrom.checkers.linearizability import ABSENT, Step, TooHard, find_obstacle


@st.composite
def orders(draw, size_max=40):
    """Make steps around a linear order: each takes effect at its own moment, within a span around that."""
    steps, state = [], ABSENT
    for index in range(draw(st.integers(0, size_max))):
        moment = 100 * index
        begin, end = moment - draw(st.integers(1, 400)), moment + draw(st.integers(1, 400))
        kind = draw(st.sampled_from(["read", "write", "cas", "unanswered"]))
        expected = state if kind in ("read", "cas") else None
        written = draw(st.sampled_from("abcd")) if kind != "read" else None
        state = written or state
        steps.append(Step(index, begin, None if kind == "unanswered" else end, expected, written))
    return steps


@st.composite
def small_histories(draw):
    """Make few steps, of which nobody knows whether an order explains them."""
    steps = []
    for index in range(draw(st.integers(0, 5))):
        begin = draw(st.integers(0, 20)) * 10 + index
        end = draw(st.one_of(st.none(), st.integers(1, 60).map((begin + 5).__add__)))
        values = st.one_of(st.none(), st.sampled_from([ABSENT, "a", "b"]))
        steps.append(Step(index, begin, end, draw(values), draw(values)))
    return steps


def explained_by_brute_force(steps):
    """Try all orders of all choices of those steps that may be left out."""
    certain = [step for step in steps if step.end_ns is not None]
    possible = [step for step in steps if step.end_ns is None]
    for choice in range(2 ** len(possible)):
        chosen = certain + [step for place, step in enumerate(possible) if choice >> place & 1]
        if any(map(explains, permutations(chosen))):
            return True
    return False


def explains(order):
    state, now = ABSENT, float("-inf")
    for step in order:
        now = max(now, step.begin_ns)
        if (step.end_ns is not None and step.end_ns < now) or step.expected not in (None, state):
            return False
        state = step.written or state
    return True


@given(orders())
def test_what_happened_in_some_order_is_explained(steps):
    """The search may not cry wolf."""
    assert find_obstacle(steps) is None


@given(small_histories())
def test_it_finds_an_order_exactly_when_there_is_one(steps):
    """It skips what it has tried, and that may not skip the answer."""
    assert (find_obstacle(steps) is None) == explained_by_brute_force(steps)


@given(orders(size_max=20), st.data())
def test_a_read_of_what_nobody_has_written_is_never_explained(steps, data):
    """Wherever it stands."""
    place = data.draw(st.integers(0, len(steps)))
    steps.insert(place, Step(99, 100 * place, 100 * place + 50, expected="made up"))

    assert find_obstacle(steps) is not None


def test_a_stale_read_is_explained_to_people():
    """What was overwritten, and by which operation."""
    steps = [
        Step(0, 0, 10, written="a"),
        Step(1, 20, 30, written="b"),
        Step(2, 40, 50, expected="a"),
    ]

    obstacle = find_obstacle(steps)

    assert (obstacle.stuck, obstacle.before) == (2, (1,))
    assert obstacle.reason == "a was overwritten, at the latest by #1, before it began"


def test_two_reads_that_see_two_writes_in_different_orders_are_not_explained():
    """Neither read is stale by itself."""
    steps = [
        Step(0, 0, 100, written="a"),
        Step(1, 0, 100, written="b"),
        Step(2, 10, 20, expected="a"),
        Step(3, 30, 40, expected="b"),
        Step(4, 50, 60, expected="a"),
    ]

    assert find_obstacle(steps).stuck == 4


def test_an_unanswered_write_may_take_effect_much_later():
    """Its request may have waited in some queue."""
    steps = [
        Step(0, 0, None, written="a"),
        Step(1, 10, 20, written="b"),
        Step(2, 30, 40, expected="b"),
        Step(3, 50, 60, expected="a"),
    ]

    assert find_obstacle(steps) is None


def test_an_unanswered_write_takes_effect_once():
    """It was asked for once."""
    steps = [
        Step(0, 0, None, written="a"),
        Step(1, 10, 20, expected="a"),
        Step(2, 30, 40, written="b"),
        Step(3, 50, 60, expected="a"),
    ]

    assert find_obstacle(steps) is not None


def test_a_long_history_is_no_problem():
    """5,000 operations on one key, three at a time."""
    steps = [
        Step(index, 100 * index - 140, 100 * index + 140, written=str(index // 2))
        if index % 2 == 0
        else Step(index, 100 * index - 140, 100 * index + 140, expected=str(index // 2))
        for index in range(5000)
    ]

    assert find_obstacle(steps) is None


def test_a_search_that_would_not_end_gives_up():
    """An answer that nobody waits for is none, and no answer is no proof."""
    writes = [Step(index, 0, 100, written=str(index)) for index in range(12)]
    reads = [Step(20, 110, 120, expected="1"), Step(21, 130, 140, expected="2")]

    with pytest.raises(TooHard, match="1000 tries"):
        find_obstacle([*writes, *reads], tries_max=1000)
