"""Edge: standard input and output."""

import os
import select
import sys
from collections.abc import Callable
from contextlib import suppress
from fcntl import F_DUPFD_CLOEXEC, fcntl
from time import monotonic
from types import TracebackType
from typing import Protocol, Self

from .lines import LineBuffer
from .node import Node
from .signals import EndOnSignal

_READ_BYTES = 1 << 16


def serve(node: Node) -> None:
    """Run *node* on stdin and stdout until the input ends: one read, at most one write a batch.

    A reader of stdout that stalls stops the reading of stdin: nothing piles up here.

    Raises:
        SystemExit: stdin cannot be read, or the reader of stdout has gone (1).
    """
    buffer = LineBuffer(node.limits.max_line_bytes)
    with StandardStreams(node.limits.drain_seconds) as streams:
        node.stop = streams.stop
        while chunk := streams.read():
            exchange(node, streams, buffer.feed(chunk))
            if buffer.dropped:
                report_dropped(node, buffer)
        exchange(node, streams, buffer.end())


class Writer(Protocol):
    """Whatever takes what a node has to say."""

    def write(self, output: bytes) -> None:
        """Take all of *output*, which is whole lines."""


def exchange(node: Node, streams: Writer, lines: bytes) -> None:
    """Let *node* handle *lines*, and write what it answers."""
    if lines:
        deliver(node, streams, node.receive(lines))


def deliver(node: Node, streams: Writer, output: bytes) -> None:
    """Write *output*, then what *node* has to say once that is written."""
    if output:
        streams.write(output)
    while output := node.flushed():
        streams.write(output)


def report_dropped(node: Node, buffer: LineBuffer) -> None:
    """Complain about lines over the limit."""
    while buffer.dropped:
        buffer.dropped -= 1
        node.complaints.warning(f"dropped a line of more than {buffer.limit_bytes} bytes")


class StandardStreams:
    """Standard input and output; a context manager, because it borrows them and the process's signals.

    SIGTERM and SIGINT end the input: what the pipe holds by then is read, for half of
    *drain_seconds* at most.
    Handlers and the commands they run see an empty stdin meanwhile, and what they print goes to
    stderr: one line taken from the one or added to the other breaks the protocol for good.
    """

    def __init__(self, drain_seconds: float) -> None:
        self._tell: Callable[[], None] = lambda: None
        self._read_until: float | None = None  # until the input is to end
        self._drain_seconds = drain_seconds
        self._signals = EndOnSignal(self.end_input, drain_seconds)

    def __enter__(self) -> Self:
        self.input_fd, self._output_fd = _moved(0, "stdin"), _moved(1, "stdout")
        self._were_blocking = {fd: os.get_blocking(fd) for fd in (self.input_fd, self._output_fd)}
        for fd in self._were_blocking:
            os.set_blocking(fd, True)
        with open(os.devnull, "r+b") as nothing:
            os.dup2(nothing.fileno(), 0)
            os.dup2(2 if _is_open(2) else nothing.fileno(), 1)
        self._stdout, sys.stdout = sys.stdout, sys.stderr
        self._signals.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._signals.__exit__(kind, error, at)
        sys.stdout = self._stdout
        for original, (fd, blocking) in enumerate(self._were_blocking.items()):
            os.set_blocking(fd, blocking)
            os.dup2(fd, original)
            os.close(fd)

    def on_signal(self, tell: Callable[[], None]) -> None:
        """Call *tell*, in any thread, when a signal has ended the input; at once if one has already."""
        self._tell = tell
        if self._read_until is not None:
            tell()

    def read(self) -> bytes:
        """Return what there is, at most 64 KiB, waiting for it if need be; b"" when the input has ended."""
        while self._read_until is None or monotonic() <= self._read_until:
            try:
                return os.read(self.input_fd, _READ_BYTES)
            except BlockingIOError:
                if self._read_until is not None:  # the pipe is empty
                    return b""
                # Someone who shares it made it non-blocking.  A signal does not end a select.
                select.select([self.input_fd], [], [], 0.1)
            except OSError as error:
                sys.exit(f"messenger: cannot read stdin: {error.strerror}")
        return b""

    def write(self, output: bytes) -> None:
        """Write all of *output*, however long its reader takes.

        Raises:
            SystemExit: the reader has gone, or the disk is full (1).
        """
        rest: bytes | memoryview = output
        while rest:
            try:
                written = os.write(self._output_fd, rest)
                if written == len(rest):
                    return
                rest = memoryview(rest)[written:]
            except BlockingIOError:  # stdin and stdout may be one terminal, no longer blocking after a signal
                select.select([], [self._output_fd], [])
            except BrokenPipeError:
                sys.exit("messenger: the reader of stdout has gone; replies may be lost")
            except OSError as error:
                sys.exit(f"messenger: cannot write stdout: {error.strerror}; replies may be lost")

    def stop(self) -> None:
        """Do as SIGTERM does, in any thread: one that waits in `read` is woken."""
        if not self._signals.imitate():
            self.end_input()

    def end_input(self) -> None:
        """End the input: what the pipe holds by now is read, and no more; in any thread."""
        # Half the time for reading what was sent, the other half for answering it.
        self._read_until = monotonic() + self._drain_seconds / 2
        os.set_blocking(self.input_fd, False)
        self._tell()


def _moved(fd: int, name: str) -> int:
    """Give what *fd* refers to another number, above those of the standard streams."""
    try:
        return fcntl(fd, F_DUPFD_CLOEXEC, 3)
    except OSError as error:
        sys.exit(f"messenger: cannot use {name}: {error.strerror}")


def _is_open(fd: int) -> bool:
    with suppress(OSError):
        os.fstat(fd)
        return True
    return False
