"""Two trees out of real git repositories."""

import os
import signal
import subprocess

import pytest

from messenger.gate.error import GateError
from messenger.gate.lockstep.trees import two_trees

from ..project import commit, git
from .shop import FAST, SLOW, make, write


def contents(tree):
    files = (path for path in tree.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(tree)): path.read_text() for path in files if path.name != ".git"}


def worktrees(folder):
    done = subprocess.run(
        ["git", "-C", folder, "worktree", "list"], capture_output=True, text=True, check=True
    )
    return len(done.stdout.splitlines())


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A repository, and a temporary folder of its own in which litter would be seen."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    return make(tmp_path / "shop")


@pytest.fixture
def nothing_left(shop, tmp_path):
    yield
    assert worktrees(shop) == 1
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.usefixtures("nothing_left")
def test_the_head_is_the_checkout_as_it_is(shop):
    """Whoever tries a change wants to know before committing it."""
    write(shop, {"src/shop/__init__.py": SLOW, "src/shop/new.py": "", "__pycache__/x": "ignored"})
    (shop / "tests" / "conftest.py").unlink()

    with two_trees(shop, "HEAD") as trees:
        base, head = contents(trees.base), contents(trees.head)

    assert base["src/shop/__init__.py"] == FAST
    assert head["src/shop/__init__.py"] == SLOW
    assert head.keys() - base.keys() == {"src/shop/new.py"}
    assert base.keys() - head.keys() == {"tests/conftest.py"}


def test_the_base_is_where_the_branches_parted(shop):
    """What others have merged since is neither this branch's merit nor its fault."""
    git(shop, "branch", "main-line")
    write(shop, {"ours.py": ""})
    commit(shop)
    git(shop, "checkout", "-q", "main-line")
    write(shop, {"theirs.py": ""})
    commit(shop)
    git(shop, "checkout", "-q", "-")

    with two_trees(shop, "main-line") as trees:
        assert "theirs.py" not in contents(trees.base)
        assert "ours.py" in contents(trees.head)


def test_a_project_in_a_subfolder_keeps_its_place(tmp_path):
    make(tmp_path / "many" / "shop")
    (tmp_path / "many" / "shop" / ".git").rename(tmp_path / "many" / ".git")
    commit(tmp_path / "many")

    with two_trees(tmp_path / "many" / "shop", "HEAD") as trees:
        assert (trees.base / trees.root / "pyproject.toml").exists()
        assert (trees.head / trees.root / "pyproject.toml").exists()


def test_both_paths_are_of_one_length(shop):
    """A path is part of a process's memory, and so of where everything else lies."""
    with two_trees(shop, "HEAD") as trees:
        assert len(str(trees.base)) == len(str(trees.head))


def test_links_stay_links(shop):
    (shop / "folder").symlink_to("src")
    (shop / "nowhere").symlink_to("nothing")

    with two_trees(shop, "HEAD") as trees:
        assert os.readlink(trees.head / "folder") == "src"
        assert os.readlink(trees.head / "nowhere") == "nothing"


@pytest.mark.parametrize("ref", ["nothing-like-this", "", "--all", "-h"])
def test_an_unknown_ref_is_wrong_usage(shop, ref):
    with pytest.raises(GateError, match="cannot compare with") as raised, two_trees(shop, ref):
        pass

    assert raised.value.exit_code == 2


def test_outside_a_repository_is_wrong_usage(tmp_path):
    with pytest.raises(GateError, match="is in no git repository") as raised, two_trees(tmp_path, "HEAD"):
        pass

    assert raised.value.exit_code == 2


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("error", [GateError("x"), KeyboardInterrupt(), SystemExit(143)])
def test_nothing_is_left_however_it_ends(shop, error):
    with pytest.raises(type(error)), two_trees(shop, "HEAD"):
        raise error


@pytest.mark.usefixtures("nothing_left")
def test_an_impatient_second_ctrl_c_waits_for_the_tidying(shop, monkeypatch):
    """People press it until something happens."""
    remove = subprocess.run

    def interrupted(command, **options):
        if "remove" in command:
            os.kill(os.getpid(), signal.SIGINT)
        return remove(command, **options)

    monkeypatch.setattr(subprocess, "run", interrupted)
    with pytest.raises(KeyboardInterrupt), two_trees(shop, "HEAD"):
        raise KeyboardInterrupt


@pytest.mark.usefixtures("nothing_left")
def test_two_gates_may_run_at_once(shop):
    with two_trees(shop, "HEAD") as one, two_trees(shop, "HEAD") as other:
        assert contents(one.base) == contents(other.base)
        assert worktrees(shop) == 3


def test_hooks_neither_run_nor_mislead(shop, monkeypatch):
    """The gate may be called by a hook, and git then speaks of another index."""
    hook = shop / ".git" / "hooks" / "post-checkout"
    write(shop, {".git/hooks/post-checkout": "#!/bin/sh\nexit 1\n"})
    hook.chmod(0o755)
    monkeypatch.setenv("GIT_DIR", "nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "nowhere")

    with two_trees(shop, "HEAD") as trees:
        assert contents(trees.base) == contents(trees.head)


def test_the_benches_are_lent_and_the_product_is_not(shop):
    write(shop, {"src/shop/__init__.py": SLOW, "tests/test_speed.py": "# new", "tests/help.py": ""})

    with two_trees(shop, "HEAD") as trees:
        trees.lend_benches(["tests/test_speed.py"])
        base = contents(trees.base)

    assert (base["tests/test_speed.py"], "tests/help.py" in base) == ("# new", True)
    assert base["src/shop/__init__.py"] == FAST


@pytest.mark.parametrize("path", [".", "src", "src/shop", "src/shop/test_inside.py"])
def test_a_folder_that_holds_the_product_is_not_lent(shop, path):
    """With the head's product on both sides every slowdown would be stable."""
    write(shop, {"src/shop/__init__.py": SLOW, "src/shop/test_inside.py": "# new"})

    with two_trees(shop, "HEAD") as trees:
        trees.lend_benches([path])
        base = contents(trees.base)

    assert base["src/shop/__init__.py"] == FAST
    assert ("src/shop/test_inside.py" in base) is path.endswith(".py")


def test_a_conftest_the_head_has_not_is_lost_in_the_base(shop):
    (shop / "tests" / "conftest.py").unlink()

    with two_trees(shop, "HEAD") as trees:
        trees.lend_benches([])
        assert "tests/conftest.py" not in contents(trees.base)


@pytest.mark.parametrize("ref", ["--octopus", "--all", "-x"])
def test_what_begins_with_a_dash_is_no_option_of_git(shop, ref):
    """`git merge-base --octopus HEAD` is HEAD, and HEAD against itself always passes."""
    with pytest.raises(GateError, match="cannot compare with"), two_trees(shop, ref):
        pass
