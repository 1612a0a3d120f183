import pytest

from messenger.gate.comparison import (
    CHANGED_AND_SLOWER,
    Status,
    compare,
    confirm,
    require_acceptance,
    suspects,
    tolerance,
)
from messenger.gate.report import result_of
from messenger.gate.selection import Selection

from .samples import ELSEWHERE, baseline, measurement, name, run, target

ALL = Selection(paths=("",))
PARSE = name("parse")


def only_row(current, remembered, **fields):
    (row,) = compare(run(current, **fields), [baseline(remembered)], ALL)
    return row


def test_twice_as_slow_is_regressed():
    row = only_row(measurement(PARSE, 900), measurement(PARSE, 450, spread=0.01))

    assert row.status is Status.REGRESSED
    assert row.change == pytest.approx(1.0)


def test_twice_as_slow_is_regressed_however_noisy_the_baseline():
    """A spread of 40 % would make a tolerance of 160 %, behind which a doubling hides."""
    row = only_row(measurement(PARSE, 900), measurement(PARSE, 450, spread=0.4))

    assert row.status is Status.REGRESSED


def test_a_slowdown_counts_as_far_as_the_fastest_process_shows_it():
    """Neighbours only ever add time: two of three processes at half speed say nothing of the code."""
    before = measurement(PARSE, 100, spread=0.0)

    disturbed = only_row(measurement(PARSE, 175, fastest_ns=101), before)
    slower = only_row(measurement(PARSE, 175, fastest_ns=140), before)

    assert (disturbed.status, disturbed.note) == (Status.STABLE, "its fastest process is within tolerance")
    assert slower.status is Status.REGRESSED


def test_a_speed_up_must_beat_the_fastest_process_of_the_baseline():
    """A baseline that was made while the machine was busy is no proof of progress."""
    before = measurement(PARSE, 175, spread=0.0, fastest_ns=100)

    assert only_row(measurement(PARSE, 101), before).status is Status.STABLE
    assert only_row(measurement(PARSE, 80), before).status is Status.IMPROVED


@pytest.mark.parametrize(
    ("spread", "allowed"), [(None, 0.25), (0.0, 0.10), (0.025, 0.10), (0.05, 0.20), (0.5, 0.60)]
)
def test_tolerance_is_four_spreads_within_bounds(spread, allowed):
    assert tolerance(measurement(PARSE, spread=spread)) == pytest.approx(allowed)


@pytest.mark.parametrize(
    ("ns", "status"),
    [
        (109, Status.STABLE),
        (111, Status.REGRESSED),
        (92, Status.STABLE),
        (90, Status.IMPROVED),
    ],
)
def test_slower_and_faster_have_mirrored_limits(ns, status):
    """Going 10 % up and back must read the same from both ends: 1.10 and 1 / 1.10."""
    assert only_row(measurement(PARSE, ns), measurement(PARSE, 100, spread=0.0)).status is status


def test_a_slower_machine_is_not_a_regression():
    """The reference loop took twice as long too, so the code is as fast as before."""
    row = only_row(measurement(PARSE, 900, reference_ns=2e6), measurement(PARSE, 450, spread=0.0))

    assert (row.status, row.change, row.normalised) == (Status.STABLE, 0.0, True)


def test_without_a_reference_loop_raw_times_are_compared():
    row = only_row(measurement(PARSE, 450, reference_ns=None), measurement(PARSE, 450, spread=0.0))

    assert (row.status, row.change, row.normalised) == (Status.STABLE, 0.0, False)


def test_a_vanished_benchmark_is_missing():
    """Renaming a slow benchmark must not be a way past the gate."""
    rows = compare(run(measurement(name("fast"))), [baseline(measurement(PARSE))], ALL)

    assert [(row.name, row.status) for row in rows] == [
        (PARSE, Status.MISSING),
        (name("fast"), Status.NEW),
    ]


def test_a_benchmark_outside_the_selection_is_not_missing():
    """Timing one file must not fail for all the others."""
    here = Selection(paths=("benches/node/bench_parse.py",))

    rows = compare(run(measurement(PARSE)), [baseline(measurement(PARSE), measurement(name("other")))], here)

    assert [row.name for row in rows] == [PARSE]


def test_another_environment_is_advisory_however_slow():
    """Numbers of another machine say nothing about this change."""
    row = only_row(measurement(PARSE, 4500), measurement(PARSE), environment=ELSEWHERE)

    assert row.status is Status.ADVISORY
    assert not row.failed


def test_a_benchmark_missing_in_another_environment_still_fails():
    """What exists does not depend on the machine."""
    (row,) = compare(run(environment=ELSEWHERE), [baseline(measurement(PARSE))], ALL)

    assert (row.status, row.failed) == (Status.MISSING, True)


