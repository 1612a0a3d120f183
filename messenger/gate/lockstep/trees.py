"""Two trees: the files of the base commit and of this checkout, side by side in a temporary folder."""

import compileall
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import current_thread, main_thread

import msgspec

from ..error import GateError

# What tells pytest and the gate how to run belongs to the benches, and so comes from the head for both.
_CONFIGURATION = ("pyproject.toml", "pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg", "conftest.py")
_BENCH_FOLDER = re.compile(r"(^|[_-])(tests?|bench(es|marks?|marking)?|perf|performance|speed)($|[_-])")
# Inside a hook, git tells its children about a repository and an index that are not those of the two trees.
_HOOK_VARIABLES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY")


class Trees(msgspec.Struct, frozen=True):
    """Two checkouts whose paths are of equal length; `root` is the project's place inside its repository."""

    checkout: Path
    root: Path
    base: Path
    head: Path
    base_sha: str

    def lend_benches(self, paths: Sequence[str]) -> None:
        """Let the base run the head's benchmarks: copy *paths*, every conftest.py and pytest's configuration.

        *paths* are files and folders relative to the project; what the head has not, the base loses.  Of a
        folder that is not named for tests or benchmarks nothing is lent, for it may hold the product.
        """
        named = {found for path in paths if (found := _named_for_benches(path))}
        files = {path for path in paths if not _named_for_benches(path) and path.endswith(".py")}
        for path in sorted({*named, *files, *_CONFIGURATION, *self._conftests()}):
            _replace(self.base / self.root / path, self.head / self.root / path)

    def bring_benches(self, paths: Sequence[str]) -> None:
        """Give the head, where that is a commit, the checkout's benchmarks: what *paths* and pytest need."""
        here = self.checkout / self.root
        named = {found for path in paths if (found := _named_for_benches(path))}
        named |= {path for path in paths if not _named_for_benches(path) and path.endswith(".py")}
        conftests = [str(found.relative_to(here)) for found in here.rglob("conftest.py")]
        listed = set(_git(here, "ls-files", "--cached", "--others", "--exclude-standard").splitlines())
        for path in sorted({*named, *_CONFIGURATION, *(found for found in conftests if found in listed)}):
            _replace(self.head / self.root / path, here / path)

    def _conftests(self) -> list[str]:
        places = [tree / self.root for tree in (self.base, self.head)]
        return [str(found.relative_to(place)) for place in places for found in place.rglob("conftest.py")]


@contextmanager
def two_trees(root: Path, ref: str, head: str | None = None) -> Iterator[Trees]:
    """Check out the merge base of *ref* and HEAD, and copy this checkout as it is, changes included.

    With *head*, just these two commits are checked out. Afterwards both trees are gone, and git knows
    nothing of them any more.

    Raises:
        GateError: *root* is in no repository, or *ref* has no common history with it (exit code 2).
    """
    checkout = _checkout(root)
    sha = _merge_base(root, ref) if head is None else commit_named(root, ref)
    with tempfile.TemporaryDirectory(prefix="messenger-gate-", ignore_cleanup_errors=True) as folder:
        trees = Trees(
            checkout, root.resolve().relative_to(checkout), Path(folder, "base"), Path(folder, "head"), sha
        )
        try:
            _git(root, "worktree", "add", "--quiet", "--detach", str(trees.base), sha)
            if head is None:
                _copy_checkout(checkout, trees.head)
            else:
                _git(
                    root, "worktree", "add", "--quiet", "--detach", str(trees.head), commit_named(root, head)
                )
            for tree in (trees.base, trees.head):
                compileall.compile_dir(tree, quiet=2)
            yield trees
        finally:
            with _uninterrupted():
                for tree in (trees.base, trees.head) if head else (trees.base,):
                    with suppress(GateError):
                        _git(root, "worktree", "remove", "--force", "--force", str(tree))
                shutil.rmtree(folder, ignore_errors=True)


def _named_for_benches(path: str) -> str:
    """Return *path* up to its first folder that is named for tests or benchmarks, "" where none is.

    >>> _named_for_benches("shop/tests/speed/test_parse.py"), _named_for_benches("shop/test_parse.py")
    ('shop/tests', '')
    """
    parts = path.split("/")
    folders = parts[:-1] if path.endswith(".py") else parts
    for number, folder in enumerate(folders, start=1):
        if _BENCH_FOLDER.search(folder):
            return "/".join(parts[:number])
    return ""


def _checkout(root: Path) -> Path:
    try:
        return Path(_git(root, "rev-parse", "--show-toplevel"))
    except GateError as error:
        raise GateError(
            f"{root} is in no git repository, so there are no commits to compare: git init"
        ) from error


def commit_named(root: Path, ref: str) -> str:
    """Return the sha of the commit that *ref* names.

    Raises:
        GateError: there is none (exit code 2).
    """
    try:
        return _git(root, "rev-parse", "--verify", "--end-of-options", f"{ref}^{{commit}}")
    except GateError as error:
        raise GateError(
            f"cannot compare with {ref!r}: {error}; fetch it with its history first "
            "(git fetch origin; in CI, check out with fetch-depth: 0)"
        ) from error


def _merge_base(root: Path, ref: str) -> str:
    sha = commit_named(root, ref)
    try:
        return _git(root, "merge-base", sha, "HEAD")
    except GateError as error:
        raise GateError(
            f"cannot compare with {ref!r}: it has no history in common with this checkout, or that was not "
            "fetched (git fetch origin; in CI, check out with fetch-depth: 0)"
        ) from error


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let an impatient second Ctrl-C wait until everything is put away.

    A mask would not do: it is one thread's, and any other thread lets the signal through.
    """
    if current_thread() is not main_thread():  # signals are the main thread's business
        yield
        return
    heard: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda got, _: heard.append(got)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if heard:
            signal.raise_signal(heard[0])


def _copy_checkout(checkout: Path, head: Path) -> None:
    listed = _git(checkout, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        if (checkout / name).is_symlink() or (checkout / name).is_file():
            _replace(head / name, checkout / name)


def _replace(target: Path, source: Path) -> None:
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)
    if source.is_dir() and not source.is_symlink():
        shutil.copytree(source, target, symlinks=True)
    elif source.is_symlink() or source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target, follow_symlinks=False)


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        # A project's hooks are about its own checkout.
        ["git", "-C", str(root), "-c", f"core.hooksPath={os.devnull}", *arguments],
        env={key: value for key, value in os.environ.items() if key not in _HOOK_VARIABLES},
        start_new_session=True,  # Ctrl-C is for us; git may be the one who puts away
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        check=False,
    )
    if done.returncode:
        raise GateError(done.stderr.strip() or f"git {arguments[0]} failed", 2)
    return done.stdout.strip("\n")
