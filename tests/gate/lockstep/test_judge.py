import math

import pytest

from messenger.gate.lockstep.judge import Finding, Ratios, judge, suspects, wavering

WOBBLE = (-0.004, 0.003, 0.001, -0.002, 0.002, -0.001, 0.004, -0.003)
FRESH = (*WOBBLE, 0.0, 0.001)


def ratios(screen, confirm=None, spread=1.0, **fields):
    """Make the pairs of a benchmark whose head is *screen* percent slower, then *confirm* percent."""
    fresh = () if confirm is None else pairs(confirm, FRESH, spread)
    return Ratios(pairs(screen, WOBBLE, spread), fresh, **fields)


def pairs(percent, wobble, spread):
    return tuple(math.log1p(percent / 100) + spread * value for value in wobble)


def finding(*arguments, **fields):
    return judge({"a": ratios(*arguments, **fields)})["a"].finding


@pytest.mark.parametrize(("percent", "suspected"), [(0, False), (2.7, False), (3.3, True), (-2.4, False)])
def test_three_percent_makes_a_suspect(percent, suspected):
    assert bool(suspects({"a": ratios(percent)})) is suspected


def test_a_wide_screening_makes_no_suspect():
    """A median of 4 % says nothing when pairs differ by 10 %."""
    assert suspects({"a": ratios(4, spread=25)}) == ()


def test_a_speed_up_is_a_suspect_too():
    assert suspects({"a": ratios(-5), "b": ratios(0)}) == ("a",)


@pytest.mark.parametrize(
    ("screen", "confirm", "found"),
    [
        (10, 10, Finding.REGRESSED),
        (5, 3.9, Finding.REGRESSED),
        (5, 3.1, Finding.NOT_CONFIRMED),
        (10, 0, Finding.NOT_CONFIRMED),
        (10, -10, Finding.NOT_CONFIRMED),
        (-10, -10, Finding.IMPROVED),
        (-10, 10, Finding.NOT_CONFIRMED),
        (0, None, Finding.STABLE),
    ],
)
def test_fresh_pairs_alone_decide(screen, confirm, found):
    """The screening chose the benchmark because it looked slow: that is no evidence."""
    assert finding(screen, confirm) is found


def test_a_suspect_that_was_not_measured_again_is_not_called_regressed():
    """The budget may end before the confirmation."""
    assert finding(10) is Finding.NOT_CONFIRMED


def test_an_interval_of_more_than_ten_points_is_too_noisy_to_tell():
    assert finding(0, spread=25) is Finding.NOISY


def test_the_more_suspects_the_more_evidence_each_needs():
    """Holm: of twenty suspects, one in twenty would pass a test at .05 by luck."""
    borderline = ratios(10, 4.5, spread=8)
    alone = judge({"a": borderline})["a"].finding

    crowd = judge({str(number): borderline for number in range(20)})

    assert alone is Finding.REGRESSED
    assert {judged.finding for judged in crowd.values()} <= {Finding.NOT_CONFIRMED, Finding.NOISY}


def test_a_clear_slowdown_among_unclear_ones_is_still_named():
    """Holm steps down from the smallest p; one doubtful suspect does not acquit the others."""
    found = judge({"clear": ratios(10, 10), "doubtful": ratios(10, 0), "faster": ratios(-10, -10)})

    assert {name: judged.finding for name, judged in found.items()} == {
        "clear": Finding.REGRESSED,
        "doubtful": Finding.NOT_CONFIRMED,
        "faster": Finding.IMPROVED,
    }


@pytest.mark.parametrize(
    ("min_effect", "found"), [(0.035, Finding.REGRESSED), (0.2, Finding.STABLE), (0.05, Finding.REGRESSED)]
)
def test_a_benchmark_can_ask_for_a_larger_effect(min_effect, found):
    """A bench of I/O that is worth a look from 20 % on should not ask for one at 4 %."""
    assert finding(10, 10, min_effect=min_effect) is found


def test_the_change_and_its_interval_are_fractions():
    judged = judge({"a": ratios(10, 12)})["a"]

    assert judged.change == pytest.approx(0.12, abs=0.001)
    assert judged.interval[0] < 0.12 < judged.interval[1]


def test_what_varies_is_told_by_its_interval_and_not_by_its_direction():
    """More pairs for what looks slow, and not for what looks fast, would be a thumb on the scale."""
    steady = (0.001, -0.001, 0.002, -0.002, 0.001, -0.001, 0.002, -0.002)
    wide = tuple(20 * value for value in steady)
    slower, faster = (tuple(value + shift for value in steady) for shift in (0.1, -0.1))

    found = wavering(
        {"steady": Ratios(steady), "wide": Ratios(wide), "slow": Ratios(slower), "fast": Ratios(faster)}
    )

    assert found == ("wide",)