@pytest.mark.parametrize("environment", [ELSEWHERE, None])
def test_a_missed_target_fails_on_any_machine(environment):
    fields = {"environment": environment} if environment else {}
    row = only_row(measurement(PARSE), measurement(PARSE), targets={PARSE: (target(value=0.06),)}, **fields)

    assert (row.status, row.failed) == (Status.FAILED_TARGET, True)


def test_a_regressed_row_keeps_its_missed_target():
    """Both are facts, and who mends one must hear of the other."""
    row = only_row(
        measurement(PARSE, 900), measurement(PARSE), targets={PARSE: (target(value=0.06), target("p50"))}
    )

    assert row.status is Status.REGRESSED
    assert [missed.statistic for missed in row.missed] == ["p99"]


def test_rows_are_sorted_worst_first():
    before = [measurement(name(n), 100, spread=0.0) for n in ("a", "b", "c", "gone")]
    after = [
        measurement(name("a"), 100),
        measurement(name("b"), 150),
        measurement(name("c"), 300),
        measurement(name("d"), 1),
    ]

    rows = compare(run(*after), [baseline(*before)], ALL)

    assert [row.name for row in rows] == [name(n) for n in ("c", "b", "gone", "d", "a")]


def test_a_suspect_that_is_fast_again_is_stable():
    """With fifty benchmarks on a shared machine something always looks slow at first."""
    before = [baseline(measurement(PARSE, 100, spread=0.0))]
    first = compare(run(measurement(PARSE, 150)), before, ALL)
    fresh = compare(run(measurement(PARSE, 101, processes=5)), before, ALL)

    (row,) = confirm(first, fresh)

    assert suspects(first) == (PARSE,)
    assert (row.status, row.note) == (Status.STABLE, "not confirmed by 5 fresh processes")


def test_a_suspect_that_is_slow_again_is_regressed_by_its_fresh_figures():
    before = [baseline(measurement(PARSE, 100, spread=0.0))]
    first = compare(run(measurement(PARSE, 150)), before, ALL)
    fresh = compare(run(measurement(PARSE, 130, processes=5)), before, ALL)

    (row,) = confirm(first, fresh)

    assert row.status is Status.REGRESSED
    assert row.change == pytest.approx(0.3)


def test_a_suspect_that_vanished_meanwhile_keeps_failing():
    """Failing closed: who cannot be measured again has not been acquitted."""
    before = [baseline(measurement(PARSE, 100, spread=0.0))]
    first = compare(run(measurement(PARSE, 150)), before, ALL)

    (row,) = confirm(first, compare(run(), before, ALL))

    assert (row.status, row.note) == (Status.REGRESSED, "could not be measured again")


def test_a_missed_target_is_a_suspect_too():
    first = compare(run(measurement(PARSE), targets={PARSE: (target(value=0.06),)}), [], ALL)
    fresh = compare(run(measurement(PARSE), targets={PARSE: (target(value=0.04),)}), [], ALL)

    (row,) = confirm(first, fresh)

    assert suspects(first) == (PARSE,)
    assert row.status is Status.NEW


def test_a_row_shows_the_time_at_the_pace_of_its_baseline():
    """900 ns beside 450 ns and +0 % would look like a mistake; half the speed was the machine's."""
    row = only_row(measurement(PARSE, 900, reference_ns=2e6), measurement(PARSE, 450))

    assert (row.change, result_of(row).shown_ms) == (0.0, 450e-6)


def test_a_benchmark_that_does_something_else_is_not_compared():
    """Half the work in half the time is no improvement."""
    before = baseline(measurement(PARSE, 450, fingerprint="aaaa"))

    [row] = compare(run(measurement(PARSE, 200, fingerprint="bbbb")), [before], ALL)

    assert (row.status, row.change, row.baseline.q25_ns) == (Status.CHANGED, None, 450)


def test_a_benchmark_that_changed_and_got_slower_has_regressed():
    """Else any edit of its body would be a way past the gate."""
    before = baseline(measurement(PARSE, 450, fingerprint="aaaa"))

    [row] = compare(run(measurement(PARSE, 900, fingerprint="bbbb")), [before], ALL)

    assert (row.status, row.note) == (Status.REGRESSED, CHANGED_AND_SLOWER)


def test_elsewhere_a_changed_benchmark_is_advisory_like_any_other():
    """Another Python may write the same source differently."""
    before = baseline(measurement(PARSE, 450, fingerprint="aaaa"), environment=ELSEWHERE)

    [row] = compare(run(measurement(PARSE, 200, fingerprint="bbbb")), [before], ALL)

    assert row.status is Status.ADVISORY


