import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.gate.history.course import Course, Row
from messenger.gate.history.trends import Anchor, trends_of
from messenger.gate.reports.history import render_history

from .samples import HERE, measurement

NAME = "benches/node/bench_parse.py::bench_parse"
ENVIRONMENT = HERE.slug.rpartition("-")[2]


def course(*times, name=NAME, references=None, **fields):
    references = references or [1e6] * len(times)
    rows = tuple(
        Row(f"2026-11-{n:02}", f"{n:040}", measurement(name, ns, reference_ns=reference, **fields))
        for n, (ns, reference) in enumerate(zip(times, references, strict=True), 1)
    )
    return Course(name=name, environment=HERE.slug, rows=rows)


def trend_of(*times, anchor=None, **fields):
    anchors = {ENVIRONMENT: Anchor("v1", {NAME: measurement(NAME, anchor)})} if anchor else {}
    [trend] = trends_of([course(*times, **fields)], anchors)
    return trend


def test_a_value_is_at_the_pace_of_the_newest_reference_loop():
    """A machine that ran at half speed that day made nothing slower."""
    trend = trend_of(200.0, 100.0, references=[2e6, 1e6])

    assert [point.q25_ms for point in trend.points] == [1e-4, 1e-4]
    assert trend.step_percent == 0


def test_a_value_without_a_reference_loop_is_compared_with_none_that_has_one():
    """Half the values at one pace and half at another would be a change that is none."""
    trend = trend_of(500.0, 100.0, 150.0, 500.0, references=[None, 1e6, 1e6, None], spread=0.01)

    assert [point.normalised for point in trend.points] == [False, True, True, False]
    assert [(shift.at, shift.change_percent) for shift in trend.shifts] == [(2, 50.0)]
    assert (trend.step_percent, trend.anchor_percent, trend.creep_percent) == (None, None, 50.0)


def test_without_any_reference_loop_times_are_compared_as_measured():
    trend = trend_of(100.0, 200.0, references=[None, None], spread=0.01)

    assert [shift.at for shift in trend.shifts] == [1]
    assert not any(point.normalised for point in trend.points)


def test_a_shift_says_by_how_much_the_level_changed():
    trend = trend_of(100.0, 102.0, 98.0, 150.0, 149.0, 151.0, spread=0.02)

    assert [(shift.at, shift.change_percent) for shift in trend.shifts] == [(3, 50.0)]


def test_small_steps_that_add_up_are_creep():
    """Each is within tolerance, so that no check ever complained."""
    trend = trend_of(100.0, 106.0, 112.0, 118.0, 124.0, spread=0.02)

    assert trend.creeps
    assert trend.tolerance_percent == 10
    assert trend.creep_percent == trend.drift_percent > 15


def test_the_tolerance_is_that_of_the_newest_row_that_knows_its_spread():
    """A report of one process comes after the baseline, and says nothing of the noise."""
    rows = (*course(100.0, spread=0.05).rows, *course(100.0, 100.0).rows[1:])

    [trend] = trends_of([Course(name=NAME, environment=HERE.slug, rows=rows)], {})

    assert trend.tolerance_percent == 20


def test_a_step_that_the_gate_has_shown_is_no_creep():
    """Somebody has seen it and accepted it."""
    trend = trend_of(100.0, 100.0, 130.0, 130.0, spread=0.01)

    assert (trend.creep_percent, trend.drift_percent) == (30.0, pytest.approx(0))
    assert not trend.creeps


def test_creep_beside_a_step_is_creep():
    trend = trend_of(100.0, 106.0, 112.0, 118.0, 118.0, 180.0, spread=0.01)

    assert trend.creeps
    assert trend.drift_percent == pytest.approx(18, abs=0.1)


def test_becoming_faster_is_no_creep():
    assert not trend_of(124.0, 118.0, 112.0, 106.0, 100.0, spread=0.02).creeps


def test_creep_counts_from_the_anchor():
    """What was slow in the last release already is not what came since."""
    trend = trend_of(100.0, 106.0, 112.0, 118.0, 124.0, spread=0.02, anchor=118.0)

    assert (trend.anchor, trend.anchor_percent) == ("v1", pytest.approx(5.08, abs=0.01))
    assert not trend.creeps


def test_without_a_release_the_first_point_is_the_anchor():
    trend = trend_of(100.0, 106.0)

    assert trend.anchor == "0" * 12


def test_one_point_has_nothing_to_be_compared_with():
    trend = trend_of(100.0)

    assert (trend.anchor, trend.step_percent, trend.creep_percent, trend.creeps) == (None, None, None, False)


def test_a_moved_benchmark_is_anchored_under_its_former_name():
    moved = course(100.0, 110.0)
    moved = Course(name="new", environment=moved.environment, rows=moved.rows, formerly=(NAME,))

    [trend] = trends_of([moved], {ENVIRONMENT: Anchor("v1", {NAME: measurement(NAME, 50.0)})})

    assert (trend.anchor, trend.anchor_percent) == ("v1", 120.0)


def test_the_interval_is_two_standard_deviations_of_processes():
    [point] = trend_of(100.0, spread=0.05).points

    assert (point.low_ms, point.high_ms) == (9e-5, 1.1e-4)


@given(st.lists(st.tuples(*[st.floats(1e-6, 1e20)] * 2, st.none() | st.floats(0, 1e300)), min_size=1))
def test_whatever_a_baseline_may_hold_has_a_trend(rows):
    """Nobody looks through the history of a file for a number that somebody mistyped."""
    measured = tuple(
        Row(f"{n}", None, measurement(NAME, ns, reference_ns=reference, spread=spread))
        for n, (ns, reference, spread) in enumerate(rows)
    )

    trends = trends_of([Course(name=NAME, environment=HERE.slug, rows=measured)], {})

    text = render_history(trends, current=HERE.slug)
    assert "inf" not in text
    assert "nan" not in text
    assert len(trends[0].points) == len(rows)


def test_who_creeps_comes_first_and_then_who_has_changed_most():
    trends = trends_of(
        [
            course(100.0, 101.0, name="still"),
            course(100.0, 300.0, name="slower", spread=0.01),
            course(100.0, 20.0, name="faster", spread=0.01),
            course(100.0, 106.0, 112.0, 118.0, 124.0, name="creeps", spread=0.02),
            course(100.0, name="new"),
        ],
        {},
    )

    assert [trend.name for trend in trends] == ["creeps", "faster", "slower", "still", "new"]
