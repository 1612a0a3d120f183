"""Owner: the user that a server runs as, and what that user can reach."""

import os
import pwd
import stat
import subprocess
from collections.abc import Sequence
from pathlib import Path

import msgspec

from ..errors import WorkflowError

# PostgreSQL refuses to run as root. An existing user, since adding one would change the machine.
_UNPRIVILEGED = "nobody"


class Unreachable(WorkflowError):
    """A file or a folder that the user a server runs as cannot use."""


class Owner(msgspec.Struct, frozen=True):
    """Whom a server runs as; without an id, as this process does."""

    uid: int | None = None
    gid: int | None = None

    @property
    def extra_groups(self) -> list[int] | None:
        """Return the other groups it keeps, as `subprocess` takes them: none of root's."""
        return None if self.uid is None else []

    def run(self, command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
        """Run *command* as this user, away from the folder and the PG* variables we are in."""
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            cwd="/",
            env=environment(),
            user=self.uid,
            group=self.gid,
            extra_groups=self.extra_groups,
        )

    def give(self, path: Path) -> None:
        """Make *path* this user's."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def reaches(self, path: Path) -> bool:
        """Tell whether this user can enter the folder, or run the program, at *path*."""
        if self.uid is None:
            return os.access(path, os.X_OK)
        return self.run(["test", "-x", path]).returncode == 0

    def check_reaches(self, path: Path) -> None:
        """Check that this user can enter the folder, or run the program, at *path*.

        Raises:
            Unreachable: it cannot; the message names the outermost folder that keeps it out.
        """
        if self.reaches(path):
            return
        closed = next((part for part in reversed(path.parents) if not self.reaches(part)), path)
        raise Unreachable(
            f"user {self} cannot reach {path}: {closed} is {_describe(closed)}; PostgreSQL does not run as "
            "root, so use what every user can reach, or name your own server in MESSENGER_POSTGRES_URL"
        )

    def __str__(self) -> str:
        uid = os.geteuid() if self.uid is None else self.uid
        try:
            return f"{pwd.getpwuid(uid).pw_name} (uid {uid})"
        except KeyError:
            return f"with uid {uid}"


def choose_owner(folder: Path) -> Owner:
    """Return whom the server of *folder* runs as: this user; for root, whose the folder is, or nobody."""
    if os.geteuid() != 0:
        return Owner()
    if folder.exists() and (status := folder.stat()).st_uid != 0:
        return Owner(status.st_uid, status.st_gid)
    try:
        entry = pwd.getpwnam(_UNPRIVILEGED)
    except KeyError:
        raise Unreachable(
            f"PostgreSQL does not run as root, and there is no user {_UNPRIVILEGED!r} to run it as; "
            f"give {folder} to a user that exists: chown USER {folder}"
        ) from None
    return Owner(entry.pw_uid, entry.pw_gid)


def make_folder(folder: Path, owner: Owner) -> None:
    """Make *folder* where it is missing; nothing above it is opened to anybody.

    Raises:
        Unreachable: it cannot be made, or in a place where *owner* cannot go.
    """
    owner.check_reaches(next(part for part in folder.parents if part.exists()))
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        os.listdir(folder)
    except OSError as error:
        raise Unreachable(f"cannot use {folder} for a database: {error}; choose another folder") from None


def claim_folder(folder: Path, owner: Owner) -> None:
    """See to it that *folder* is the owner's, which root may make it while it is empty, and within reach.

    Raises:
        Unreachable: it is somebody else's, or in a place where the owner cannot go.
    """
    if folder.stat().st_uid != (os.geteuid() if owner.uid is None else owner.uid):
        filled = " and not empty" if any(folder.iterdir()) else ""
        if os.geteuid() != 0 or filled:
            raise Unreachable(
                f"{folder} is {_describe(folder)}{filled}, and PostgreSQL runs as user {owner}; "
                "choose an empty or a new folder, or make it theirs with chown -R"
            )
        owner.give(folder)
    owner.check_reaches(folder)


def environment() -> dict[str, str]:
    """Return our environment without what would change a server: PGDATA, PGPORT, the language of its log."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
    return kept | {"LC_ALL": "C"}


def _describe(path: Path) -> str:
    try:
        status = path.stat()
    except OSError as error:
        return f"unreadable ({error.strerror})"
    try:
        name = pwd.getpwuid(status.st_uid).pw_name
    except KeyError:
        name = str(status.st_uid)
    return f"{name}'s, {stat.filemode(status.st_mode)}"
