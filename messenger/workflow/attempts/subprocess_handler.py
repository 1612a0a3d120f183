"""Subprocess handler: a program in any language as a handler, through JSON lines on its stdin and stdout."""

import os
import sys
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from ..context import Context
from ..handlers import Handler
from ..outcome import PermanentError, RetryLater
from .attempt import HandlerDied
from .child import Child, start_child
from .children import Children
from .context_json import encode_context

_MOST_LINE_BYTES = 4 << 20
_MOST_PROCESSES = 256
_SHOWN_BYTES = 200


class BadLine(Exception):
    """A program wrote to stdout what is no answer; it was killed, and another is started when needed."""


class HandlerFailed(Exception):
    """A program answered that its attempt has failed, and may be attempted again."""


class _Answer(Struct):
    heartbeat: Any = UNSET
    result: Any = UNSET
    error: str | UnsetType = UNSET
    permanent: bool = False
    retry_seconds: Annotated[float, Meta(ge=0)] | None = None
    step_id: str | UnsetType = UNSET


_decode = msgspec.json.Decoder(_Answer).decode


class SubprocessHandler:
    """Makes attempts in processes of a program, see `subprocess_handler`; it belongs to one event loop."""

    runs_in: Literal["subprocess"] = "subprocess"

    def __init__(self, command: Sequence[str | os.PathLike[str]], processes: int, options: dict[str, Any]):
        self.command = tuple(os.fspath(part) for part in command)
        self.__name__ = os.path.basename(self.command[0])
        self._options = options
        self._processes = processes
        self._children: Children | None = None

    def __repr__(self) -> str:
        return f"subprocess_handler({list(self.command)!r})"

    async def __call__(self, context: Context) -> Any:
        """Make an attempt, as for a test of the program; `close` it before the loop ends."""
        return await self.call(Handler(self.__name__, self, self.runs_in), context, _ignore)

    async def call(self, handler: Handler, context: Context, began: Callable[[], None]) -> Any:
        """Make an attempt, and call *began* once there is a process for it; cancelled, the process is killed.

        Raises:
            PermanentError: the program says so, as do `RetryLater` and `HandlerFailed`.
            BadLine: it wrote something else.
            HandlerDied: it could not be started, or ended; with what it wrote to stderr last.
            LeaseLost: what a heartbeat raised; the process is killed.
        """
        if self._children is None:
            self._children = Children(self._processes, self._start)
        request = encode_context(context) + b"\n"
        try:
            child = await self._children.take()
            reusable = False
            try:
                began()
                child.send(request)
                answer = await _answered(child, context)
                reusable = True
            finally:
                self._children.give_back(child, reusable=reusable)
        except HandlerDied as died:
            raise HandlerDied(f"handler {handler.name!r} runs {self.command[0]}: {died}") from None
        return _told(answer)

    async def close(self) -> None:
        """End the processes: at once if they are busy, else with the end of their input."""
        children, self._children = self._children, None
        if children is not None:
            await children.close()

    async def _start(self) -> Child:
        return await start_child(self.command, _lines, _passed_on(), **self._options)


def subprocess_handler(
    command: Sequence[str | os.PathLike[str]],
    *,
    processes: int = 1,
    cwd: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
) -> SubprocessHandler:
    r"""Make a handler of a program; `handlers.add(subprocess_handler(["node", "charge.js"]), "charge")`.

    It is started with the first attempt, not by a shell, and reads one line for each:

        {"task_id": …, "step_id": …, "step": …, "attempt": 1, "input": …, "results": {…},
         "cursor_range": {"start": …, "end": …} or null, "checkpoint": …}

    It writes, and flushes, any number of {"heartbeat": checkpoint}, with null for none, and then one of:

        {"result": …}
        {"error": "why", "permanent": true or false, "retry_seconds": 60}

    The latter two are optional. A "step_id" may be in any of them, and is compared: it keeps a program that
    answers twice from answering for the next attempt.

    What it writes to stderr goes to ours. It should end at the end of its input, as that is all that it sees
    of a worker that is gone. When it takes too long, its lease is lost, or it writes something else, it is
    killed with all that it has started, and started again with the next attempt. Up to *processes* run at
    once, for one attempt each.

    Raises:
        TypeError: *command* is text, which a shell would have to take apart.
        ValueError: it is empty, or *processes* is not from 1 to 256.
    """
    if isinstance(command, str | bytes):
        raise TypeError(f"command is {command!r}; write it as a list, such as ['node', 'charge.js']")
    if not command:
        raise ValueError("command is empty; write what to start, such as ['node', 'charge.js']")
    if not 1 <= processes <= _MOST_PROCESSES:
        raise ValueError(f"processes is {processes}; give a number from 1 to {_MOST_PROCESSES}")
    return SubprocessHandler(command, processes, {"cwd": cwd, "env": None if env is None else dict(env)})


async def _answered(child: Child, context: Context) -> _Answer:
    while True:
        line = await child.receive()
        try:
            answer = _decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise _bad_line(line, str(error)) from None
        if answer.step_id not in (UNSET, context.step_id):
            raise _bad_line(
                line, f"it is about step {answer.step_id!r}, and {context.step_id!r} was asked for"
            )
        if answer.result is not UNSET or answer.error is not UNSET:
            return answer
        if answer.heartbeat is UNSET:
            raise _bad_line(line, "it has none of heartbeat, result and error")
        if answer.heartbeat is None:
            context.heartbeat()
        else:
            context.heartbeat(answer.heartbeat)


def _told(answer: _Answer) -> Any:
    if answer.error is UNSET:
        return answer.result
    if answer.permanent:
        raise PermanentError(answer.error)
    if answer.retry_seconds is not None:
        raise RetryLater(answer.retry_seconds, answer.error)
    raise HandlerFailed(answer.error)


def _lines(received: bytearray) -> Iterator[bytes]:
    *lines, rest = bytes(received).split(b"\n")
    if len(rest) > _MOST_LINE_BYTES or any(len(line) > _MOST_LINE_BYTES for line in lines):
        raise BadLine(f"it wrote a line of more than {_MOST_LINE_BYTES:,} bytes; write where to find it")
    received[:] = rest
    return iter(lines)


def _bad_line(line: bytes, problem: str) -> BadLine:
    shown = line[:_SHOWN_BYTES].decode(errors="replace")
    return BadLine(
        f"it wrote {shown!r} to stdout, which is no answer: {problem}; write one JSON object a line there, "
        "and everything else to stderr"
    )


def _passed_on() -> Callable[[bytes], None]:
    decode = getincrementaldecoder("utf-8")(errors="replace").decode

    def pass_on(data: bytes) -> None:
        # Nobody may read ours any more, and that is no reason to lose an attempt.
        with suppress(OSError, ValueError):
            sys.stderr.write(decode(data))

    return pass_on


def _ignore() -> None: ...
