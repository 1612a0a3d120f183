"""The commit that made a benchmark slower, in a real history."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as some

from messenger.gate.lockstep.bisect import _narrow

from .. import project
from .shop import FAST, SLOW, make, write

NAME = "tests/test_speed.py::test_parse"


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """Seven commits: the third cannot be imported, the fifth is slow, the others are remarks."""
    folder = make(tmp_path_factory.mktemp("history"))
    texts = [FAST + "# 1\n", "import nosuch\n", FAST + "# 2\n", SLOW, SLOW + "# 3\n", SLOW + "# 4\n"]
    shas = [project.git(folder, "rev-parse", "HEAD").strip()]
    for text in texts:
        write(folder, {"src/shop/__init__.py": text})
        project.commit(folder)
        shas.append(project.git(folder, "rev-parse", "HEAD").strip())
    return folder, shas


def test_the_commit_is_found_and_what_cannot_run_is_left_out(history):
    folder, shas = history

    done = project.gate(folder, "bisect", NAME, "--good", shas[0])

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"FOUND: {NAME} got slower at {shas[4][:12]}."
    assert project.git(folder, "worktree", "list").count("\n") == 1
    assert not os.path.exists(folder / ".git" / "worktrees")


def test_what_is_not_slower_has_no_culprit(history):
    folder, shas = history

    done = project.gate(folder, "bisect", NAME, "--good", shas[0], "--bad", shas[1])

    assert (done.returncode, "is not slower at" in done.stderr) == (3, True)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ([NAME, "--good", "nosuch"], 2, "cannot find 'nosuch' or 'HEAD'"),
        ([NAME, "--good", "HEAD"], 2, "no commit leads from HEAD to HEAD"),
        (["tests/test_speed.py::nosuch", "--good", "HEAD~1"], 3, "cannot measure HEAD"),
        (["parse", "--good", "HEAD~1"], 2, "no check has been kept"),
    ],
)
def test_what_cannot_be_bisected_is_said(history, arguments, status, said):
    done = project.gate(history[0], "bisect", *arguments)

    assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (status, True, False)


@given(some.integers(1, 60), some.data())
def test_narrowing_finds_the_border_and_what_hides_it(count, data):
    """Everything good lies before everything bad, and what cannot be told stays between."""
    commits = [str(number) for number in range(count)]
    border = data.draw(some.integers(0, count - 1))
    hidden = set(data.draw(some.lists(some.sampled_from(commits)))) - {commits[-1]}

    good, bad, unmeasured = _narrow(commits, lambda sha: None if sha in hidden else int(sha) >= border)

    assert good < border <= bad
    assert {str(number) for number in range(good + 1, bad)} <= unmeasured <= hidden
