import pytest

from messenger.gate.accept import Reason, accept, read_reason, regressions
from messenger.gate.comparison import compare
from messenger.gate.error import GateError
from messenger.gate.reports.acceptance import render_acceptance
from messenger.gate.selection import Selection

from .samples import ELSEWHERE, baseline, measurement, name, run

ALL = Selection(paths=("",))
PARSE, SERIALIZE, GONE = name("parse"), name("serialize"), name("gone")


def test_a_row_the_run_lacks_is_kept_with_its_own_commit():
    """Timing one bench again must not forget the others."""
    old = baseline(measurement(GONE, commit="000000000000"))

    acceptance = accept(run(measurement(PARSE, commit="111111111111")), [old], ALL)

    (written,) = acceptance.baselines
    assert [(row.name, row.commit) for row in written.benchmarks] == [
        (GONE, "000000000000"),
        (PARSE, "111111111111"),
    ]


def test_prune_drops_what_is_selected_only():
    elsewhere = name("other", "benches/node/sub")
    old = baseline(measurement(GONE), measurement(elsewhere))

    acceptance = accept(
        run(measurement(PARSE)), [old], Selection(paths=("benches/node/bench_gone.py",)), prune=True
    )

    assert [(change.name, change.kind) for change in acceptance.changes] == [
        (GONE, "pruned"),
        (PARSE, "added"),
        (elsewhere, "kept"),
    ]


def test_pruning_the_last_row_empties_the_baseline():
    acceptance = accept(run(), [baseline(measurement(GONE))], ALL, prune=True)

    assert [written.benchmarks for written in acceptance.baselines] == [()]


def test_another_environment_is_left_alone():
    other = baseline(measurement(PARSE), environment=ELSEWHERE)

    acceptance = accept(run(measurement(PARSE)), [other], ALL)

    assert [change.kind for change in acceptance.changes] == ["added"]


def test_a_suite_without_news_is_not_rewritten():
    bus = baseline(measurement(name("bus", "benches/bus")), suite="bus")

    acceptance = accept(run(measurement(PARSE)), [bus], ALL)

    assert [written.suite for written in acceptance.baselines] == ["node"]


def test_rows_of_suites_that_nobody_asked_for_are_not_listed():
    """Accepting one suite of ten must not print the nine others."""
    bus = baseline(measurement(name("bus", "benches/bus")), suite="bus")

    acceptance = accept(run(measurement(PARSE)), [bus], Selection(paths=("benches/node",)))

    assert [change.name for change in acceptance.changes] == [PARSE]


def test_numbers_are_kept_with_five_digits():
    """The sixth is noise, and noise makes diffs unreadable."""
    acceptance = accept(run(measurement(PARSE, 123.456789, spread=0.0123456)), [], ALL)

    (row,) = acceptance.baselines[0].benchmarks
    assert (row.q25_ns, row.spread) == (123.46, 0.012)


@pytest.mark.parametrize(("processes", "warned"), [(4, True), (5, False)])
def test_fewer_than_five_processes_are_accepted_with_a_warning(processes, warned):
    acceptance = accept(run(measurement(PARSE, processes=processes), processes=processes), [], ALL)

    assert any("fewer than 5 processes" in warning for warning in acceptance.warnings) is warned


def test_what_changes_is_said():
    old = baseline(measurement(PARSE, 450), measurement(GONE, 1000))

    text = render_acceptance(accept(run(measurement(PARSE, 675), measurement(SERIALIZE, 55)), [old], ALL))

    assert text == (
        "names below benches/node/\n"
        "  kept     bench_gone.py::bench_gone: 1 us\n"
        "  changed  bench_parse.py::bench_parse: 450 ns -> 675 ns (+50.0 %)\n"
        "  added    bench_serialize.py::bench_serialize: 55 ns\n"
        "1 added, 1 changed, 1 kept though not in this run\n"
    )


def test_a_moved_row_takes_the_place_of_the_one_it_was():
    """Its history is found by what it does; two rows for one benchmark would be one too many."""
    moved = name("parse", "benches/wire")
    old = baseline(measurement(PARSE, 450, fingerprint="aaaa"))

    acceptance = accept(run(measurement(moved, 460, fingerprint="aaaa")), [old], ALL)

    assert [
        (written.suite, [row.name for row in written.benchmarks]) for written in acceptance.baselines
    ] == [
        ("node", []),
        ("wire", [moved]),
    ]
    assert f"moved    bench_parse.py::bench_parse: was {PARSE}, 450 ns -> 460 ns" in render_acceptance(
        acceptance
    )


def test_the_reason_that_fits_last_is_written_into_the_row():
    reasons = [Reason("*", "newer compiler"), Reason("parse", "checks UTF-8 now")]

    acceptance = accept(run(measurement(PARSE), measurement(SERIALIZE)), [], ALL, reasons=reasons)

    (written,) = acceptance.baselines
    assert [row.reason for row in written.benchmarks] == ["checks UTF-8 now", "newer compiler"]


@pytest.mark.parametrize("text", ["", "=", "parse=", "=why", " "])
def test_a_reason_that_says_nothing_is_refused(text):
    with pytest.raises(GateError, match="says nothing"):
        read_reason(text)


def test_a_reason_that_is_about_nothing_is_refused():
    """`timeout=5 is the default` was meant for all, and would be lost."""
    with pytest.raises(GateError, match="no measured benchmark's name contains 'timeout'"):
        accept(run(measurement(PARSE)), [], ALL, reasons=[read_reason("timeout=5 is the default")])


def test_a_new_benchmark_does_not_take_the_row_of_its_twin():
    """What the run did not set out to measure has not gone anywhere."""
    new = name("new", "benches/other")
    old = baseline(measurement(PARSE, fingerprint="aaaa"))

    acceptance = accept(run(measurement(new, fingerprint="aaaa")), [old], Selection(paths=("benches/other",)))

    assert [(change.name, change.kind) for change in acceptance.changes] == [(new, "added")]


@pytest.mark.parametrize(("reasons", "refused"), [((), True), ((Reason("parse", "does more"),), False)])
def test_a_changed_benchmark_may_be_slower_with_a_reason(reasons, refused):
    before = baseline(measurement(PARSE, 450, fingerprint="aaaa"))
    rows = compare(run(measurement(PARSE, 900, fingerprint="bbbb")), [before], ALL)

    assert bool(regressions(rows, reasons)) is refused
