"""Git history: which commits lead from one to another, and whether all of them are here."""

import subprocess
from pathlib import Path

from .error import GateError


def first_parents(root: Path, good: str, bad: str) -> tuple[str, ...]:
    """Return the commits after *good* up to *bad*, oldest first; of a merge, the branch it was made on.

    Raises:
        GateError: there is no such commit (exit code 2).
    """
    try:
        found = _git(
            root, "rev-list", "--first-parent", "--reverse", "--end-of-options", f"{good}..{bad}", "--"
        )
    except GateError as error:
        raise GateError(f"cannot find {good!r} or {bad!r}: {error}; fetch them first") from error
    return tuple(found.decode().split())


def subject_of(root: Path, sha: str) -> str:
    """Return date and first line of a commit, as one line."""
    return _git(root, "log", "-1", "--format=%cs %s", sha, "--").decode("utf-8", "replace").strip()


def is_shallow(root: Path) -> bool:
    """Claim that the history was cut off when it was fetched."""
    return _git(root, "rev-parse", "--is-shallow-repository").strip() == b"true"


def _git(root: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(root), *arguments],
            capture_output=True,
            check=False,
        )
    except OSError as error:
        raise GateError(f"cannot run git: {error.strerror}; install it", 3) from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
        raise GateError(said or f"git {arguments[0]} failed", 3)
    return done.stdout
