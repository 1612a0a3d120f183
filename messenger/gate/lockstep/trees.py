"""Two trees: the files of the base commit and of this checkout, side by side in a temporary folder."""

import compileall
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from ..error import GateError

# What tells pytest and the gate how to run belongs to the benches, and so comes from the head for both.
_CONFIGURATION = ("pyproject.toml", "pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg", "conftest.py")


class Trees(msgspec.Struct, frozen=True):
    """Two checkouts whose paths are of equal length; `root` is the project's place inside its repository."""

    checkout: Path
    root: Path
    base: Path
    head: Path
    base_sha: str

    def lend_benches(self, paths: Sequence[str]) -> None:
        """Let the base run the head's benchmarks: copy *paths*, every conftest.py and pytest's configuration.

        *paths* are relative to the project; what the head has not, the base loses.
        """
        for path in {*paths, *_CONFIGURATION, *self._conftests()}:
            _replace(self.base / self.root / path, self.head / self.root / path)

    def _conftests(self) -> list[str]:
        here = self.head / self.root
        return [str(found.relative_to(here)) for found in here.rglob("conftest.py")]


@contextmanager
def two_trees(root: Path, ref: str) -> Iterator[Trees]:
    """Check out the merge base of *ref* and HEAD, and copy this checkout as it is, changes included.

    Both are gone afterwards, and git knows nothing of them any more.

    Raises:
        GateError: *root* is in no repository, or *ref* has no common history with it (exit code 2).
    """
    checkout = Path(_git(root, "rev-parse", "--show-toplevel"))
    sha = _merge_base(root, ref)
    with tempfile.TemporaryDirectory(prefix="messenger-gate-", ignore_cleanup_errors=True) as folder:
        trees = Trees(
            checkout, root.resolve().relative_to(checkout), Path(folder, "base"), Path(folder, "head"), sha
        )
        try:
            _git(root, "worktree", "add", "--quiet", "--detach", str(trees.base), sha)
            _copy_checkout(checkout, trees.head)
            for tree in (trees.base, trees.head):
                compileall.compile_dir(tree, quiet=2)
            yield trees
        finally:
            subprocess.run(
                ["git", "-C", str(root), "worktree", "remove", "--force", str(trees.base)],
                capture_output=True,
                check=False,
            )


def _merge_base(root: Path, ref: str) -> str:
    try:
        return _git(root, "merge-base", ref, "HEAD")
    except GateError as error:
        raise GateError(
            f"cannot compare with {ref!r}: {error}; fetch it with its history first "
            "(git fetch origin; in CI, check out with fetch-depth: 0)"
        ) from error


def _copy_checkout(checkout: Path, head: Path) -> None:
    listed = _git(checkout, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        if (checkout / name).is_file():
            _replace(head / name, checkout / name)


def _replace(target: Path, source: Path) -> None:
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True)
    elif source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target, follow_symlinks=False)


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *arguments],
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        check=False,
    )
    if done.returncode:
        raise GateError(done.stderr.strip() or f"git {arguments[0]} failed", 2)
    return done.stdout.strip("\n")
