"""Call: a request that waits for its reply, a future as far as asyncio can tell."""

from asyncio import AbstractEventLoop, CancelledError, InvalidStateError
from collections.abc import Callable, Generator
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from msgspec import UNSET, Struct

if TYPE_CHECKING:
    from .calls import Calls
    from .driver import Driver

Result = TypeVar("Result")


# A struct, because it is made for every request: in C, and in a third of the time.
class Call(Struct, Generic[Result], eq=False):
    """An RPC under way: await it, or add a callback; it has one outcome, whatever comes twice or late.

    It is made of what asyncio asks of a future and no more: an `asyncio.Future` would schedule each reply
    for another round of the loop, where a handler that waits can go on at once.
    """

    calls: "Calls"
    msg_id: int
    reply_type: Any
    timeout_seconds: float
    deadline: float
    waiting: "Driver | None" = None
    """The handler that waits for this call and nothing else, and goes on with the reply."""
    reply: Any = UNSET
    """The body of the reply, None where there is an error in its place; UNSET while nothing has come."""
    callbacks: list[tuple[Callable[[Any], object], Context]] | None = None
    _error: BaseException | None = None
    _asyncio_future_blocking: bool = False

    def __await__(self) -> Generator[Any, None, Result]:
        if self.reply is UNSET:
            self._asyncio_future_blocking = True
            yield self
            if self.reply is UNSET:
                raise RuntimeError("a handler was resumed before its reply had come")
        # What result() does, written out: a call would cost more.
        if self._error is None:
            return self.reply  # type: ignore[no-any-return]
        raise self._error.with_traceback(None)

    __iter__ = __await__  # what Python calls on futures that are yielded from

    def settle(self, reply: Any, error: BaseException | None = None) -> bool:
        """Give the outcome; return False, and change nothing, when there is one already."""
        if self.reply is not UNSET:
            return False
        self.reply, self._error = reply, error
        callbacks, self.callbacks = self.callbacks or (), None
        for callback, context in callbacks:
            self.calls.loop.call_soon(callback, self, context=context)
        return True

    def result(self) -> Result:
        """Return the body of the reply.

        Raises:
            RPCError: what the peer has sent in place of a reply, or `Timeout`.
            asyncio.InvalidStateError: there is no reply yet.
        """
        if self._error is not None:
            # Anew for everyone who asks: the traceback of one must not grow into another's.
            raise self._error.with_traceback(None)
        if self.reply is UNSET:
            raise InvalidStateError("the reply has not come yet")
        return self.reply  # type: ignore[no-any-return]

    def exception(self) -> BaseException | None:
        """Return what `result` would raise, None if it would not.

        Raises:
            asyncio.CancelledError: the call was cancelled.
            asyncio.InvalidStateError: there is no reply yet.
        """
        if isinstance(self._error, CancelledError):
            raise self._error.with_traceback(None)
        if self.reply is UNSET:
            raise InvalidStateError("the reply has not come yet")
        return self._error

    def done(self) -> bool:
        """Claim that there is an outcome."""
        return self.reply is not UNSET

    def cancelled(self) -> bool:
        """Claim that nobody wants the reply any more."""
        return isinstance(self._error, CancelledError)

    def cancel(self, msg: Any = None) -> bool:
        """Give the reply up; it is dropped when it comes."""
        self.calls.pending.pop(self.msg_id, None)
        cancelled = self.settle(None, CancelledError() if msg is None else CancelledError(msg))
        if cancelled and self.waiting is not None:
            self.calls.loop.call_soon(self.calls.settled, self, context=self.calls.context.copy())
        return cancelled

    def add_done_callback(
        self, callback: Callable[["Call[Result]"], object], *, context: Context | None = None
    ) -> None:
        """Call *callback* with this call, on the loop and in this *context*, when there is an outcome."""
        context = copy_context() if context is None else context
        if self.reply is not UNSET:
            self.calls.loop.call_soon(callback, self, context=context)
        elif self.callbacks is None:
            self.callbacks = [(callback, context)]
        else:
            self.callbacks.append((callback, context))

    def remove_done_callback(self, callback: Callable[["Call[Result]"], object]) -> int:
        """Forget *callback*; return how often it was there."""
        entries = self.callbacks or []
        self.callbacks = [entry for entry in entries if entry[0] != callback]
        return len(entries) - len(self.callbacks)

    def get_loop(self) -> AbstractEventLoop:
        """Return the loop that the call belongs to."""
        return self.calls.loop
