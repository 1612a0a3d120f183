"""Nodes as operating system processes."""

import asyncio
import os
import signal
import subprocess
from asyncio import StreamReader, StreamWriter
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import cast

from .network import Envelope
from .wire import line_of, quote

LINE_BYTES_MAX = 32 * 1024 * 1024
"""A longer line counts as none."""

UNREAD_BYTES_MAX = 64 * 1024 * 1024
"""A node that leaves more than this unread on stdin is given up."""

STATE = "MESSENGER_STATE"
"""The environment variable that tells a node where it may keep files while the test lasts."""

_TAIL_BYTES = 1000
_EXIT_SECONDS = 5.0


class CannotStart(Exception):
    """The command of a node cannot be run."""


class NodeProcess:
    """One node: started, killed, paused and stopped together with all processes that it starts.

    *take_line* gets each line it writes, without the newline; *complain* gets what it may not do.
    Its stderr is added to the file *log*. In *state* it may keep what it has to know after a kill.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        take_line: Callable[[str, bytes], None],
        complain: Callable[[str], None],
        state: Path | None = None,
    ) -> None:
        self.name = name
        self._environment = os.environ if state is None else {**os.environ, STATE: str(state)}
        self._command = command
        self._log = log
        self._take_line = take_line
        self._complain = complain
        self._process: Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._leaving = False

    async def start(self) -> None:
        """Run the command.

        Raises:
            CannotStart: there is no such program, or it may not be run.
        """
        self._leaving = False
        try:
            with self._log.open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env=self._environment,
                    limit=LINE_BYTES_MAX,
                    start_new_session=True,  # so that a signal reaches its children, and Ctrl-C does not
                )
        except OSError as error:
            raise CannotStart(f"cannot run {self._command[0]}: {error.strerror}") from error
        self._reading = asyncio.create_task(self._read(self._process), name=f"stdout of {self.name}")

    def deliver(self, envelope: Envelope) -> None:
        """Write a message to stdin; one that comes too late is lost."""
        if self._process is None or self._leaving:
            return
        stdin = _stdin(self._process)
        if stdin.is_closing():
            return
        stdin.write(line_of(envelope))
        if stdin.transport.get_write_buffer_size() > UNREAD_BYTES_MAX:
            self._leaving = True
            self._complain(f"{self.name} does not read its stdin: more than {UNREAD_BYTES_MAX} bytes wait")

    async def kill(self) -> None:
        """End it at once, as a power cut would."""
        self._leaving = True
        self._signal(signal.SIGKILL)
        await self._gone()

    def pause(self) -> None:
        """Stop its clock."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after a pause."""
        self._signal(signal.SIGCONT)

    async def stop(self, grace_seconds: float) -> None:
        """Close its stdin; when that is not enough, terminate it, and at last kill it.

        It waits up to *grace_seconds* after each of the first two.
        """
        if self._process is None:
            return
        self._leaving = True
        self.resume()
        try:
            _stdin(self._process).close()
            if not await _within(grace_seconds, self._process.wait()):
                self._signal(signal.SIGTERM)
                await _within(grace_seconds, self._process.wait())
        finally:
            await self.kill()

    def _signal(self, number: int) -> None:
        # To the group, and even after the node itself is gone: it may have left children behind.
        if self._process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

    async def _gone(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        await process.wait()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        # Else its transport closes the pipe when it is collected, after the event loop has gone.
        _stdin(process).close()
        process._transport.close()  # type: ignore[attr-defined]

    async def _read(self, process: Process) -> None:
        stdout = _stdout(process)
        while True:
            try:
                line = await stdout.readuntil(b"\n")
            except asyncio.IncompleteReadError as error:
                await self._ended(process, error.partial)
                return
            except asyncio.LimitOverrunError:
                self._complain(f"{self.name} wrote a line of more than {LINE_BYTES_MAX} bytes")
                return
            # What it says after it was told to go is read all the same: else it might wait for that for ever.
            if not self._leaving:
                self._take_line(self.name, line[:-1])

    async def _ended(self, process: Process, partial: bytes) -> None:
        exited = await _within(_EXIT_SECONDS, process.wait())
        if self._leaving:
            return
        cut = f", in the middle of the line {quote(partial)}" if partial else ""
        if exited:
            self._complain(
                f"{self.name} exited by itself: {_status(process.returncode)}{cut}{self._last_words()}"
            )
        else:
            self._complain(f"{self.name} has closed its stdout, and still runs{cut}")

    def _last_words(self) -> str:
        with suppress(OSError):
            with self._log.open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - _TAIL_BYTES))
                text = log.read().decode(errors="backslashreplace").strip()
            return f"\nits stderr ends with:\n{text}" if text else ""
        return ""


def _status(returncode: int | None) -> str:
    if returncode is not None and returncode < 0:
        return f"signal {signal.Signals(-returncode).name}"
    return f"status {returncode}"


async def _within(seconds: float, waiting: Awaitable[object]) -> bool:
    try:
        await asyncio.wait_for(waiting, seconds)
    except TimeoutError:
        return False
    return True


def _stdin(process: Process) -> StreamWriter:
    return cast(StreamWriter, process.stdin)  # a pipe was asked for


def _stdout(process: Process) -> StreamReader:
    return cast(StreamReader, process.stdout)
