from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.gate.environment import Environment
from messenger.gate.history.course import Reported, Row, Snapshot, add_reported, follow

from .samples import ELSEWHERE, HERE, baseline, measurement

PARSE = "benches/node/bench_parse.py::bench_parse[128B]"
READ = "benches/node/bench_read.py::bench_read[128B]"


def snapshot(commit, *rows, **fields):
    return Snapshot(commit, "2026-11-20T00:00:00+00:00", (baseline(*rows, **fields),))


def told(course):
    return [(row.commit, row.measurement.q25_ns) for row in course.rows]


@given(st.lists(st.sampled_from([100.0, 110.0, 120.0]), min_size=1, max_size=20))
def test_a_row_that_was_not_measured_again_is_one_row(values):
    """Accepting another benchmark writes the whole file anew, and is no point of this one."""
    snapshots = [snapshot(str(n), measurement(PARSE, ns)) for n, ns in enumerate(values)]

    [course], _ = follow(snapshots)

    assert [row.measurement.q25_ns for row in course.rows] == [ns for ns, _ in groupby(values)]


def test_a_reason_that_is_written_later_is_no_new_row():
    reason = "checks UTF-8"

    [course], _ = follow(
        [snapshot("a", measurement(PARSE, 100)), snapshot("b", measurement(PARSE, 100, reason=reason))]
    )

    assert told(course) == [("a", 100)]
    assert course.rows[0].measurement.reason == reason


def test_a_moved_benchmark_keeps_its_history():
    """What it does is the same; where it stands, and what it is called, is not."""
    [course], _ = follow(
        [
            snapshot("a", measurement(PARSE, 100, fingerprint="f")),
            snapshot("b", measurement(READ, 110, fingerprint="f")),
        ]
    )

    assert (course.name, course.formerly, told(course)) == (READ, (PARSE,), [("a", 100), ("b", 110)])


def test_a_benchmark_that_moves_twice_knows_both_names():
    third = READ.replace("read", "third")
    names = [PARSE, READ, third]

    [course], _ = follow([snapshot(name, measurement(name, 100, fingerprint="f")) for name in names])

    assert (course.name, course.formerly) == (third, (PARSE, READ))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([measurement(PARSE, fingerprint="f")], [measurement(READ, fingerprint="g")]),
        ([measurement(PARSE)], [measurement(READ)]),
        ([measurement(PARSE, fingerprint="f")], [measurement(READ.replace("128B", "1B"), fingerprint="f")]),
        (
            [measurement(PARSE, fingerprint="f")],
            [measurement(READ, fingerprint="f"), measurement(READ.replace("read", "x"), fingerprint="f")],
        ),
    ],
    ids=["another source", "no source", "other parameters", "two candidates"],
)
def test_a_benchmark_that_may_be_another_one_has_a_history_of_its_own(old, new):
    """Two benchmarks joined by mistake show a change that nobody made."""
    courses, gone = follow([snapshot("a", *old), snapshot("b", *new)])

    assert {(course.formerly, len(course.rows)) for course in courses} == {((), 1)}
    assert gone == 1


def test_a_benchmark_without_a_baseline_now_is_counted_and_not_told():
    courses, gone = follow(
        [snapshot("a", measurement(PARSE), measurement(READ)), snapshot("b", measurement(READ))]
    )

    assert ([course.name for course in courses], gone) == ([READ], 1)


def test_a_benchmark_that_comes_back_goes_on():
    """A baseline deleted by mistake, and restored."""
    [course], gone = follow(
        [snapshot("a", measurement(PARSE, 100)), snapshot("b"), snapshot("c", measurement(PARSE, 100))]
    )

    assert (told(course), gone) == ([("a", 100)], 0)


def test_environments_are_apart():
    """Another machine is no change of the code."""
    here = baseline(measurement(PARSE, 100))
    there = baseline(measurement(PARSE, 900), environment=ELSEWHERE)

    courses, _ = follow([Snapshot("a", "", (here,)), Snapshot("b", "", (here, there))])

    assert {course.environment: told(course) for course in courses} == {
        HERE.slug: [("a", 100)],
        ELSEWHERE.slug: [("b", 900)],
    }


def test_a_kernel_update_is_the_same_environment():
    """The fingerprint says what is one environment, and nothing else of the file does."""
    updated = Environment(
        **{f: getattr(HERE, f) for f in HERE.__struct_fields__} | {"kernel_release": "6.18.99"}
    )

    courses, _ = follow(
        [snapshot("a", measurement(PARSE, 100)), snapshot("b", measurement(PARSE, 110), environment=updated)]
    )

    assert [told(course) for course in courses] == [[("a", 100), ("b", 110)]]


def reported(day, ns, **fields):
    row = Row(f"2026-11-{day}T00:00:00+00:00", "r", measurement(PARSE, ns, reference_ns=None))
    return Reported(name=PARSE, environment=HERE.slug, row=row, **fields)


def dated(*days):
    return follow(
        [
            snapshot(f"c{day}", measurement(PARSE, 100 + day), date=f"2026-11-{day}T00:00:00+00:00")
            for day in days
        ]
    )[0]


def test_reports_stand_among_the_baselines_by_date():
    [course] = add_reported(dated(10, 20), [reported(25, 3), reported(15, 2), reported("05", 1)])

    assert [row.measurement.q25_ns for row in course.rows] == [1, 110, 2, 120, 3]


def test_baselines_stay_in_the_order_of_history():
    """A baseline measured early and merged late is the level from its merge on."""
    [course] = add_reported(dated(20, 10), [reported(15, 1)])

    assert [row.measurement.q25_ns for row in course.rows] == [120, 110, 1]


def test_a_report_is_brought_to_the_pace_of_its_baseline():
    """It knows how the reference loop stood to that of its baseline, and not how long it took."""
    courses = dated(10)

    [course] = add_reported(courses, [reported(20, 220.0, change=0.0, baseline_ns=110.0)])

    assert course.rows[-1].measurement.reference_ns == 2e6


@pytest.mark.parametrize(
    ("change", "baseline_ns"), [(-1.0, 110.0), (0.0, 0.0), (1e300, 110.0), (-2.0, 110.0)]
)
def test_a_report_that_says_the_impossible_of_its_baseline_is_taken_as_measured(change, baseline_ns):
    [course] = add_reported(dated(10), [reported(20, 220.0, change=change, baseline_ns=baseline_ns)])

    assert course.rows[-1].measurement.reference_ns is None
