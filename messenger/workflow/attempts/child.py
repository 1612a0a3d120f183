"""Child: a process that answers requests through its pipes, seen from the event loop that started it."""

import asyncio
import os
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, cast

from .attempt import HandlerDied

Split = Callable[[bytearray], Iterator[bytes]]
"""Takes the complete messages out of what has come."""

_MOST_STDERR_LINES = 20
_MOST_STDERR_BYTES = 4096
_MOST_MESSAGES = 1000  # that nobody has asked for; past them its pipe fills, and it waits


class Child(asyncio.SubprocessProtocol):
    """A process that gets one request at a time, and writes messages that *split* finds in its stdout.

    It leads a process group, so that killing it takes along what it has started, and Ctrl-C in the worker's
    terminal does not reach it. Its stderr, if it is piped, is read as it comes: *on_stderr* gets it, and
    `last_lines` keeps the end of it.
    """

    def __init__(self, split: Split, on_stderr: Callable[[bytes], None]) -> None:
        self._split = split
        self._on_stderr = on_stderr
        self._received = bytearray()
        self._messages: deque[bytes] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._failure: Exception | None = None
        self._stderr: deque[bytes] = deque([b""], maxlen=_MOST_STDERR_LINES + 1)
        self._open_pipes = {1}  # with stderr, once it is known to be piped
        self._exited = False
        self._transport: asyncio.SubprocessTransport
        self._input: asyncio.WriteTransport
        self._output: asyncio.ReadTransport
        self.ended = asyncio.get_running_loop().create_future()

    @property
    def pid(self) -> int:
        """Its process id, which is its group's as well."""
        return self._transport.get_pid()

    @property
    def idle(self) -> bool:
        """Whether it lives, and has said nothing that nobody has asked for."""
        silent = not (self._messages or self._received or self._failure)
        return silent and not (self._exited or self.ended.done())

    @property
    def last_lines(self) -> str:
        """What it wrote to stderr last."""
        return b"\n".join(self._stderr).decode(errors="replace").strip()

    def send(self, request: bytes) -> None:
        """Write *request*; that it has ended is told by `receive`."""
        self._input.write(request)

    async def receive(self) -> bytes:
        """Return its next message.

        Raises:
            HandlerDied: it has ended; says how.
            Exception: what *split* raised about its output.
        """
        while not self._messages:
            if self._failure is not None:
                raise self._failure
            if self.ended.done():
                raise HandlerDied(self._told())
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        message = self._messages.popleft()
        if not self._messages:
            self._output.resume_reading()
        return message

    def kill(self) -> None:
        """End it, and all that it has started, at once; `ended` is set soon."""
        if self.ended.done():
            return
        self._kill_group()
        # Somebody who has left the group may hold the other ends.
        for fd in (0, *self._open_pipes):
            if (pipe := self._transport.get_pipe_transport(fd)) is not None:
                pipe.close()

    async def close(self, seconds: float) -> None:
        """Close its stdin, for it to end, and kill it unless it does within *seconds*."""
        self._input.close()
        try:
            await asyncio.wait_for(asyncio.shield(self.ended), seconds)
        except TimeoutError:
            self.kill()
            await self.ended

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the pipes; called by asyncio, as what follows."""
        self._transport = cast(asyncio.SubprocessTransport, transport)
        self._input = cast(asyncio.WriteTransport, self._transport.get_pipe_transport(0))
        self._output = cast(asyncio.ReadTransport, self._transport.get_pipe_transport(1))
        if self._transport.get_pipe_transport(2) is not None:
            self._open_pipes.add(2)

    def pipe_data_received(self, fd: int, data: bytes | str) -> None:
        """Take what was written to stdout or stderr."""
        data = cast(bytes, data)
        if fd == 2:
            self._keep(data)
            self._on_stderr(data)
            return
        if self._failure is not None:
            return  # what comes after something that is no message is none either
        self._received += data
        try:
            self._messages.extend(self._split(self._received))
        except Exception as failure:
            self._failure = failure
        if len(self._messages) > _MOST_MESSAGES:
            self._output.pause_reading()
        if self._messages or self._failure:
            self._wake()

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        """Note that stdout or stderr is at its end."""
        self._open_pipes.discard(fd)
        self._end()

    def process_exited(self) -> None:
        """Note that it is gone, and end what it left behind, which may hold its pipes."""
        self._exited = True
        self._kill_group()
        self._end()

    def _end(self) -> None:
        # Not before its pipes are read to the end: a last result, or why it died, may be in them.
        if self._exited and not self._open_pipes and not self.ended.done():
            self.ended.set_result(None)
            self._transport.close()
            self._wake()

    def _kill_group(self) -> None:
        with suppress(
            ProcessLookupError, PermissionError
        ):  # it is empty, or what is in it is not ours any more
            os.killpg(self.pid, signal.SIGKILL)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _keep(self, data: bytes) -> None:
        first, *others = data.split(b"\n")
        for line in [self._stderr.pop() + first, *others]:
            self._stderr.append(line[:_MOST_STDERR_BYTES])

    def _told(self) -> str:
        how = exit_described(self._transport.get_returncode())
        return f"{how}, and last wrote to stderr:\n{self.last_lines}" if self.last_lines else how


async def start_child(
    command: Sequence[str | os.PathLike[str]],
    split: Split,
    on_stderr: Callable[[bytes], None] | None = None,
    **options: Any,
) -> Child:
    """Start *command*; without *on_stderr* its stderr is ours. *options* are `subprocess.Popen`'s.

    Raises:
        HandlerDied: it cannot be started.
    """
    loop = asyncio.get_running_loop()
    try:
        _, child = await loop.subprocess_exec(
            lambda: Child(split, on_stderr or _ignore),
            *command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if on_stderr is None else subprocess.PIPE,
            start_new_session=True,
            **options,
        )
    except OSError as error:
        raise HandlerDied(f"it cannot be started: {error}") from error
    return child


def exit_described(code: int | None) -> str:
    """Return how a process ended, from its exit code as `subprocess` has it.

    >>> exit_described(3), exit_described(-9)
    ('it ended with exit code 3', 'it was killed by SIGKILL, as for using too much memory')
    """
    if code is None or code >= 0:
        return f"it ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"it was killed by {name}" + (", as for using too much memory" if code == -signal.SIGKILL else "")


def _ignore(data: bytes) -> None: ...
