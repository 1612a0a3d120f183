"""The comment on a pull request: the steps that write it, with a `gh` that asks nobody."""

import json
import os
import re
import sys
from pathlib import Path

import msgspec
import pytest

from messenger.gate.report import format_report

from .github import COMMENT, ROOT, read, run, step_named
from .test_reports import hostile, side_by_side

RUN, NUMBER = 4711, 12


def test_what_comments_takes_nothing_from_the_pull_request():
    """It may write, so the code of whoever opened the pull request must not run in it."""
    document = read(COMMENT)
    [job] = document["jobs"].values()

    assert document["permissions"] == {}
    assert job["permissions"] == {"contents": "read", "actions": "read", "pull-requests": "write"}
    [checkout] = [step for step in job["steps"] if "checkout" in step.get("uses", "")]
    assert checkout["with"] == {"persist-credentials": False}
    tokens = [step["name"] for step in job["steps"] if "GH_TOKEN" in step.get("env", {})]
    assert tokens == ["Fetch the report", "Comment"]


# Answers as GitHub would, from a file, and writes down what it was asked.
GH = """#!{python}
import json, pathlib, sys
folder = pathlib.Path({folder!r})
asked = sys.argv[1:]
body = json.loads(sys.stdin.read())["body"] if "--input" in asked else None
with (folder / "asked").open("a") as file:
    file.write(json.dumps([asked, body]) + "\\n")
answers = json.loads((folder / "answers").read_text())
if asked[0] == "run":
    place = pathlib.Path(asked[asked.index("--dir") + 1])
    place.mkdir()
    (place / "comparison.json").write_bytes((folder / "artifact").read_bytes())
elif "--jq" in asked:
    print(answers["artifacts"])
else:
    path = asked[asked.index("--method") + 2]
    if path not in answers:
        sys.exit("gh: Not Found (HTTP 404)")
    print(json.dumps(answers[path]))
"""
PULL = {"number": NUMBER, "head": {"sha": "a" * 40, "repo": {"id": 7}}}
EVENT = {
    "workflow_run": {
        "id": RUN,
        "head_sha": "a" * 40,
        "head_branch": "fast;er",
        "head_repository": {"id": 7, "owner": {"login": "stranger"}},
    }
}
COMMENTS, OURS = f"repos/o/r/issues/{NUMBER}/comments", "repos/o/r/issues/comments/99"


class Workflow:
    """The job that comments, with a `gh` that asks nobody."""

    def __init__(self, folder):
        self.folder = folder
        self.answers = {"artifacts": 1, "repos/o/r/pulls": [PULL], COMMENTS: [[]], OURS: {}}
        self.artifact = format_report(side_by_side())
        gh = folder / "bin" / "gh"
        gh.parent.mkdir()
        gh.write_text(GH.format(python=sys.executable, folder=str(folder)))
        gh.chmod(0o755)
        (folder / "event").write_text(json.dumps(EVENT))
        (folder / ".github").symlink_to(ROOT)
        (folder / ".venv").symlink_to(Path(sys.executable).parents[1])
        (folder / "temporary").mkdir()

    def run(self, *names):
        """Run the steps as GitHub does, up to the first that fails; return its, or the last, exit status."""
        (self.folder / "answers").write_text(json.dumps(self.answers))
        (self.folder / "artifact").write_text(self.artifact)
        values = {"github.token": "secret", "github.event.workflow_run.id": str(RUN)}
        for name in names:
            self.done = run(
                step_named(COMMENT, name),
                self.folder,
                values,
                PATH=f"{self.folder / 'bin'}:{os.environ['PATH']}",
                GITHUB_EVENT_PATH=str(self.folder / "event"),
                GITHUB_OUTPUT=str(self.folder / "output"),
                GITHUB_REPOSITORY="o/r",
                GITHUB_SERVER_URL="https://github.example",
                RUNNER_TEMP=str(self.folder / "temporary"),
            )
            if self.done.returncode:
                break
        return self.done.returncode

    @property
    def asked(self):
        return [json.loads(line) for line in (self.folder / "asked").read_text().splitlines()]

    @property
    def written(self):
        """What was written, by method and path."""
        return {
            (asked[2], asked[3]): body for asked, body in self.asked if asked[0] == "api" and body is not None
        }


@pytest.fixture
def workflow(tmp_path):
    return Workflow(tmp_path)


def rendered(workflow, text="**Fine.**\n"):
    (workflow.folder / "temporary" / "comment.md").write_text(text)


