"""Courier: takes a node's messages to others, and brings their replies to whoever waits."""

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from .errors import Timeout, error_of
from .message import Body, Malformed, Message
from .outbox import Outbox
from .parse import MalformedMessage

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from .call import Call
    from .calls import Calls

# A loop that runs ends a call in time by itself; when none does after so much longer, none runs.
_STOPPED_SECONDS = 5.0


class Courier:
    """What a node sends by itself, and the requests of it that wait for replies.

    *posted* is called after each message; *settled* with a call whose time is over.
    """

    def __init__(
        self,
        msg_ids: Iterator[int],
        posted: Callable[[], None],
        settled: Callable[["Call[Any]"], None],
    ) -> None:
        self.outbox = Outbox()
        self._msg_ids = msg_ids
        self.busy = False
        """Whether what is posted will be written without being told of."""
        self._posted, self._settled = posted, settled
        self._calls: Calls | None = None
        self._loop: AbstractEventLoop | None = None
        self._thread = threading.get_ident()

    @property
    def waits(self) -> bool:
        """Claim that a reply is waited for."""
        return bool(self._calls)

    def use(self, loop: "AbstractEventLoop") -> None:
        """Belong to *loop*, which runs in this thread."""
        if self._loop is not loop:
            from .calls import Calls

            self._loop, self._thread = loop, threading.get_ident()
            self._calls = Calls(loop, self._settled)

    def send(self, dest: str, body: Body | dict[str, Any]) -> None:
        """Send *body*, from any thread; see `Outbox.post` for what it raises in the node's own."""
        if self._in_other_thread():
            assert self._loop is not None  # noqa: S101 - there are no other threads without one
            self._loop.call_soon_threadsafe(self.send, dest, body)
            return
        self.outbox.post(dest, body)
        if not self.busy:
            self._posted()

    def call(
        self, dest: str, body: Body | dict[str, Any], reply_type: Any, timeout_seconds: float
    ) -> "Call[Any]":
        """Send a request and wait for its reply."""
        calls = self._calls
        if calls is None:
            from asyncio import get_running_loop

            self.use(get_running_loop())
            return self.call(dest, body, reply_type, timeout_seconds)
        msg_id = next(self._msg_ids)
        self.outbox.post(dest, body, msg_id)
        call = calls.open(msg_id, reply_type, timeout_seconds)
        if not self.busy:
            self._posted()
        return call

    def call_blocking(self, start: Callable[[], "Call[Any]"], timeout_seconds: float) -> Any:
        """Let *start* begin a call on the node's loop, and wait here, in another thread, for its outcome.

        Raises:
            RuntimeError: this is the node's own thread, or it has no loop yet.
        """
        from concurrent.futures import Future

        if self._loop is None or not self._in_other_thread():
            raise RuntimeError("rpc_blocking is for other threads; in a handler, await rpc")
        outcome: Future[Any] = Future()

        def begin() -> None:
            try:
                start().add_done_callback(finish)
            except BaseException as error:
                outcome.set_exception(error)

        def finish(call: "Call[Any]") -> None:
            try:
                outcome.set_result(call.result())
            except BaseException as error:
                outcome.set_exception(error)

        self._loop.call_soon_threadsafe(begin)
        try:
            return outcome.result(timeout_seconds + _STOPPED_SECONDS)
        except TimeoutError as error:
            raise Timeout("the node has stopped before there was a reply") from error

    def replied(self, reply: Message[Any], in_reply_to: int) -> "Call[Any] | None":
        """Settle the call that *reply* is for; return it, or None if it came late, or twice."""
        call = self._calls.pending.pop(in_reply_to, None) if self._calls is not None else None
        if call is None:
            return None
        body = reply.body
        if type(body) is call.reply_type:
            call.settle(body)
            return call
        try:
            call.settle(_read(body, call.reply_type))
        except Exception as error:
            call.settle(None, error)
        return call

    def _in_other_thread(self) -> bool:
        return threading.get_ident() != self._thread


def _read(body: Any, reply_type: Any) -> Any:
    """Return *body* as *reply_type*, None being a dict.

    Raises:
        RPCError: it is an error.
        MalformedMessage: it is of another type, or lacks what its type has.
    """
    if isinstance(body, Malformed):
        raise MalformedMessage(f"cannot read a reply: {body.text}")
    if isinstance(body, Body):  # of a type that a handler takes as well
        body = msgspec.to_builtins(body)
    if body.get("type") == "error":
        raise error_of(body)
    if reply_type is None:
        return body
    try:
        return msgspec.convert(body, reply_type, str_keys=True)
    except msgspec.ValidationError as error:
        raise MalformedMessage(f"the reply is no {reply_type.__name__}: {error}") from error
