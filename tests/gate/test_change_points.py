import math
from itertools import pairwise

import pytest
import ruptures
from hypothesis import given
from hypothesis import strategies as some

from messenger.gate.change_points import find_shifts, segment

SIGNALS = some.lists(some.floats(-5, 5, width=16), min_size=2, max_size=40)
TIMES = some.lists(some.floats(0.5, 2.0), min_size=3, max_size=40)


def cost(values, starts, penalty):
    borders = [0, *starts, len(values)]
    pieces = [values[one:other] for one, other in pairwise(borders)]
    return sum(
        sum((value - sum(piece) / len(piece)) ** 2 for value in piece) for piece in pieces
    ) + penalty * len(starts)


@given(SIGNALS, some.floats(0.1, 10))
def test_no_other_segmentation_is_cheaper_than_ours(values, penalty):
    """Ruptures searches as exactly; where two segmentations cost the same, either will do."""
    import numpy

    signal = numpy.array(values).reshape(-1, 1)
    theirs = ruptures.Pelt(model="l2", min_size=1, jump=1).fit(signal).predict(pen=penalty)[:-1]

    ours = segment(values, penalty)

    assert cost(values, ours, penalty) == pytest.approx(cost(values, theirs, penalty), abs=1e-6)


@given(TIMES, some.floats(1e-6, 1e6))
def test_the_unit_does_not_matter(values, factor):
    """A shift must not come and go with nanoseconds and milliseconds."""
    scaled = [value * factor for value in values]

    assert cost_of_shifts(values, find_shifts(scaled, 0.02)) == pytest.approx(
        cost_of_shifts(values, find_shifts(values, 0.02)), abs=1e-6
    )


def cost_of_shifts(values, starts):
    return cost([math.log(value) for value in values], starts, 3 * 0.02**2 * math.log(len(values)))


@given(some.floats(0.1, 10), some.integers(0, 50))
def test_what_stays_the_same_has_no_shift(value, count):
    assert find_shifts([value] * count, 0.02) == ()


@given(some.integers(3, 20), some.integers(3, 20), some.sampled_from([0.7, 1.3]))
def test_a_clear_step_is_found_where_it_is(before, after, factor):
    wobble = [1.0, 1.01, 0.99]
    values = [wobble[n % 3] for n in range(before)] + [factor * wobble[n % 3] for n in range(after)]

    assert find_shifts(values, 0.02) == (before,)


def test_a_step_at_the_very_end_is_found():
    """That is when it is wanted most."""
    assert find_shifts([1.0, 1.01, 0.99, 1.0, 1.01, 0.99, 1.2], 0.02) == (6,)