def test_benchmarks_that_have_swapped_their_names_are_held_against_themselves():
    other = name("other")
    fast, slow = {"fingerprint": "aaaa"}, {"fingerprint": "bbbb"}
    before = baseline(measurement(PARSE, 100, **fast), measurement(other, 900, **slow))
    current = run(measurement(PARSE, 2700, **slow), measurement(other, 500, **fast))

    rows = {row.name: row for row in compare(current, [before], ALL)}

    assert [(rows[one].status, rows[one].formerly) for one in (PARSE, other)] == [
        (Status.REGRESSED, other),
        (Status.REGRESSED, PARSE),
    ]


def test_what_a_run_was_not_to_measure_has_not_moved():
    """A new benchmark beside an old one with the same body is new."""
    before = baseline(measurement(PARSE, 450, fingerprint="aaaa"))
    new = name("new", "benches/other")

    asked = Selection(paths=("benches/other",))

    rows = compare(run(measurement(new, 900, fingerprint="aaaa")), [before], asked)

    assert [(row.name, row.status) for row in rows] == [(new, Status.NEW)]


def test_a_moved_suspect_is_confirmed_under_its_new_name():
    """Measured again alone, it looks as if everything else had gone, too."""
    old, twin, new = name("old"), name("twin"), name("new")
    before = baseline(measurement(old, 450, fingerprint="aaaa"), measurement(twin, 450, fingerprint="aaaa"))
    slow = measurement(new, 900, fingerprint="aaaa", processes=5)
    first = compare(run(slow, measurement(twin, 450, fingerprint="aaaa")), [before], ALL)

    moved = {row.name: row.formerly for row in first if row.formerly}
    fresh = compare(run(slow), [before], Selection(paths=(new,)), moved)

    assert [row.status for row in confirm(first, fresh) if row.name == new] == [Status.REGRESSED]


def test_what_could_not_be_compared_again_stays_what_it_was():
    first = compare(run(measurement(PARSE, 900)), [baseline(measurement(PARSE, 450))], ALL)
    fresh = compare(run(measurement(PARSE, 900)), [], ALL)

    [row] = confirm(first, fresh)

    assert (row.status, row.note) == (Status.REGRESSED, "could not be compared again")


def test_where_improvements_fail_they_are_measured_again_first():
    rows = compare(run(measurement(PARSE, 100)), [baseline(measurement(PARSE, 450))], ALL)
    calm = compare(run(measurement(PARSE, 445, processes=5)), [baseline(measurement(PARSE, 450))], ALL)

    assert (suspects(rows), suspects(rows, strict=True)) == ((), (PARSE,))
    assert [row.status for row in confirm(rows, calm)] == [Status.STABLE]


def test_a_benchmark_whose_source_is_not_known_is_compared():
    """Baselines of before, and reports of others, know no source."""
    before = baseline(measurement(PARSE, 450))

    [row] = compare(run(measurement(PARSE, 900, fingerprint="bbbb")), [before], ALL)

    assert row.status is Status.REGRESSED


def test_a_benchmark_that_moved_keeps_its_history():
    """Tidying up a folder must neither lose a benchmark nor let it start afresh."""
    old, new = name("old") + "[1]", name("new", "benches/other") + "[1]"
    before = baseline(measurement(old, 450, fingerprint="aaaa"))

    [row] = compare(run(measurement(new, 900, fingerprint="aaaa")), [before], ALL)

    assert (row.name, row.status, row.formerly) == (new, Status.REGRESSED, old)


@pytest.mark.parametrize(
    ("gone", "come"),
    [
        (["a[1]"], ["b[2]"]),  # another parameter
        (["a[1]", "c[1]"], ["b[1]"]),  # which of the two?
        (["a[1]"], ["b[1]", "c[1]"]),
    ],
)
def test_what_could_be_another_one_has_not_moved(gone, come):
    before = baseline(*(measurement(one, fingerprint="aaaa") for one in gone))

    rows = compare(run(*(measurement(one, fingerprint="aaaa") for one in come)), [before], ALL)

    assert {row.status for row in rows} == {Status.MISSING, Status.NEW}


def test_improvements_fail_where_they_have_to_be_accepted():
    """What is not written down can be lost again, and nobody would notice."""
    rows = compare(run(measurement(PARSE, 100)), [baseline(measurement(PARSE, 450))], ALL)

    [row] = require_acceptance(rows)

    assert (rows[0].failed, row.status, row.failed) == (False, Status.UNACCEPTED, True)
