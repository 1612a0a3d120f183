"""Process child: what runs in a process of the pool, one handler after another."""

import io
import os
import pickle
import signal
import sys
import threading
import traceback
from multiprocessing.spawn import prepare
from queue import SimpleQueue
from typing import Any, BinaryIO

from ..context import Context, LeaseLost
from ..outcome import BadResult, PermanentError
from ..workflow import StepFunction
from .attempt import HandlerRaised
from .frames import BadFrame, frame, read_frame

READY = b""
"""The first frame that is written: imports are done."""

LOST = b""
"""The frame that says that the attempt is over; the next one is another attempt."""


def main() -> None:
    """Run the handlers that come through stdin until it ends; then end, even within a handler.

    What handlers print goes to stderr, for stdout is how the worker is answered.
    """
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb", buffering=0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    sys.stdout = open(1, "w", buffering=1, closefd=False)  # noqa: SIM115 - for good
    ProcessChild(requests, replies).run()


class _Attempt:
    """What one handler's heartbeats look at."""

    def __init__(self, request: bytes) -> None:
        self.request = request
        self.lost = False
        self.over = False


class ProcessChild:
    """What a child does: one thread runs handlers, and another reads, to see the worker's end meanwhile."""

    def __init__(self, requests: BinaryIO, replies: io.RawIOBase | BinaryIO) -> None:
        self._requests = requests
        self._replies = replies
        self._writing = threading.Lock()  # heartbeats come from any thread
        self._attempts: SimpleQueue[_Attempt | None] = SimpleQueue()
        self._program: dict[str, Any] | None = None

    def run(self) -> None:
        """Run handlers until there are no more."""
        if (program := read_frame(self._requests)) is None:
            return
        self._program = pickle.loads(program)  # noqa: S301 - by our worker
        self._reply(READY)
        threading.Thread(target=self._read, daemon=True).start()
        while (attempt := self._attempts.get()) is not None:
            outcome = self._outcome(attempt)
            attempt.lost = True  # for threads that the handler has left behind
            self._reply(outcome)
            attempt.over = True

    def _read(self) -> None:
        current: _Attempt | None = None
        while (data := read_frame(self._requests)) is not None:
            if data != LOST:
                current = _Attempt(data)
                self._attempts.put(current)
            elif current is not None:
                current.lost = True
        self._attempts.put(None)
        if current is not None and not current.over:
            # The worker is gone, and so is the lease: stop now, and what the handler has started as well.
            if os.getpgrp() == os.getpid():
                os.killpg(0, signal.SIGKILL)
            os._exit(1)

    def _outcome(self, attempt: _Attempt) -> bytes:
        def send_heartbeat(checkpoint: bytes | None) -> None:
            if attempt.lost:
                raise LeaseLost("the attempt is over: it was cancelled, or its lease was lost; stop")
            self._reply(pickle.dumps(("heartbeat", checkpoint)))

        try:
            function, given = pickle.loads(attempt.request)  # noqa: S301 - by our worker
            self._find_program(function)
            returned = function(Context(**given, send_heartbeat=send_heartbeat))
        except BaseException as error:  # whatever it is, the next handler is none of its business
            return _raised(error)
        return _returned(returned)

    def _find_program(self, function: Any) -> None:
        """Load the worker's own program, if the handler is in it; only then, as it may be large."""
        if self._program is not None and getattr(function, "module", None) == "__main__":
            program, self._program = self._program, None
            prepare(program)

    def _reply(self, data: bytes) -> None:
        with self._writing:
            left = memoryview(frame(data))
            while left:
                left = left[self._replies.write(left) :]


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        # A decision may return its steps; pickle finds them under the names of their functions, and refuses.
        return (str, (value.name,)) if isinstance(value, StepFunction) else NotImplemented


def _returned(value: Any) -> bytes:
    data = io.BytesIO()
    try:
        _Pickler(data, pickle.HIGHEST_PROTOCOL).dump(("returned", value))
        frame(data.getvalue())
    except BadFrame as error:
        return _raised(BadResult(f"what the handler returned is too large: {error}"))
    except Exception as error:
        return _raised(BadResult(f"what the handler returned cannot leave its process: {error}; return JSON"))
    return data.getvalue()


def _raised(error: BaseException) -> bytes:
    error.add_note("In a process of the pool:\n" + "".join(traceback.format_exception(error)))
    try:
        data = pickle.dumps(("raised", error))
        pickle.loads(data)  # noqa: S301 - many an error takes other arguments than it keeps
        frame(data)
    except Exception:
        kind = PermanentError if isinstance(error, PermanentError) else HandlerRaised
        stand_in = kind(f"{type(error).__name__}: {str(error)[:10_000]}")
        return pickle.dumps(("raised", stand_in))
    return data
