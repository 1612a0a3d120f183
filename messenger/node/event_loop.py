"""Edge: standard input and output on an asyncio event loop, for handlers that wait."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from .lines import LineBuffer
from .node import Node
from .stdio import StandardStreams, deliver, exchange, report_dropped

try:
    from .eager_loop import EagerLoop
except ImportError:  # no epoll here
    EagerLoop = asyncio.SelectorEventLoop  # type: ignore[misc, assignment]


def serve(node: Node) -> None:
    """Run *node* on stdin and stdout until the input has ended and every handler has answered.

    A reader of stdout that stalls stops the whole loop, and so the reading of stdin; so do
    `max_in_flight` requests whose handlers wait, until half of them are answered.

    Raises:
        SystemExit: stdin cannot be read, or the reader of stdout has gone (1).
    """
    with (
        StandardStreams(node.limits.drain_seconds) as streams,
        asyncio.Runner(loop_factory=EagerLoop) as runner,
    ):
        runner.run(_Session(node, streams).run())


class _Session:
    def __init__(self, node: Node, streams: StandardStreams) -> None:
        self._node = node
        self._streams = streams
        self._buffer = LineBuffer(node.limits.max_line_bytes)
        self._input_ended = False
        self._reading = False
        self._selectable = True
        self._flush_due = False

    async def run(self) -> None:
        self._loop = asyncio.get_running_loop()
        if hasattr(self._loop, "read_eagerly"):
            self._loop.read_eagerly(self._streams.input_fd, self._guarded(self._read))
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._node.wake = self._flush_soon
        self._node.stop = self._streams.end_input  # which wakes the loop
        self._start_reading()
        self._streams.on_signal(self._drain_soon)
        await self._ended

    def _start_reading(self) -> None:
        self._reading = True
        if self._selectable:
            try:
                self._loop.add_reader(self._streams.input_fd, self._guarded(self._read))
                return
            except OSError:  # epoll takes no files: they are always ready
                self._selectable = False
        self._loop.call_soon(self._guarded(self._read))

    def _stop_reading(self) -> None:
        self._reading = False
        if self._selectable:
            self._loop.remove_reader(self._streams.input_fd)

    def _drain_soon(self) -> None:
        with suppress(RuntimeError):  # the loop has closed: everything is answered
            self._loop.call_soon_threadsafe(self._guarded(self._drain))

    def _drain(self) -> None:
        """After a signal: read what there is without being told that there is something."""
        reading = self._reading
        self._stop_reading()
        self._selectable = False
        if reading:
            self._start_reading()

    def _read(self) -> None:
        if not self._reading:
            return
        if chunk := self._streams.read():
            exchange(self._node, self._streams, self._buffer.feed(chunk))
            report_dropped(self._node, self._buffer)
        else:
            self._input_ended = True
            exchange(self._node, self._streams, self._buffer.end())
        if self._node.full() or self._input_ended:
            self._stop_reading()
        elif not self._selectable:
            self._loop.call_soon(self._guarded(self._read))
        self._end_when_done()

    def _flush_soon(self) -> None:
        if not self._flush_due:
            self._flush_due = True
            self._loop.call_soon(self._guarded(self._flush))

    def _flush(self) -> None:
        self._flush_due = False
        deliver(self._node, self._streams, self._node.finished())
        full = self._node.full()
        if not (self._reading or self._input_ended or full):
            self._start_reading()
        self._end_when_done()

    def _end_when_done(self) -> None:
        if self._input_ended and not self._node.in_flight and not self._flush_due and not self._ended.done():
            self._ended.set_result(None)

    def _guarded(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Let what *callback* raises end the session: an event loop would only log it."""

        def call() -> None:
            try:
                callback()
            except BaseException as error:
                if not self._ended.done():
                    self._ended.set_exception(error)

        return call
