"""Call: a request that waits for its reply, a future as far as asyncio can tell."""

from asyncio import AbstractEventLoop, CancelledError, InvalidStateError
from collections.abc import Callable, Generator
from contextvars import Context
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from msgspec import Struct

if TYPE_CHECKING:
    from .calls import Calls

Result = TypeVar("Result")

_PENDING, _DONE, _CANCELLED = range(3)


# A struct, because it is made for every request: in C, and in a third of the time.
class Call(Struct, Generic[Result], eq=False):
    """An RPC under way: await it, or add a callback; it has one outcome, whatever comes twice or late.

    It is made of what asyncio asks of a future and no more: an `asyncio.Future` would schedule each reply
    for another round of the loop, where a handler that waits can go on at once.
    """

    calls: "Calls"
    msg_id: int
    reply_type: Any
    deadline: float
    waiter: Any = None
    """The handler that waits for this call and nothing else, and goes on with the reply."""
    _asyncio_future_blocking: bool = False
    _callbacks: list[tuple[Callable[[Any], object], Context | None]] | None = None
    _state: int = _PENDING
    _result: Any = None
    _error: BaseException | None = None

    def __await__(self) -> Generator[Any, None, Result]:
        if self._state == _PENDING:
            self._asyncio_future_blocking = True
            yield self
            if self._state == _PENDING:
                raise RuntimeError("a handler was resumed before its reply had come")
        return self.result()

    __iter__ = __await__  # what Python calls on futures that are yielded from

    def settle(self, result: Any, error: BaseException | None = None) -> bool:
        """Give the outcome; return False, and change nothing, when there is one already."""
        if self._state != _PENDING:
            return False
        self._state = _DONE
        if error is not None:
            self._error = error
            self._state = _CANCELLED if isinstance(error, CancelledError) else _DONE
        self._result = result
        if self._callbacks is not None:
            for callback, context in self._callbacks:
                self.calls.loop.call_soon(callback, self, context=context)
            self._callbacks = None
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
        if self._state == _PENDING:
            raise InvalidStateError("the reply has not come yet")
        return self._result  # type: ignore[no-any-return]

    def exception(self) -> BaseException | None:
        """Return what `result` would raise, None if it would not.

        Raises:
            asyncio.CancelledError: the call was cancelled.
            asyncio.InvalidStateError: there is no reply yet.
        """
        if self._state == _CANCELLED and self._error is not None:
            raise self._error
        if self._state == _PENDING:
            raise InvalidStateError("the reply has not come yet")
        return self._error

    def done(self) -> bool:
        """Claim that there is an outcome."""
        return self._state != _PENDING

    def cancelled(self) -> bool:
        """Claim that nobody wants the reply any more."""
        return self._state == _CANCELLED

    def cancel(self, msg: Any = None) -> bool:
        """Give the reply up; it is dropped when it comes."""
        self.calls.take(self.msg_id)
        cancelled = self.settle(None, CancelledError() if msg is None else CancelledError(msg))
        if cancelled and self.waiter is not None:
            self.calls.loop.call_soon(self.calls.settled, self)
        return cancelled

    def add_done_callback(
        self, callback: Callable[["Call[Result]"], object], *, context: Context | None = None
    ) -> None:
        """Call *callback* with this call, on the loop, when there is an outcome."""
        if self._state != _PENDING:
            self.calls.loop.call_soon(callback, self, context=context)
        elif self._callbacks is None:
            self._callbacks = [(callback, context)]
        else:
            self._callbacks.append((callback, context))

    def remove_done_callback(self, callback: Callable[["Call[Result]"], object]) -> int:
        """Forget *callback*; return how often it was there."""
        entries = self._callbacks or []
        self._callbacks = [entry for entry in entries if entry[0] != callback]
        return len(entries) - len(self._callbacks)

    def get_loop(self) -> AbstractEventLoop:
        """Return the loop that the call belongs to."""
        return self.calls.loop
