import subprocess

import pytest

from messenger.gate.git import Commit, read_commit


@pytest.fixture
def repository(tmp_path):
    def git(*arguments):
        subprocess.run(["git", "-C", tmp_path, *arguments], check=True, capture_output=True)

    git("init", "-q")
    (tmp_path / "baselines").mkdir()
    for file in ("code.py", "baselines/x.json"):
        (tmp_path / file).write_text("1")
    git("add", "-A")
    git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "first")
    return tmp_path


def test_a_clean_tree_is_its_commit(repository):
    commit = read_commit(repository, "baselines")

    assert len(commit.sha) == 40
    assert (commit.dirty, commit.label) == (False, commit.sha[:12])


def test_a_changed_tracked_file_is_dirty(repository):
    (repository / "code.py").write_text("2")

    commit = read_commit(repository, "baselines")

    assert commit.label == f"{commit.sha[:12]}+changes"


def test_a_change_is_seen_from_a_project_in_a_subfolder(repository):
    (repository / "sub").mkdir()
    (repository / "code.py").write_text("2")

    assert read_commit(repository / "sub", "baselines").dirty


@pytest.mark.parametrize("absolute", [True, False])
def test_changed_baselines_are_not_dirty(repository, absolute):
    """Accepting changes them, and must not forbid accepting the next suite."""
    (repository / "baselines" / "x.json").write_text("2")
    (repository / "untracked").touch()

    folder = str(repository / "baselines") if absolute else "baselines"

    assert not read_commit(repository, folder).dirty


def test_outside_git_there_is_no_commit(tmp_path):
    assert read_commit(tmp_path, "baselines") == Commit()


def test_without_git_there_is_no_commit(repository, monkeypatch):
    monkeypatch.setenv("PATH", "")

    assert read_commit(repository, "baselines") == Commit()
