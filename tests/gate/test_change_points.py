import math
import random
from itertools import pairwise
from statistics import fmean

import numpy as np
import pytest
import ruptures
from hypothesis import given
from hypothesis import strategies as st

from messenger.gate.history.change_points import ALARM_PROBABILITY, find_change_points, segment

NOISE = 0.03
POSITIVE = st.floats(min_value=1e-9, max_value=1e9)


def wander(seed, steps, noise=NOISE):
    """Durations with normal noise around the levels *steps*, each (length, level)."""
    chance = random.Random(seed)
    return [level * math.exp(chance.gauss(0, noise)) for length, level in steps for _ in range(length)]


def cost(values, splits, penalty):
    bounds = [0, *splits, len(values)]
    segments = [values[a:b] for a, b in pairwise(bounds)]
    return penalty * len(splits) + sum((x - fmean(part)) ** 2 for part in segments for x in part)


@pytest.mark.parametrize("seed", range(60))
def test_a_segmentation_is_that_of_ruptures(seed):
    """The same cost and penalty have the same optimum, whoever looks for it."""
    chance = random.Random(seed)
    steps = [(chance.randint(1, 12), chance.uniform(0.5, 2)) for _ in range(chance.randint(1, 6))]
    values = [math.log(value) for value in wander(seed, [(2, 1.0), *steps])]
    penalty = chance.choice([0.001, 0.01, 0.1])

    found = segment(values, penalty)

    pelt = ruptures.Pelt(model="l2", min_size=1, jump=1).fit(np.array(values))
    assert [*found, len(values)] == pelt.predict(pen=penalty)


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=7), st.floats(1e-3, 10))
def test_no_other_segmentation_costs_less(values, penalty):
    """Of few values all segmentations can be tried."""
    found = cost(values, segment(values, penalty), penalty)

    places = range(1, len(values))
    every = [[at for bit, at in enumerate(places) if number >> bit & 1] for number in range(1 << len(places))]
    assert found == pytest.approx(min(cost(values, splits, penalty) for splits in every), abs=1e-9)


@given(POSITIVE, st.integers(0, 200), st.none() | st.floats(0, 1))
def test_a_constant_has_no_change_point(value, length, noise):
    assert find_change_points([value] * length, noise) == ()


@given(st.integers(), st.floats(1e-6, 1e6), st.none() | st.floats(0.001, 0.1))
def test_the_unit_does_not_matter(seed, factor, noise):
    """A faster machine, or microseconds for nanoseconds, has the same history."""
    values = wander(seed, [(7, 1.0), (9, 1.2), (4, 0.9)])

    assert find_change_points([value * factor for value in values], noise) == find_change_points(
        values, noise
    )


@given(st.integers(), st.none() | st.floats(0.001, 0.1))
def test_backwards_the_change_points_are_the_same(seed, noise):
    """What is a change does not depend on which of two levels came first."""
    values = wander(seed, [(7, 1.0), (9, 1.2), (4, 0.9)])

    found = find_change_points(values[::-1], noise)

    assert tuple(len(values) - at for at in reversed(found)) == find_change_points(values, noise)


@given(st.integers(), st.integers(1, 40), st.integers(1, 40), st.sampled_from([0.5, 0.7, 1.4, 3]))
def test_a_big_step_is_found_where_it_is(seed, before, after, factor):
    """Even at the last point: eleven deviations are no noise."""
    values = wander(seed, [(before, 1.0), (after, factor)])

    assert before in find_change_points(values, NOISE)


@given(st.integers(), st.integers(9, 40), st.integers(9, 40))
def test_a_big_step_is_found_although_the_noise_is_not_known(seed, before, after):
    assert before in find_change_points(wander(seed, [(before, 1.0), (after, 3.0)]))


@pytest.mark.parametrize(("last", "found"), [(1.16, (5,)), (1.05, ())])
def test_a_last_point_far_outside_the_noise_is_a_level_of_its_own(last, found):
    """The newest value is the one that somebody can still do something about."""
    assert find_change_points([1.0, 1.01, 0.99, 1.0, 1.01, last], NOISE) == found


def test_two_values_of_unknown_noise_need_a_large_step():
    """A run of one process says nothing of its noise."""
    assert find_change_points([1.0, 1.2]) == ()
    assert find_change_points([1.0, 1.5]) == (1,)


@pytest.mark.parametrize("seed", range(10))
def test_noise_that_the_series_shows_is_no_change(seed):
    """Sessions differ by more than the processes of one session do, which is all that a row knows."""
    assert find_change_points(wander(seed, [(40, 1.0)], noise=0.1), 0.01) == ()


@pytest.mark.parametrize(("length", "noise"), [(2, NOISE), (10, NOISE), (30, NOISE), (5, None), (30, None)])
def test_pure_noise_shows_hardly_any_change_point(length, noise):
    """Somebody looks into each: of fifty benchmarks, half must not be shown for nothing.

    The series are the same every time. The docstring of `find_change_points` has the measured rates.
    """
    alarms = sum(bool(find_change_points(wander(seed, [(length, 1.0)]), noise)) for seed in range(1000))

    assert alarms <= 1000 * ALARM_PROBABILITY
