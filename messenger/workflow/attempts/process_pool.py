"""Process pool: where handlers in Python run that hold the interpreter for long, or may take it down."""

import asyncio
import json
import pickle
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.spawn import get_preparation_data
from typing import Any

from ..context import Context, LeaseLost
from ..handlers import Handler
from .attempt import HandlerDied, told
from .child import Child, start_child
from .children import Children
from .frames import BadFrame, frame, frames

# The path is the worker's own, for a child to find messenger, and the handlers, wherever the worker did.
_PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from messenger.workflow.attempts.process_child import main; main()"
)

ABANDONED = "abandoned"
"""What a call is cancelled with for its handler to be told, rather than killed."""

_LOST = b""  # see process_child, which a worker does without

_START_SECONDS = 60.0

# How long an abandoned handler may go on before its process is killed: until its next heartbeat, mostly.
_STOP_SECONDS = 5.0


class ProcessPool:
    """Up to *processes* processes, started when they are needed, each for one attempt at a time.

    One that dies, or whose handler hangs, is replaced, and no other attempt notices. They end with the
    worker, however it ends: each sees the end of its input. They are started afresh and not forked, as a fork
    of a process with threads may hang, and would share its database connection.

    `concurrent.futures` would not do: there one process that dies takes all attempts along, and before
    Python 3.14 none can be killed.
    """

    def __init__(self, processes: int) -> None:
        self._children = Children(processes, _start)
        self._stopping: set[asyncio.Task[None]] = set()

    async def call(self, handler: Handler, context: Context, began: Callable[[], None]) -> Any:
        """Run *handler* in a process, and call *began* once there is one.

        Cancelled, it kills the process; cancelled with `ABANDONED`, it lets the handler find out first.

        Raises:
            HandlerDied: the process ended; says how.
            Exception: what the handler raised.
        """
        try:
            request = frame(pickle.dumps((handler.function, _portable(context))))
            child = await self._children.take()
        except (HandlerDied, BadFrame) as problem:
            raise _named(problem, handler) from None
        reusable = stopping = False
        try:
            began()
            child.send(request)
            returned, error = await _outcome(child, context)
            reusable = True
        except (HandlerDied, BadFrame) as problem:
            raise _named(problem, handler) from None
        except asyncio.CancelledError as cancelled:
            stopping = ABANDONED in cancelled.args
            raise
        finally:
            if stopping:
                self._stop(child)
            else:
                self._children.give_back(child, reusable=reusable)
        if error is not None:
            raise told(handler, error)
        return returned

    async def close(self) -> None:
        """Kill the processes that are busy, and let the others end."""
        for stopping in self._stopping:
            stopping.cancel()
        await asyncio.gather(*self._stopping, return_exceptions=True)
        await self._children.close()

    def _stop(self, child: Child) -> None:
        task = asyncio.ensure_future(self._stopped(child))
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)

    async def _stopped(self, child: Child) -> None:
        reusable = False
        try:
            child.send(frame(_LOST))
            with suppress(TimeoutError, HandlerDied, BadFrame):
                async with asyncio.timeout(_STOP_SECONDS):
                    await _outcome(child, Context(send_heartbeat=_refuse))
                reusable = True
        finally:
            self._children.give_back(child, reusable=reusable)


def _named(error: Exception, handler: Handler) -> HandlerDied:
    return HandlerDied(f"handler {handler.name!r} ran in a process: {error}")


async def _start() -> Child:
    # What `multiprocessing` tells its own processes: where we are, and which program is __main__. Its key
    # is for connections that these do not make.
    program = get_preparation_data("workflow handlers")
    del program["authkey"]
    first = frame(pickle.dumps(program))
    child = await start_child([sys.executable, "-c", _PROGRAM, json.dumps(sys.path)], frames)
    ready = False
    try:
        child.send(first)
        # Before an attempt's time begins: a machine with much to do takes a while to start an interpreter.
        # Not `wait_for`, which before Python 3.12 may swallow that the attempt is abandoned meanwhile.
        async with asyncio.timeout(_START_SECONDS):
            await child.receive()
        ready = True
    except TimeoutError:
        raise HandlerDied(f"it has not started within {_START_SECONDS:g} s, and was killed") from None
    finally:
        if not ready:
            child.kill()
            await child.ended
    return child


async def _outcome(child: Child, context: Context) -> tuple[Any, BaseException | None]:
    while True:
        kind, value = _loaded(await child.receive())
        if kind == "heartbeat":
            try:
                context.send_heartbeat(value)
            except LeaseLost:
                child.send(frame(_LOST))
        elif kind == "raised":
            return None, value
        else:
            return value, None


def _refuse(checkpoint: bytes | None) -> None:
    raise LeaseLost


def _portable(context: Context) -> dict[str, Any]:
    given = {name: getattr(context, name) for name in context.__struct_fields__ if name != "send_heartbeat"}
    return given | {"results": dict(context.results)}


def _loaded(frame: bytes) -> tuple[str, Any]:
    try:
        kind, value = pickle.loads(frame)  # noqa: S301 - by our own child
    except Exception as error:
        problem = HandlerDied(f"what it returned or raised cannot be read here: {error!r}; return JSON")
        return "raised", problem
    return kind, value
