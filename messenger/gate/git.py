"""Git: the commit a run was measured at."""

import subprocess
from pathlib import Path

import msgspec


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


def _git(root: Path, *arguments: str) -> str:
    try:
        # No optional locks: a gate must not collide with the commit somebody is typing.
        done = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(root), *arguments],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