def test_the_first_comment_is_written(workflow):
    rendered(workflow)

    assert workflow.run("Comment") == 0

    assert workflow.written == {
        ("POST", COMMENTS): "<!-- messenger-gate -->\n**Fine.**\n\n"
        f"Measured in [this run](https://github.example/o/r/actions/runs/{RUN}).\n"
    }


def test_the_pull_request_is_the_one_that_was_measured(workflow):
    """Its branch is named by a stranger, and goes to GitHub as one argument."""
    rendered(workflow)

    workflow.run("Comment")

    assert "head=stranger:fast;er" in workflow.asked[0][0]


def test_later_ones_replace_it(workflow):
    """Twenty pushes to a branch must not be twenty comments."""
    ours = {"id": 99, "user": {"login": "github-actions[bot]"}, "body": "<!-- messenger-gate -->\nold"}
    workflow.answers[COMMENTS] = [[{**ours, "id": 1, "body": "hello"}], [ours]]
    rendered(workflow)

    assert workflow.run("Comment") == 0

    assert list(workflow.written) == [("PATCH", OURS)]


def test_a_marker_that_somebody_else_wrote_is_not_ours(workflow):
    """Otherwise whoever writes it first keeps the comment away, or under their own name."""
    theirs = {"id": 98, "user": {"login": "stranger"}, "body": "<!-- messenger-gate -->"}
    workflow.answers[COMMENTS] = [[theirs]]
    rendered(workflow)

    workflow.run("Comment")

    assert list(workflow.written) == [("POST", COMMENTS)]


@pytest.mark.parametrize(
    "pulls",
    [
        [],
        [{**PULL, "head": {"sha": "b" * 40, "repo": {"id": 7}}}],
        [{**PULL, "head": {"sha": "a" * 40, "repo": {"id": 8}}}],
        [{**PULL, "head": {"sha": "a" * 40, "repo": None}}],
        [PULL, {**PULL, "number": 13}],
    ],
    ids=["closed", "pushed to since", "of another fork", "of a deleted fork", "two of one branch"],
)
def test_a_pull_request_that_was_not_measured_gets_no_comment(workflow, pulls):
    workflow.answers["repos/o/r/pulls"] = pulls
    rendered(workflow)

    assert workflow.run("Comment") == 0

    assert workflow.written == {}
    assert "nothing to say" in workflow.done.stdout


def test_what_github_refuses_is_red(workflow):
    del workflow.answers[COMMENTS]
    rendered(workflow)

    assert workflow.run("Comment") == 1

    assert workflow.done.stderr.splitlines() == ["gh: Not Found (HTTP 404)", f"gh api GET {COMMENTS} failed"]


def test_the_longest_table_fits_beside_the_marker(workflow):
    rendered(workflow, "x" * 65_000)

    assert workflow.run("Comment") == 0


def test_a_run_that_kept_nothing_is_no_failure(workflow):
    """It was cancelled, or could not install; that is red already, and elsewhere."""
    workflow.answers["artifacts"] = 0

    assert workflow.run("Fetch the report") == 0

    assert not (workflow.folder / "output").exists()


def test_an_artifact_that_is_too_long_is_refused(workflow):
    workflow.artifact = " " * 20_000_001

    assert workflow.run("Fetch the report", "Render") == 1

    assert workflow.done.stdout == "comparison.json is longer than 20 MB.\n"


class TestFromArtifactToComment:
    def test_a_report_becomes_the_comment(self, workflow):
        assert workflow.run("Fetch the report", "Render", "Comment") == 0

        [body] = workflow.written.values()
        assert body.startswith("<!-- messenger-gate -->\n**2 of 4 benchmarks regressed.**\n")

    def test_what_a_stranger_wrote_in_it_is_text(self, workflow):
        """The report of a fork is whatever the fork wants it to be."""
        wanted = msgspec.structs.replace(
            hostile(),
            lines=("@everyone see #1 <img src=x> [x](http://evil.example)",),
            sentence="::add-mask::x\n##[add-mask]y",
        )
        workflow.artifact = format_report(wanted)

        assert workflow.run("Fetch the report", "Render", "Comment") == 0

        [body] = workflow.written.values()
        assert not re.search(r"@everyone|#1|<img|[^\\]\]\(http:|http://|\n::", body)

    @pytest.mark.parametrize("artifact", ["", "[]", '{"schema_version": "##[add-mask]x"}', "[" * 100_000])
    def test_what_is_no_report_is_red_in_a_sentence(self, workflow, artifact):
        workflow.artifact = artifact

        assert workflow.run("Fetch the report", "Render", "Comment") != 0

        assert workflow.written == {}
        assert "Traceback" not in workflow.done.stderr
        assert "##[" not in workflow.done.stderr
