import pytest

from messenger.gate.circumstances import of_baselines
from messenger.gate.comparison import compare
from messenger.gate.selection import Selection
from messenger.gate.verdict import Outcome, judge

from .samples import COMMANDS, ELSEWHERE, NEW, baseline, measurement, name, run, target

ALL = Selection(paths=("",))
PARSE = name("parse")


def verdict_of(current, *baselines, **options):
    rows = compare(current, baselines, ALL)
    return judge(rows, of_baselines(current, baselines, rows), COMMANDS, **options)


def test_stable_rows_pass():
    verdict = verdict_of(run(measurement(PARSE)), baseline(measurement(PARSE)))

    assert (verdict.outcome, verdict.exit_code, verdict.passed) == (Outcome.PASSED, 0, True)
    assert verdict.sentence == "1 benchmark compared, none regressed."


def test_a_regression_fails_and_is_counted():
    verdict = verdict_of(
        run(measurement(PARSE, 900), measurement(name("x"))),
        baseline(measurement(PARSE), measurement(name("x"))),
    )

    assert (verdict.outcome, verdict.exit_code) == (Outcome.FAILED, 1)
    assert verdict.sentence == "1 of 2 benchmarks regressed."


def test_every_kind_of_failure_is_in_the_sentence():
    current = run(measurement(PARSE, 900), measurement(name("x")), targets={name("x"): (target(value=1),)})

    verdict = verdict_of(current, baseline(measurement(PARSE), measurement(name("gone"))))

    assert verdict.sentence == ("1 of 3 benchmarks regressed, 1 missing, 1 missed a target.")


def test_new_rows_alone_compare_nothing():
    """A gate without baselines must not be green."""
    verdict = verdict_of(run(measurement(PARSE)))

    assert (verdict.outcome, verdict.exit_code) == (Outcome.NOTHING_COMPARED, 3)
    assert COMMANDS.accept in verdict.sentence


def test_an_empty_selection_compares_nothing():
    verdict = verdict_of(run())

    assert (verdict.outcome, verdict.exit_code) == (Outcome.NOTHING_COMPARED, 3)


@pytest.mark.parametrize(("required", "exit_code"), [(False, 0), (True, 3)])
def test_another_environment_gives_no_verdict(required, exit_code):
    """Green by default, for machines come and go; who relies on a verdict can demand one."""
    current = run(measurement(PARSE, 4500), environment=ELSEWHERE)

    verdict = verdict_of(current, baseline(measurement(PARSE)), require_verdict=required)

    assert (verdict.outcome, verdict.exit_code) == (Outcome.ADVISORY, exit_code)
    assert "msgspec: 0.22.0 -> 0.21.0" in verdict.circumstances.differences


def test_a_required_verdict_does_not_soften_a_failure():
    current = run(environment=ELSEWHERE)

    assert verdict_of(current, baseline(measurement(PARSE)), require_verdict=True).exit_code == 1


def test_a_much_slower_machine_is_mentioned():
    current = run(measurement(PARSE, 900, reference_ns=2e6), reference_ns=2e6)

    verdict = verdict_of(current, baseline(measurement(PARSE, spread=0.0)))

    assert verdict.passed
    assert verdict.warnings == (
        "the machine was 2.0x slower than when the baseline was made; normalisation is stretched",
    )


@pytest.mark.parametrize(
    ("current", "remembered", "warning"),
    [
        (run(measurement(PARSE)), measurement(PARSE), "fewer than 5 processes"),
        (run(measurement(PARSE, reference_ns=None)), measurement(PARSE, spread=0.1), "not normalised"),
        (
            run(measurement(PARSE), commit=type(NEW)(sha="1", dirty=True)),
            measurement(PARSE, spread=0.1),
            "uncommitted",
        ),
    ],
)
def test_caveats_are_said(current, remembered, warning):
    (said,) = verdict_of(current, baseline(remembered)).warnings

    assert warning in said


@pytest.mark.parametrize(("processes", "warned"), [(1, True), (2, True), (3, False)])
def test_a_regression_seen_by_one_process_says_how_to_make_sure(processes, warned):
    """Memory layout alone can put a process off by half; whoever reads "regressed" should know."""
    current = run(measurement(PARSE, 900), processes=processes)

    verdict = verdict_of(current, baseline(measurement(PARSE, spread=0.0)))

    assert any("can be off by half" in warning for warning in verdict.warnings) == warned


def test_what_is_missing_is_accepted_by_pruning():
    """The command under a failure must mend that failure."""
    missing = verdict_of(run(measurement(PARSE)), baseline(measurement(PARSE), measurement(name("gone"))))
    complete = verdict_of(run(measurement(PARSE)), baseline(measurement(PARSE)))

    assert missing.commands.accept == f"{COMMANDS.accept} --prune"
    assert complete.commands.accept == COMMANDS.accept
