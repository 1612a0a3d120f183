"""Where a report ends up, by the options of a verb."""

import json
from xml.etree import ElementTree

import pytest

from messenger.gate.command import main
from messenger.gate.publish import append_step_summary
from messenger.gate.report import format_report
from messenger.gate.reports.markdown import SUMMARY_BYTES, render_markdown

from .samples import name, report, write
from .test_reports import everything, side_by_side


@pytest.fixture
def here(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    return tmp_path


@pytest.mark.parametrize("verb", ["check", "judge"])
def test_a_verdict_is_written_in_every_format_at_once(here, verb):
    given = write(here / "run.json", report({name("a"): 1.0}))
    if verb == "judge":
        given.write_text(format_report(side_by_side()))

    main([verb, str(given), "--markdown", "m", "--json", "j", "--csv", "c", "--junit", "x"])

    assert (here / "m").read_text().startswith("**")
    assert json.loads((here / "j").read_text())["schema_version"]
    assert (here / "c").read_text().startswith('"name","status"')
    assert ElementTree.parse(here / "x").getroot().tag == "testsuites"


def test_a_report_is_added_to_the_summary_of_the_job(here, monkeypatch):
    """Other commands of the step may have written there already."""
    summary = here / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))

    append_step_summary(everything())

    assert summary.read_text() == "before\n" + render_markdown(everything())


def test_a_summary_without_room_is_said_and_left_alone(here, monkeypatch, capsys):
    """GitHub drops a summary that is too long, with all that others wrote."""
    summary = here / "summary.md"
    summary.write_text("x" * (SUMMARY_BYTES - 10))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))

    status = main(["check", str(write(here / "run.json", report({name("a"): 1.0}))), "--step-summary"])

    assert (status, summary.stat().st_size) == (2, SUMMARY_BYTES - 10)
    assert "no room in GITHUB_STEP_SUMMARY" in capsys.readouterr().err


def test_a_summary_that_nobody_shows_is_refused_before_measuring(here, capsys):
    status = main(["check", "--measure", "1", ".", "--step-summary"])

    assert status == 2
    assert capsys.readouterr().err == (
        "messenger gate: --step-summary needs GITHUB_STEP_SUMMARY, which GitHub sets; "
        "elsewhere: --markdown FILE\n"
    )
