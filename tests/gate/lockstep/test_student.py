"""Student's t, against tables and, where it is installed, against scipy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.gate.lockstep.student import quantile, survival

DEGREES = st.integers(1, 200)


@pytest.mark.parametrize(
    ("degrees", "ninety", "ninety_five", "ninety_seven_and_a_half"),
    [
        (1, 3.078, 6.314, 12.706),
        (5, 1.476, 2.015, 2.571),
        (9, 1.383, 1.833, 2.262),
        (30, 1.310, 1.697, 2.042),
    ],
)
def test_quantiles_are_those_of_the_tables(degrees, ninety, ninety_five, ninety_seven_and_a_half):
    found = [quantile(probability, degrees) for probability in (0.9, 0.95, 0.975)]

    assert found == pytest.approx([ninety, ninety_five, ninety_seven_and_a_half], abs=6e-4)


def test_the_survival_agrees_with_scipy():
    """A p-value that is wrong in the tail would pass every test of ordinary values."""
    stats = pytest.importorskip("scipy.stats")
    grid = [(t / 4, degrees) for t in range(-80, 81) for degrees in (1, 2, 3, 5, 7, 9, 29, 200)]

    ours = [survival(t, degrees) for t, degrees in grid]

    assert ours == pytest.approx([stats.t.sf(t, degrees) for t, degrees in grid], rel=1e-9)


def test_the_quantile_agrees_with_scipy():
    stats = pytest.importorskip("scipy.stats")
    grid = [(p / 100, degrees) for p in range(1, 100) for degrees in (1, 2, 3, 5, 7, 9, 29, 200)]

    ours = [quantile(probability, degrees) for probability, degrees in grid]

    assert ours == pytest.approx([stats.t.ppf(p, degrees) for p, degrees in grid], rel=1e-8, abs=1e-12)


@given(st.floats(0.001, 0.999), DEGREES)
def test_the_survival_undoes_the_quantile(probability, degrees):
    assert survival(quantile(probability, degrees), degrees) == pytest.approx(1 - probability, rel=1e-6)


@given(st.floats(-1e6, 1e6), DEGREES)
def test_both_tails_together_are_everything(t, degrees):
    assert survival(t, degrees) + survival(-t, degrees) == pytest.approx(1)


def test_nothing_exceeds_infinity():
    assert (survival(float("inf"), 5), survival(float("-inf"), 5)) == (0.0, 1.0)
