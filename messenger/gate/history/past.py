"""Past: every version of the baselines that git remembers."""

import os
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

import msgspec

from ..baseline import Baseline, UnreadableBaseline, parse_baseline
from ..error import GateError
from .course import Snapshot, fingerprint_of
from .trends import Anchor

_TAGS_MOST = 20  # each is a process; an environment that so many releases lack is a new one
_OF_A_HOOK = ("GIT_DIR", "GIT_WORK_TREE", "GIT_PREFIX", "GIT_INDEX_FILE")
_COULD_NOT_TELL = 3


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """The snapshots, oldest first, and how many versions of files are none, the first of them described."""

    snapshots: tuple[Snapshot, ...] = ()
    versions: int = 0
    unreadable: int = 0
    deleted: int = 0
    complaint: str = ""


class _Change(msgspec.Struct, frozen=True):
    commit: str
    date: str
    files: tuple[tuple[str, str | None], ...]  # path below the folder of baselines, blob or None: deleted


class Repository:
    """The repository around a folder of baselines; each blob is read once."""

    def __init__(self, folder: Path) -> None:
        """Find it.

        Raises:
            GateError: there is no git, no repository, or only the end of its history.
        """
        self._folder = folder.resolve()  # git does not follow links
        self._here = next(parent for parent in (self._folder, *self._folder.parents) if parent.is_dir())
        self._blobs: dict[str, Baseline | str] = {}
        output = self._git("rev-parse", "--is-shallow-repository", "--show-prefix")
        known = output.decode(errors="surrogateescape").split("\n")
        if known[0] == "true":
            raise GateError(
                "this clone is shallow, so its history is cut off; "
                "fetch the rest with: git fetch --unshallow --tags",
                _COULD_NOT_TELL,
            )
        self._head = self._commit("HEAD")  # none before the first commit
        below = self._folder.relative_to(self._here).as_posix()
        self._prefix = str(PurePosixPath(known[1]) / below).removeprefix("./").rstrip("/")

    def read_past(self) -> Past:
        """Read all versions of the baselines in the history of HEAD; none while nothing is committed."""
        if not self._head:
            return Past()
        changes = self._changes()
        self._load(blob for change in changes for _, blob in change.files if blob)
        standing: dict[str, Baseline] = {}
        snapshots = []
        complaints, deleted = [], 0
        for change in changes:
            removed = []
            for path, blob in change.files:
                if blob is None:
                    removed.append(standing.pop(path, None))
                elif isinstance(found := self._blobs[blob], Baseline):
                    standing[path] = found
                else:
                    complaints.append(f"{path} in {change.commit[:12]}: {found}")
            kept = set(map(_subject, standing.values()))
            # A file that stands elsewhere now was moved with its folder.
            deleted += sum(one is None or _subject(one) not in kept for one in removed)
            snapshots.append(Snapshot(change.commit, change.date, tuple(standing.values())))
        return Past(
            snapshots=tuple(snapshots),
            versions=sum(len(change.files) for change in changes),
            unreadable=len(complaints),
            deleted=deleted,
            complaint=complaints[0] if complaints else "",
        )

    def read_anchors(self, ref: str, wanted: Iterable[str]) -> dict[str, Anchor]:
        """Read the baselines at *ref*, or, for "", at the latest releases, by the *wanted* environments.

        A release is a tag that HEAD descends from, and has baselines of that environment. A tag at HEAD is
        left out: a release is held against the one before.

        Raises:
            GateError: *ref* names no commit.
        """
        missing = set(wanted)
        if ref and not self._commit(ref):
            raise GateError(
                f"there is no commit called {ref} here, which --anchor or `anchor` of [tool.messenger.gate] "
                "names; see git tag, or fetch it with: git fetch --tags"
            )
        found: dict[str, Anchor] = {}
        for label in [ref] if ref else self._tags():
            if not missing:
                break
            for baseline in self._baselines_at(label if ref else f"refs/tags/{label}"):
                environment = fingerprint_of(baseline.environment.slug)
                if environment in missing:
                    anchor = found.setdefault(environment, Anchor(label, {}))
                    anchor.rows.update((row.name, row) for row in baseline.benchmarks)
            missing -= found.keys()
        return found

    def _changes(self) -> list[_Change]:
        # The first parent only: what stood on this branch, one state after the other. The commits of a merged
        # branch lie beside those, so in the order of their dates a benchmark would jump from one branch's
        # value to the other's and back. What a branch brought stands in its merge, which -m compares with
        # the branch it was merged into. Renames are found by what a file says, not by how alike two are.
        output = self._git(
            *("-c", "log.showSignature=false", "log", "--first-parent", "-m", "--reverse", "--no-renames"),
            *("--raw", "--no-abbrev", "-z", "--format=%x01%H %cI", "HEAD", "--", str(self._folder)),
        )
        changes = []
        # A path may hold \x01, but cannot begin with it below the folder.
        for text in f"\0{output.decode(errors='surrogateescape')}".split("\0\x01")[1:]:
            header, _, raw = text.partition("\0")
            commit, date = header.split()
            fields = raw.strip("\n\0").split("\0")
            entries = zip(fields[::2], fields[1::2], strict=False)
            files = tuple(file for entry, path in entries if (file := self._file(entry, path)))
            if files:
                changes.append(_Change(commit, date, files))
        return changes

    def _file(self, entry: str, path: str) -> tuple[str, str | None] | None:
        """Read `:100644 100644 OLD NEW M`; only regular files two below the folder are baselines."""
        old_mode, mode, _, blob, letter = entry.lstrip(":").split()
        if not self._is_baseline(path):
            return None
        if letter == "D":
            return (path, None) if old_mode.startswith("100") else None
        return (path, blob) if mode.startswith("100") else None

    def _is_baseline(self, path: str) -> bool:
        below = path.removeprefix(f"{self._prefix}/" if self._prefix != "." else "")
        return below.endswith(".json") and below.count("/") == 1

    def _tags(self) -> list[str]:
        arguments = ("--merged=HEAD", "--no-contains=HEAD", "--sort=-version:refname", "--sort=-creatordate")
        if not self._head:
            return []
        output = self._git("for-each-ref", *arguments, "--format=%(refname:lstrip=2)", "refs/tags")
        return output.decode(errors="surrogateescape").splitlines()[:_TAGS_MOST]

    def _baselines_at(self, ref: str) -> list[Baseline]:
        commit = self._commit(ref)
        below = [] if self._prefix == "." else [self._prefix]
        output = self._git("ls-tree", "-r", "-z", "--full-tree", commit, "--", *below)
        entries = [entry.partition("\t") for entry in output.decode(errors="surrogateescape").split("\0")]
        blobs = [
            entry.split()[2] for entry, _, path in entries if entry[:3] == "100" and self._is_baseline(path)
        ]
        self._load(blobs)
        return [found for blob in blobs if isinstance(found := self._blobs[blob], Baseline)]

    def _commit(self, ref: str) -> str:
        try:
            name = self._git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
        except GateError:
            return ""
        return name.decode().strip()

    def _load(self, blobs: Iterable[str]) -> None:
        """Read what is not yet known, all in one process."""
        wanted = list(dict.fromkeys(blob for blob in blobs if blob not in self._blobs))
        if not wanted:
            return
        output = self._git("cat-file", "--batch", content="".join(f"{blob}\n" for blob in wanted).encode())
        position = 0
        for blob in wanted:
            end = output.index(b"\n", position)
            header = output[position:end].split()
            position = end + 1
            if len(header) < 3:  # `BLOB missing`: not fetched, or lost
                self._blobs[blob] = "git has lost its content"
                continue
            size = int(header[2])
            self._blobs[blob] = _parsed(output[position : position + size])
            position += size + 1

    def _git(self, *arguments: str, content: bytes = b"") -> bytes:
        return _run(self._here, arguments, content)


