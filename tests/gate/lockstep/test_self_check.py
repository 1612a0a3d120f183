import subprocess
import sys

import msgspec
import pytest

from messenger.gate.error import GateError
from messenger.gate.lockstep import sample
from messenger.gate.lockstep.judge import Finding
from messenger.gate.lockstep.self_check import Check, Outcome, Summary, render, self_check, wilson


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [(0, 25, 0.0, 0.133), (50, 50, 0.929, 1.0), (1, 10, 0.018, 0.404), (0, 0, 0.0, 1.0)],
)
def test_rates_come_with_wilsons_interval(hits, total, low, high):
    """0 of 25 is no proof of 0 %."""
    assert wilson(hits, total) == (pytest.approx(low, abs=6e-4), pytest.approx(high, abs=6e-4))


def test_a_slowdown_of_the_sample_is_exactly_so_many_more_steps(tmp_path):
    """The gate's power is measured against it, so the truth must be known, not estimated."""
    sample.create(tmp_path / "shop")

    sample.write(tmp_path / "shop", {"write_json": 0.05, "read_points": 0.10})

    text = (tmp_path / "shop" / "src" / "shop" / "__init__.py").read_text()
    assert [text.count(f"range({steps})") for steps in (36, 40, 396, 416)] == [3, 1, 3, 1]


@pytest.mark.parametrize("edit", ["", *sample.HARMLESS])
def test_the_sample_passes_its_own_benchmarks(edit, tmp_path):
    sample.create(tmp_path / "shop")
    sample.write(tmp_path / "shop", {}, edit)

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "tests", "--benchmark-disable", "-o", "pythonpath=src"],
        cwd=tmp_path / "shop",
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, "8 passed" in done.stdout) == (0, True)


def test_harmless_edits_change_the_file_and_nothing_that_runs(tmp_path):
    sample.create(tmp_path)
    source = tmp_path / "src" / "shop" / "__init__.py"

    texts = {edit: _written(tmp_path, source, edit) for edit in ("", *sample.HARMLESS)}

    assert len(set(texts.values())) == 1 + len(sample.HARMLESS)
    assert len({text.count("range(396)") for text in texts.values()}) == 1


def test_an_interrupted_self_check_goes_on_where_it_was(tmp_path):
    """300 comparisons take hours."""
    keep = tmp_path / "checks.jsonl"
    kept = [Check(True, 20.0, (Outcome(0.0, Finding.STABLE, 0.001),)), Check(False, 40.0, ())]
    keep.write_bytes(b"".join(msgspec.json.encode(check) + b"\n" for check in kept))

    summary = self_check(2, None, burning=False, keep=keep)

    assert list(summary.checks) == kept


def test_a_file_that_holds_something_else_is_not_gone_on_from(tmp_path):
    keep = tmp_path / "notes.txt"
    keep.write_text("remember the milk\n", encoding="utf-8")

    with pytest.raises(GateError, match="cannot go on from"):
        self_check(2, None, burning=False, keep=keep)


def test_a_false_alarm_is_counted_in_the_checks_of_harmless_edits_only():
    stable, red = Outcome(0.0, Finding.STABLE, 0.001), Outcome(0.0, Finding.REGRESSED, 0.06)
    named = Outcome(0.05, Finding.REGRESSED, 0.052)
    checks = (Check(True, 20.0, (stable,)), Check(True, 30.0, (red,)), Check(False, 40.0, (named, stable)))

    summary = Summary(checks, "here", burning=False)

    assert summary.false_alarms == 1
    assert "| harmless edits called red | 1 of 2 | 50.0% |" in render(summary)
    assert "| slowdowns of 5% named | 1 of 1 | 100.0% |" in render(summary)
    assert "| slowdowns of 10% named | 0 of 0 | - |" in render(summary)


def _written(root, source, edit):
    sample.write(root, {}, edit)
    return source.read_text(encoding="utf-8")
