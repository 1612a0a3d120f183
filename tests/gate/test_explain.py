"""Verdicts in sentences."""

import msgspec
import pytest

from messenger.gate.archive import keep_report
from messenger.gate.comparison import Status
from messenger.gate.explain import explain
from messenger.gate.report import Result
from messenger.gate.store import write_whole

from . import project
from .test_reports import EXPECTED, everything, side_by_side


def explanations(report):
    return "\n".join(explain(report, result) for result in report.results)


@pytest.mark.parametrize("make", [everything, side_by_side], ids=lambda make: make.__name__)
def test_explanations_are_exactly_the_expected_file(make):
    text = explanations(make())

    assert text == (EXPECTED / f"{make.__name__}.explained").read_text(encoding="utf-8")


@pytest.mark.parametrize("status", Status)
def test_every_status_has_a_meaning(status):
    result = Result(name="a", status=status)

    assert len(explain(everything(), result).splitlines()) >= 5


def test_a_suspect_that_was_not_confirmed_is_told_apart_from_one_without_time():
    """Of both nothing is claimed, and only one of them was looked at again."""
    report = side_by_side()
    bouts = [
        msgspec.structs.replace(bout, ratios=msgspec.structs.replace(bout.ratios, confirm=()))
        for bout in report.duel.bouts
    ]
    hurried = msgspec.structs.replace(report, duel=msgspec.structs.replace(report.duel, bouts=tuple(bouts)))

    assert "It was a suspect, and no time was left for fresh pairs." in explain(hurried, hurried.results[0])


def test_the_last_check_is_explained(shop):
    project.gate(shop, "check", "--measure", "1", "tests/speed")

    done = project.gate(shop, "explain", "parse")

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("tests/speed/test_parse.py::test_parse[1 KiB|a::b]: ✓ Stable\n")
    assert "Tolerance: 25 %; the baseline has fewer than 5 processes" in done.stdout


def test_what_cannot_be_explained_is_said(tmp_path):
    project.make(tmp_path)

    nothing = project.gate(tmp_path, "explain", "parse")
    keep_report(everything(), tmp_path / "tmp" / "benchmarks")
    nobody = project.gate(tmp_path, "explain", "nosuch")
    write_whole(tmp_path / "other.json", "[]")
    other = project.gate(tmp_path, "explain", "a", "--report", "other.json")

    assert (nothing.returncode, "no check has been kept in" in nothing.stderr) == (2, True)
    assert (nobody.returncode, "the report has 8 others" in nobody.stderr) == (3, True)
    assert (other.returncode, "is not a report of the gate" in other.stderr) == (2, True)


def test_a_vague_name_explains_five_and_counts_the_rest(tmp_path):
    project.make(tmp_path)
    keep_report(everything(), tmp_path / "tmp" / "benchmarks")

    done = project.gate(tmp_path, "explain", "bench")

    assert done.stdout.count("Again:") == 5
    assert done.stdout.endswith("... and 3 more; write more of the name\n")
