"""Journal: what a node writes down before it answers, and reads again after it was killed."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

_encode_lines = msgspec.json.Encoder().encode_lines


class Journal:
    """The records of one node: a line of JSON each, in a file of its own.

    What `write` has returned from survives `kill -9`, and a power cut if the disk does as it says.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1
        self._size_bytes = 0

    def read(self) -> list[Any]:
        """Return all records, oldest first, without the one that was being written when the node was killed.

        Raises:
            OSError: the file cannot be read.
            ValueError: it is no journal.
        """
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return []
        whole = content.rfind(b"\n") + 1
        try:
            records = msgspec.json.Decoder().decode_lines(content[:whole])
        except msgspec.DecodeError as error:
            raise ValueError(f"{self._path} is no journal of a node: {error}; move it away") from error
        self._open()
        os.ftruncate(self._fd, whole)
        self._size_bytes = whole
        return records

    def write(self, *records: Any) -> None:
        """Add *records*, and return when they are on the disk; all of them or none.

        Raises:
            OSError: the disk is full, or gone: nothing has been written.
            TypeError: one has no JSON form.
        """
        lines = _encode_lines(records)
        self._open()
        rest = memoryview(lines)
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
            os.fsync(self._fd)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._fd, self._size_bytes)
            raise
        self._size_bytes += len(lines)

    def _open(self) -> None:
        """Open the file for writing, unless it is open."""
        if self._fd >= 0:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
        self._fd = os.open(self._path, flags, 0o600)
        self._size_bytes = os.fstat(self._fd).st_size
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)  # where its name is written
        finally:
            os.close(folder)


def open_journal(folder: str, node_id: str) -> Journal:
    """Return the journal in *folder* of the node that calls itself *node_id*, whatever that may hold."""
    name = "".join(
        letter if letter.isalnum() or letter in "-_" else f"%{ord(letter):x}" for letter in node_id
    )
    return Journal(Path(folder) / f"{name}.journal")


class NoJournal:
    """The journal of a node that keeps nothing: what it knows goes with its process, which it says once."""

    def __init__(self, complain: Callable[[str], object]) -> None:
        self._complain = complain
        self._said = False

    def read(self) -> list[Any]:
        """Return nothing."""
        return []

    def write(self, *records: Any) -> None:
        """Write nothing."""
        if not self._said:
            self._said = True
            self._complain(
                "the journal is kept nowhere, and forgotten with this process; "
                "set node.state_folder, or MESSENGER_STATE for a workload"
            )
