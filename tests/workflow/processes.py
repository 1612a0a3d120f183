"""What the kernel says of a server's processes, folders and sockets."""

import os
import select
from pathlib import Path

LISTENS = "0A"  # the state of a socket in /proc/net/tcp


def processes_in(folder):
    """The ids of all that work in *folder* or below: each process of a server works in its data folder."""
    return [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/cwd") if _is_below(path, folder)]


def wait_for_ends(pids):
    """Wait until each of *pids* has ended; they need not be our children."""
    for pid in pids:
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            assert select.select([descriptor], [], [], 30)[0], f"process {pid} has not ended"
        finally:
            os.close(descriptor)


def uids_of(pid):
    """Its real, effective, saved and file system user ids."""
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line[:4] == "Uid:"]
    return {int(uid) for uid in line.split()[1:]}


def addresses_of(pid):
    """The TCP addresses that *pid* listens on, in the kernel's hexadecimal: 0100007F is 127.0.0.1."""
    sockets = {os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir()}
    lines = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    return [
        tuple(line[1].split(":")) for line in lines if line[3] == LISTENS and f"socket:[{line[9]}]" in sockets
    ]


def _is_below(path, folder):
    try:
        return path.readlink().is_relative_to(folder)
    except OSError:  # it has ended, or is somebody else's
        return False
