"""Git history: every version of the baselines that was ever committed, in two processes of git."""

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from .error import GateError


class Version(msgspec.Struct, frozen=True):
    """One file as a commit left it; content is None where the commit deleted it. date: ISO 8601."""

    sha: str
    date: str
    path: str
    content: bytes | None


def read_versions(root: Path, folder: Path) -> tuple[Version, ...]:
    """Read all versions of the JSON files below *folder*, oldest first; *root* is the project's folder.

    The first parents of HEAD are followed: a branch is what its merge brought.

    Raises:
        GateError: *root* is in no repository, or git cannot be run (exit code 3).
    """
    log = _git(
        root,
        "log",
        "--first-parent",
        "-m",
        "--reverse",
        "--raw",
        "--no-abbrev",
        "--no-renames",
        "-z",
        "--format=%x01%H %cI",
        "--",
        str(folder),
    )
    found = [entry for entry in _entries(log) if entry[2].endswith(".json")]
    blobs = sorted({blob for *_, blob in found if blob.strip("0")})
    contents = dict(zip(blobs, _contents(root, blobs), strict=True))
    return tuple(Version(sha, date, path, contents.get(blob)) for sha, date, path, blob in found)


def ancestors(root: Path, ref: str) -> frozenset[str]:
    """Return the commits that *ref* contains, itself included.

    Raises:
        GateError: there is no such commit (exit code 2).
    """
    try:
        return frozenset(_git(root, "rev-list", "--end-of-options", ref, "--").decode().split())
    except GateError as error:
        raise GateError(f"cannot find {ref!r}: {error}; name a tag or a commit, or fetch it first") from error


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


def latest_tag(root: Path) -> str | None:
    """Name the last release before HEAD, if there is one."""
    try:
        return _git(root, "describe", "--tags", "--abbrev=0").decode().strip()
    except GateError:
        return None


def is_shallow(root: Path) -> bool:
    """Claim that the history was cut off when it was fetched."""
    return _git(root, "rev-parse", "--is-shallow-repository").strip() == b"true"


def _entries(log: bytes) -> Iterator[tuple[str, str, str, str]]:
    """Yield commit, date, path and blob of every change, as `git log --raw -z` writes them."""
    for commit in log.decode("utf-8", "surrogateescape").split("\x01")[1:]:
        head, *fields = commit.replace("\n", "\0").split("\0")
        sha, _, date = head.partition(" ")
        fields = [field for field in fields if field]
        for change, path in zip(fields[::2], fields[1::2], strict=True):
            yield sha, date, path, change.split()[3]


def _contents(root: Path, blobs: Sequence[str]) -> Iterator[bytes]:
    if not blobs:
        return
    out = memoryview(_git(root, "cat-file", "--batch", sent="".join(f"{blob}\n" for blob in blobs).encode()))
    at = 0
    for _ in blobs:
        end = bytes(out[at : at + 200]).index(b"\n") + at
        size = int(bytes(out[at:end]).split()[2])
        yield bytes(out[end + 1 : end + 1 + size])
        at = end + size + 2


def _git(root: Path, *arguments: str, sent: bytes = b"") -> bytes:
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(root), *arguments],
            input=sent,
            capture_output=True,
            check=False,
        )
    except OSError as error:
        raise GateError(
            f"cannot run git: {error.strerror}; install it, or name reports with --reports DIR", 3
        ) from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
        raise GateError(said or f"git {arguments[0]} failed", 3)
    return done.stdout
