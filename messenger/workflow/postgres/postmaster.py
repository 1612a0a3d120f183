"""Postmaster: the process that a data folder is served by, as its `postmaster.pid` tells.

Source: PostgreSQL, src/include/utils/pidfile.h.
"""

import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import msgspec

# Lines of the file, from 0; the server writes them one after the other while it starts.
_PID, _PORT, _SOCKET_FOLDER, _STATUS = 0, 3, 4, 7


class Postmaster(msgspec.Struct, frozen=True):
    """A server that runs, and where it listens; *status* is starting, ready, stopping or standby."""

    pid: int
    port: int
    socket_folder: str
    status: str


def find_postmaster(data: Path) -> Postmaster | None:
    """Return who serves *data*, if anybody does and has come so far as to tell where."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return None
    if len(lines) <= _STATUS or not _serves(int(lines[_PID]), data):
        return None
    return Postmaster(
        int(lines[_PID]), int(lines[_PORT]), lines[_SOCKET_FOLDER].strip(), lines[_STATUS].strip()
    )


def wait_for_end(pid: int, seconds: float) -> bool:
    """Wait until process *pid*, which need not be our child, has ended; tell whether it has."""
    if sys.platform != "linux":
        return False
    with suppress(ProcessLookupError), _watched(pid) as descriptor:
        return _is_readable(descriptor, seconds)
    return True


def crash(pid: int | None, data: Path) -> None:
    """Kill all that serves *data* at once, and return when it has ended.

    pid: the postmaster, our child; without it, what a postmaster that died has left: a backend that
    computes does not look whether its server still lives.
    """
    if sys.platform != "linux":
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
        return
    if pid is not None:  # stopped first, so that it starts no more
        os.kill(pid, signal.SIGSTOP)
        os.waitid(os.P_PID, pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    with ExitStack() as stack:
        descriptors = []
        for path in Path("/proc").glob("[0-9]*"):
            if not _is_postgres_of(path, data):
                continue
            with suppress(ProcessLookupError):
                descriptor = stack.enter_context(_watched(int(path.name)))
                if _is_postgres_of(path, data):  # still: the id may have become another's before we held it
                    signal.pidfd_send_signal(descriptor, signal.SIGKILL)
                    descriptors.append(descriptor)
        for descriptor in descriptors:
            _is_readable(descriptor, None)


@contextmanager
def _watched(pid: int) -> Iterator[int]:
    """Open what becomes readable when process *pid* has ended."""
    descriptor = os.pidfd_open(pid)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _is_readable(descriptor: int, seconds: float | None) -> bool:
    poll = select.poll()  # select() takes no descriptor past 1023
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(None if seconds is None else seconds * 1000))


def _serves(pid: int, data: Path) -> bool:
    """Tell whether *pid* lives and is a server of *data*: after a crash the id may be anybody's."""
    if sys.platform != "linux":
        try:
            os.kill(pid, 0)
        except (ProcessLookupError, PermissionError):
            return False
        return True
    return _is_postgres_of(Path(f"/proc/{pid}"), data)


def _is_postgres_of(process: Path, data: Path) -> bool:
    """Tell whether *process*, a folder in /proc, is a PostgreSQL that works in *data*, and no shell."""
    try:
        name = (process / "comm").read_text().strip()
        return name == "postgres" and (process / "cwd").readlink() == data.resolve()
    except OSError:  # it has ended, or is somebody else's
        return False