def _subject(baseline: Baseline) -> tuple[str, str]:
    return baseline.environment.fingerprint, baseline.suite


def _parsed(content: bytes) -> Baseline | str:
    try:
        return parse_baseline(content, "it")
    except UnreadableBaseline as error:
        return str(error).partition(";")[0]


def _run(here: Path, arguments: Sequence[str], content: bytes) -> bytes:
    """Run git.

    Raises:
        GateError: there is none, or it complains.
    """
    # The repository is the one around the folder; a hook of git names its own, relative to where it runs.
    around = {key: value for key, value in os.environ.items() if key not in _OF_A_HOOK}
    # No optional locks: a gate must not collide with the commit somebody is typing.
    command = ["git", "--no-optional-locks", "--literal-pathspecs", "-C", str(here), *arguments]
    try:
        done = subprocess.run(command, input=content, env=around, capture_output=True, check=False)
    except OSError as error:
        raise GateError(
            f"cannot run git ({error.strerror}), which remembers what the benchmarks took; install it",
            _COULD_NOT_TELL,
        ) from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().removeprefix("fatal: ").partition("\n")[0]
        raise GateError(
            f"git does not tell the history of {here}: {said or f'exit status {done.returncode}'}; "
            "the trend of a benchmark is what the commits of its baselines say, so ask in a git clone",
            _COULD_NOT_TELL,
        )
    return done.stdout
