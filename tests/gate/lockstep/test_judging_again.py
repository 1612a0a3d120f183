"""What `check --base --json` has written is judged again without measuring."""

import json
import subprocess

import msgspec
import pytest

from messenger.gate.error import GateError
from messenger.gate.lockstep.check import judge_again
from messenger.gate.publish import write_reports
from messenger.gate.report import report_of

from .test_findings import bout, duel


@pytest.fixture
def written(tmp_path):
    """Write what a check reports of one regression, one new and one stable benchmark."""
    measured = duel(bout("a", 10, 10), bout("b"), new=("c",))
    first = tmp_path / "bare.json"
    first.write_text(json.dumps({"duel": msgspec.to_builtins(measured)}))
    verdict = judge_again(first, tmp_path)
    write_reports(report_of(verdict), markdown=None, json=tmp_path / "comparison.json")
    return tmp_path / "comparison.json", verdict


def test_the_verdict_is_the_same(written, tmp_path):
    file, first = written

    again = judge_again(file, tmp_path)

    assert (again.exit_code, again.comparisons) == (1, first.comparisons)
    assert again.sentence == first.sentence == "1 of 3 benchmarks regressed."


def test_accepting_afterwards_changes_the_verdict(written, tmp_path):
    """A reviewer accepts a slowdown; nobody has to measure for that."""
    (tmp_path / "accepted.toml").write_text(
        '[[accepted]]\nbenchmark = "a"\npercent = 15\nreason = "safer"\nuntil = 2999-01-01\n'
    )

    assert judge_again(written[0], tmp_path).exit_code == 0


def test_a_newer_schema_is_refused_in_a_sentence(written, tmp_path):
    document = json.loads(written[0].read_text())
    document["duel"]["schema_version"] += 1
    written[0].write_text(json.dumps(document))

    with pytest.raises(GateError, match="newer messenger"):
        judge_again(written[0], tmp_path)


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", "\xff", '{"duel": {}}', '{"duel": 1}', "[" * 100000], ids=range(7)
)
def test_what_holds_no_pairs_is_told_how_to_make_some(tmp_path, text):
    file = tmp_path / "comparison.json"
    file.write_bytes(text.encode("latin-1"))

    with pytest.raises(GateError, match="write such a file with: messenger gate check --base"):
        judge_again(file, tmp_path)


@pytest.mark.parametrize("field", ["screen", "confirm", "base_seconds", "head_seconds"])
def test_too_few_pairs_to_judge_are_refused(written, tmp_path, field):
    """A file that somebody has shortened must not end as a traceback."""
    document = json.loads(written[0].read_text())
    bout = document["duel"]["bouts"][0]
    (bout if field.endswith("seconds") else bout["ratios"])[field] = [1.0] * (field == "confirm")
    written[0].write_text(json.dumps(document))

    with pytest.raises(GateError, match="holds no pairs to judge"):
        judge_again(written[0], tmp_path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(GateError, match=r"cannot read .*nothing\.json: No such file"):
        judge_again(tmp_path / "nothing.json", tmp_path)


def test_the_slowdown_can_be_accepted_by_the_command_that_is_printed(written, tmp_path):
    """All but the reason is known already."""
    file, first = written
    command = first.commands.accept.replace("WHY", "safer")

    subprocess.run(["sh", "-c", command], check=True)

    assert judge_again(file, tmp_path).exit_code == 0


def test_what_is_not_slower_needs_no_acceptance(tmp_path):
    file = tmp_path / "calm.json"
    file.write_text(json.dumps({"duel": msgspec.to_builtins(duel(bout("b")))}))

    assert judge_again(file, tmp_path).commands.accept == ""
