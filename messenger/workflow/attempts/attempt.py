"""Attempt: one call of a handler, which is over once, in one way or another."""

from collections.abc import Callable
from typing import Any

from ..context import Context, LeaseLost
from ..handlers import Handler
from .deadlines import Deadline, Deadlines

Done = Callable[[Any, BaseException | None], None]
"""Takes what the handler returned, and None; or None, and why there is nothing."""


class TimedOut(Exception):
    """An attempt took longer than its step allows."""


class HandlerDied(Exception):
    """A handler ended in a way that leaves neither a result nor an error: its process ended, or it exited."""


class HandlerRaised(Exception):
    """A handler raised, in another process, what this one cannot make again; says what."""


class Attempt:
    """A call of *handler* that takes time; *done* is called once, or never after `abandon`.

    *forget* is told when it is over. *stop*, which whoever starts the work sets, is then told why to stop
    it: because of a timeout or, if that is False, because it is abandoned.
    """

    __slots__ = ("_deadline", "_deadlines", "_done", "_forget", "handler", "stop", "timeout_seconds")

    def __init__(
        self,
        handler: Handler,
        timeout_seconds: float,
        done: Done,
        deadlines: Deadlines,
        forget: Callable[["Attempt"], None],
    ) -> None:
        self.handler = handler
        self.timeout_seconds = timeout_seconds
        self.stop: Callable[[bool], None]
        self._done: Done | None = done
        self._deadlines = deadlines
        self._deadline: Deadline | None = None
        self._forget = forget

    @property
    def over(self) -> bool:
        """Whether nobody takes its result any more."""
        return self._done is None

    def begin(self) -> None:
        """Start its time, which waiting for a thread or a process is no part of."""
        if not self.over:
            self._deadline = self._deadlines.add(self.timeout_seconds, self._expire)

    def finish(self, returned: Any, error: BaseException | None) -> None:
        """Hand on what it came to, unless it is over."""
        if done := self._end():
            done(returned, None if error is None else told(self.handler, error))

    def abandon(self) -> None:
        """Stop it, and tell nobody; nothing happens once it is over."""
        if self._end():
            self.stop(False)

    def _expire(self) -> None:
        if done := self._end():
            self.stop(True)
            done(
                None,
                TimedOut(
                    f"handler {self.handler.name!r} took longer than {self.timeout_seconds:g} s; let it do "
                    "less in one attempt, or give its step a longer timeout_seconds"
                ),
            )

    def _end(self) -> Done | None:
        done, self._done = self._done, None
        if done is None:
            return None
        self._forget(self)
        if self._deadline is not None:
            self._deadlines.drop(self._deadline)
        return done


def told(handler: Handler, error: BaseException) -> Exception:
    """Return *error* if it is one, and an error about it if it is a wish to exit, or a cancellation.

    `sys.exit()` in a handler is meant for a program of its own, and would end the worker.
    """
    if isinstance(error, Exception):
        return error
    died = HandlerDied(
        f"handler {handler.name!r} raised {error!r}, which is to end a program; "
        "return, or raise PermanentError"
    )
    died.__cause__ = error
    return died


def watched(context: Context, attempt: Attempt) -> Context:
    """Return *context* with heartbeats that raise `LeaseLost` once *attempt* is over."""
    send = context.send_heartbeat

    def send_heartbeat(checkpoint: bytes | None) -> None:
        if attempt.over:
            raise LeaseLost(
                f"the attempt of {context.step or attempt.handler.name!r} is over: it was cancelled or took "
                "too long; stop, for nobody takes its result"
            )
        send(checkpoint)

    return with_heartbeat(context, send_heartbeat)


def with_heartbeat(context: Context, send_heartbeat: Callable[[bytes | None], None]) -> Context:
    """Return *context* with another side to send heartbeats to."""
    return Context(
        input=context.input,
        results=context.results,
        task_id=context.task_id,
        step_id=context.step_id,
        step=context.step,
        attempt=context.attempt,
        cursor_range=context.cursor_range,
        checkpoint=context.checkpoint,
        send_heartbeat=send_heartbeat,
    )
