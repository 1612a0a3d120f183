import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.gate.lockstep.trimmed import trim

VALUES = st.lists(st.floats(-1, 1), min_size=3, max_size=30)


def test_a_fifth_is_cut_at_either_end():
    """One pair that met the neighbour's backup must not move the mean."""
    found = trim([1.0, 2.0, 3.0, 4.0, 1000.0])

    assert (found.mean, found.degrees) == (3.0, 2)


def test_the_error_is_that_of_the_winsorized_values():
    """Computed by hand: 2, 2, 3, 4, 4 have variance 1."""
    found = trim([1.0, 2.0, 3.0, 4.0, 1000.0])

    assert found.error == pytest.approx(1 / (0.6 * math.sqrt(5)))


def test_the_p_value_agrees_with_scipy():
    stats = pytest.importorskip("scipy.stats")
    values = [0.02, 0.05, 0.01, 0.04, 0.03, 0.09, -0.02, 0.035, 0.06, 0.015]

    # Yuen's test against a second sample without any variance is the test of one sample.
    cut = stats.mstats.trimmed_mean(values, limits=(0.2, 0.2))
    error = stats.mstats.trimmed_stde(values, limits=(0.2, 0.2))

    assert trim(values).exceeds(0.01) == pytest.approx(stats.t.sf((cut - 0.01) / error, 5))


def test_the_interval_holds_the_mean_in_its_middle():
    """With 5 degrees of freedom it reaches 2.571 errors to either side."""
    found = trim([0.01 * number for number in range(8)])

    low, high = found.interval()

    assert (low + high) / 2 == pytest.approx(found.mean)
    assert (high - low) / 2 == pytest.approx(2.5706 * found.error, rel=1e-4)


@pytest.mark.parametrize(("least", "p_value"), [(0.01, 0.0), (0.02, 1.0), (0.03, 1.0)])
def test_values_without_any_spread_leave_no_doubt(least, p_value):
    """Times that stand still, as in a simulation, must not divide by zero."""
    assert trim([0.02] * 8).exceeds(least) == p_value


@given(VALUES, st.floats(-1, 1))
def test_shifting_all_values_shifts_the_mean_only(values, shift):
    found, shifted = trim(values), trim([value + shift for value in values])

    assert shifted.mean == pytest.approx(found.mean + shift, abs=1e-9)
    assert shifted.error == pytest.approx(found.error, abs=1e-9)


@given(VALUES)
def test_the_order_of_pairs_does_not_matter(values):
    assert trim(values[::-1]) == trim(values)
