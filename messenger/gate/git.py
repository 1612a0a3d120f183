"""Git: the commit a run was measured at, and those that lead from one to another."""

import subprocess
from pathlib import Path

import msgspec

from .error import GateError


class Commit(msgspec.Struct, frozen=True):
    """What was measured. `sha` is None outside git; `dirty` claims uncommitted changes of tracked files."""

    sha: str | None = None
    date: str | None = None
    dirty: bool = False

    @property
    def label(self) -> str | None:
        """Twelve digits of the sha, marked when the tree had changes: `1a2b3c4d5e6f+changes`."""
        return self.sha and self.sha[:12] + ("+changes" if self.dirty else "")


def read_commit(root: Path, baselines: str) -> Commit:
    """Read HEAD of the repository around *root*; a change below *baselines* does not make it dirty.

    Accepting is what changes baselines, so it must not be what forbids the next accept.
    """
    head = _git(root, "log", "-1", "--format=%H %cI")
    if not head:
        return Commit()
    sha, date = head.split()
    folder = Path(baselines)
    relative = folder.relative_to(root) if folder.is_absolute() and folder.is_relative_to(root) else folder
    unless = [] if relative.is_absolute() else [f":(exclude){relative.as_posix()}"]
    changes = _git(root, "status", "--porcelain", "--untracked-files=no", "--", ":/", *unless)
    return Commit(sha=sha, date=date, dirty=bool(changes))


def commit_of(root: Path, ref: str) -> Commit:
    """Describe the commit that *ref* names."""
    sha, _, date = _git(root, "log", "-1", "--format=%H %cI", ref).partition(" ")
    return Commit(sha=sha or None, date=date or None)


def first_parents(root: Path, good: str, bad: str) -> tuple[str, ...]:
    """Return the commits after *good* up to *bad*, oldest first; of a merge, the branch it was made on.

    Raises:
        GateError: there is no such commit (exit code 2).
    """
    try:
        found = _ask(
            root, "rev-list", "--first-parent", "--reverse", "--end-of-options", f"{good}..{bad}", "--"
        )
    except GateError as error:
        raise GateError(f"cannot find {good!r} or {bad!r}: {error}; fetch them first") from error
    return tuple(found.decode().split())


def is_ancestor(root: Path, old: str, new: str) -> bool:
    """Claim that the commit *new* contains the commit *old*."""
    try:
        _ask(root, "merge-base", "--is-ancestor", f"{old}^{{commit}}", f"{new}^{{commit}}")
    except GateError:
        return False
    return True


def subject_of(root: Path, sha: str) -> str:
    """Return date and first line of a commit, as one line."""
    return _ask(root, "log", "-1", "--format=%cs %s", sha, "--").decode("utf-8", "replace").strip()


def is_shallow(root: Path) -> bool:
    """Claim that the history was cut off when it was fetched."""
    return _ask(root, "rev-parse", "--is-shallow-repository").strip() == b"true"


def _git(root: Path, *arguments: str) -> str:
    """Ask where no answer is an answer, too."""
    try:
        return _ask(root, *arguments).decode("utf-8", "replace").strip()
    except GateError:
        return ""


def _ask(root: Path, *arguments: str) -> bytes:
    # No optional locks: a gate must not collide with the commit somebody is typing.
    command = ["git", "--no-optional-locks", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except OSError as error:
        raise GateError(f"cannot run git: {error.strerror}; install it", 3) from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
        raise GateError(said or f"git {arguments[0]} failed", 3)
    return done.stdout
