"""Edge: standard input and output."""

import os
import select
import sys
from collections.abc import Callable
from time import monotonic
from types import TracebackType
from typing import Self

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
        while chunk := streams.read():
            exchange(node, streams, buffer.feed(chunk))
            report_dropped(node, buffer)
        exchange(node, streams, buffer.end())


def exchange(node: Node, streams: "StandardStreams", lines: bytes) -> None:
    """Let *node* handle *lines*, and write what it answers."""
    if lines:
        deliver(node, streams, node.receive(lines))


def deliver(node: Node, streams: "StandardStreams", output: bytes) -> None:
    """Write *output*, then what *node* has to say once that is written."""
    while True:
        if output:
            streams.write(output)
        output = node.flushed()
        if not output:
            return


def report_dropped(node: Node, buffer: LineBuffer) -> None:
    """Complain about lines over the limit."""
    while buffer.dropped:
        buffer.dropped -= 1
        node.complaints.warning(f"dropped a line of more than {buffer.limit_bytes} bytes")


class StandardStreams:
    """File descriptors 0 and 1; a context manager, because it borrows the process's signals and `sys.stdout`.

    SIGTERM and SIGINT end the input: what the pipe holds by then is read, and no more.
    `print` goes to stderr meanwhile: one stray line on stdout breaks the protocol for good.
    """

    def __init__(self, drain_seconds: float) -> None:
        self.on_signal: Callable[[], None] = lambda: None
        """Called in another thread when a signal has ended the input."""
        self._read_until = float("inf")
        self._drain_seconds = drain_seconds
        self._signals = EndOnSignal(self._end_input, drain_seconds)

    def __enter__(self) -> Self:
        self._stdout, sys.stdout = sys.stdout, sys.stderr
        self._were_blocking = {fd: os.get_blocking(fd) for fd in (0, 1)}
        for fd in self._were_blocking:
            os.set_blocking(fd, True)
        self._signals.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._signals.__exit__(kind, error, at)
        for fd, blocking in self._were_blocking.items():
            os.set_blocking(fd, blocking)
        sys.stdout = self._stdout
        if isinstance(error, BrokenPipeError):
            sys.exit("messenger: the reader of stdout has gone; replies may be lost")

    def read(self) -> bytes:
        """Return what there is, at most 64 KiB, waiting for it if need be; b"" when the input has ended."""
        if monotonic() > self._read_until:
            return b""
        try:
            return os.read(0, _READ_BYTES)
        except BlockingIOError:  # only ever after a signal: the pipe is empty
            return b""
        except OSError as error:
            sys.exit(f"messenger: cannot read stdin: {error.strerror}")

    def write(self, output: bytes) -> None:
        """Write all of *output*, however long its reader takes.

        Raises:
            BrokenPipeError: the reader has gone.
        """
        rest = memoryview(output)
        while rest:
            try:
                rest = rest[os.write(1, rest) :]
            except BlockingIOError:  # stdin and stdout may be one terminal, no longer blocking after a signal
                select.select([], [1], [])

    def _end_input(self) -> None:
        # Half the time for reading what was sent, the other half for answering it.
        self._read_until = monotonic() + self._drain_seconds / 2
        os.set_blocking(0, False)
        self.on_signal()
