"""Data folder of a server: initialised, copied from a template, or found as it was left."""

import os
import shutil
from pathlib import Path

from ..errors import WorkflowError
from .owner import Owner
from .programs import Programs, find_programs

SUPERUSER = "postgres"


class NotInitialised(WorkflowError):
    """A data folder that could not be made."""


def prepare_data(data: Path, owner: Owner, *, template: Path | None = None, durable: bool = True) -> Programs:
    """Make *data* where it is missing, and return the programs that can serve it.

    template: the data folder of a server that has stopped, to copy. durable: survives a power cut from
    the moment this returns; without it, only what is written afterwards does.

    Raises:
        NotInitialised: it could not be made.
        ProgramsMissing: no PostgreSQL, or none of the version that wrote it, is installed.
    """
    if (data / "PG_VERSION").exists():
        return find_programs(owner, version=_version_of(data))
    programs = find_programs(owner, version=None if template is None else _version_of(template))
    # Made beside it and renamed, so that what dies in the middle leaves no half of a data folder.
    unfinished = data.with_name(f"{data.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    if template is None:
        _initialise(unfinished, owner, programs)
    else:
        _copy(template, unfinished, owner)
    if durable:
        _must(owner, [programs.folder / "initdb", "--sync-only", "-D", unfinished])
    unfinished.rename(data)
    if durable:
        _sync_folder(data.parent)
    return programs


def _version_of(data: Path) -> int:
    try:
        return int((data / "PG_VERSION").read_text())
    except (OSError, ValueError) as error:
        raise NotInitialised(f"{data} is not the data folder of a PostgreSQL server: {error}") from None


def _initialise(data: Path, owner: Owner, programs: Programs) -> None:
    _must(
        owner,
        [
            programs.folder / "initdb",
            *("-D", data),
            f"--username={SUPERUSER}",
            "--encoding=UTF8",
            "--locale=C",  # the same order and the same log on every machine
            "--auth-local=trust",  # the socket's permissions decide who comes in
            "--auth-host=scram-sha-256",
            "--no-sync",  # once, in the end, or never
            "--no-instructions",
        ],
    )


def _copy(template: Path, data: Path, owner: Owner) -> None:
    try:
        shutil.copytree(template, data, symlinks=True, copy_function=shutil.copy)
        for folder, _, names in os.walk(data):
            for path in (folder, *(os.path.join(folder, name) for name in names)):
                owner.give(Path(path))
    except OSError as error:  # shutil.Error, too
        raise NotInitialised(f"cannot copy the template {template} to {data}: {error}") from error


def _must(owner: Owner, command: list[str | Path]) -> None:
    done = owner.run(command)
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise NotInitialised(f"{command[0]} ended with exit code {done.returncode}, and said:\n{said}")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
