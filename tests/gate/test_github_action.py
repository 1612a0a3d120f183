"""The action: what of it is a program runs here, and what is not is held to what keeps it safe."""

import json
import re
import subprocess
import sys

import msgspec
import pytest

from messenger.gate.report import format_report

from . import project
from .github import ACTION, COMMENT, ROOT, read, run, step_named, steps_of
from .test_reports import side_by_side

WORKFLOWS = sorted(ROOT.glob("workflows/*.yml"))


@pytest.mark.parametrize("path", [*WORKFLOWS, ACTION / "action.yml"], ids=lambda path: path.stem)
def test_no_script_holds_an_expression(path):
    """GitHub pastes its value in before the shell reads it, whatever it is."""
    assert not [step["run"] for step in steps_of(path) if "${{" in step.get("run", "")]


@pytest.mark.parametrize("path", [*WORKFLOWS, ACTION / "action.yml"], ids=lambda path: path.stem)
def test_every_foreign_action_is_pinned(path):
    """A tag can be moved to other code at any time."""
    used = [step["uses"] for step in steps_of(path) if "uses" in step]

    assert [one for one in used if not re.fullmatch(r"\$/[\w./-]+|[\w-]+/[\w-]+@[0-9a-f]{40}", one)] == []


def test_what_the_action_keeps_is_what_the_comment_is_made_of():
    """They are two files, and know of each other by these words only."""
    [keep] = [step for step in steps_of(ACTION / "action.yml") if "upload-artifact" in step.get("uses", "")]
    inputs = {name: about["default"] for name, about in read(ACTION / "action.yml")["inputs"].items()}
    told = COMMENT.read_text()

    assert read(COMMENT)["on"]["workflow_run"]["workflows"] == [
        read(ROOT / "workflows/benchmarks.yml")["name"]
    ]
    assert keep["with"]["name"] == "${{ inputs.artifact }}"
    assert f"--name {inputs['artifact']} " in told
    assert f'"$RUNNER_TEMP/artifact/{inputs["json"]}"' in told


class Job:
    """What the action leaves behind: its outputs and the job's summary."""

    def __init__(self, folder):
        self.folder = folder
        self.output, self.summary = folder / "output", folder / "summary"
        self.output.touch()

    def judge(self, shop, **inputs):
        declared = read(ACTION / "action.yml")["inputs"]
        values = {f"inputs.{name}": about["default"] for name, about in declared.items()}
        values |= {"inputs.messenger": f"{sys.executable} -m messenger"}
        values |= {f"inputs.{name}": value for name, value in inputs.items()}
        done = run(
            step_named(ACTION / "action.yml", "Judge"),
            shop,
            values,
            GITHUB_OUTPUT=str(self.output),
            GITHUB_STEP_SUMMARY=str(self.summary),
            GITHUB_ACTION_PATH=str(ACTION),
            GITHUB_WORKSPACE=str(shop),
        )
        assert done.returncode == 0, done.stderr
        lines = self.output.read_text().splitlines()
        self.outputs = dict(line.partition("=")[::2] for line in lines)
        return done

    def verdict(self):
        values = {"steps.judge.outputs.exit-code": self.outputs.get("exit-code", "")}
        return run(step_named(ACTION / "action.yml", "Verdict"), self.folder, values).returncode


@pytest.fixture
def job(tmp_path):
    return Job(tmp_path)


def test_the_action_says_what_got_slower_and_fails_last(shop, job):
    """The report, the summary and the outputs are there before anything is red."""
    (shop / "src/shop.py").write_text(project.SLOW)

    done = job.judge(shop, paths="tests/speed", measure="1")

    assert job.outputs == {
        "exit-code": "1",
        "status": "failed",
        "regressed": json.dumps(["tests/speed/test_parse.py::test_parse[1 KiB|a::b]"]),
    }
    assert "**1 of 2 benchmarks regressed" in job.summary.read_text()
    assert (shop / "comparison.md").read_text() == job.summary.read_text()
    assert "::error file=tests/speed/test_parse.py,line=4," in done.stdout
    assert job.verdict() == 1


def test_the_action_passes_where_nothing_got_slower(shop, job):
    job.judge(shop, paths="tests/speed", measure="1", only="parse\n")

    assert (job.outputs["status"], job.outputs["regressed"], job.verdict()) == ("passed", "[]", 0)


def test_the_action_compares_with_a_commit(shop, job):
    """Asked of a commit that does not exist, for the comparison itself has tests of its own."""
    done = job.judge(shop, base="no-such-commit", paths="tests/speed", budget="60")

    assert job.outputs == {"exit-code": "2", "status": "not-judged", "regressed": "[]"}
    assert "no-such-commit" in done.stderr
    assert job.verdict() == 2


def test_an_old_report_is_no_answer(shop, job):
    """A run that ends before it can judge must not show what another one said."""
    (shop / "comparison.json").write_text(format_report(side_by_side()))

    job.judge(shop, paths="tests/speed", measure="nonsense")

    assert (job.outputs["status"], job.verdict()) == ("not-judged", 2)


@pytest.mark.parametrize("text", ["$(touch pwned) `touch pwned` '; touch pwned; \" * ?", "--keep=pwned"])
@pytest.mark.parametrize("name", ["paths", "only", "base", "measure", "budget"])
def test_an_input_is_an_argument_and_never_code(shop, job, name, text):
    """The branch of a pull request is named by whoever opened it."""
    job.judge(shop, **{"measure": "1", "paths": "nowhere", name: text})

    assert job.outputs["status"] != "passed"
    assert not (shop / "pwned").exists()


@pytest.mark.parametrize("text", ["a\nstatus=passed", "a\r\nregressed=[]", "::set-output name=x::y", "ü"])
def test_no_name_is_an_output_of_its_own(tmp_path, text):
    [row, *rest] = side_by_side().results
    report = msgspec.structs.replace(side_by_side(), results=(msgspec.structs.replace(row, name=text), *rest))
    (tmp_path / "report.json").write_text(format_report(report))

    done = subprocess.run(
        [sys.executable, ACTION / "outputs.py", tmp_path / "report.json"],
        capture_output=True,
        text=True,
        check=True,
    )

    status, regressed = done.stdout.splitlines()
    assert status == "status=failed"
    assert json.loads(regressed.removeprefix("regressed="))[0] == text
