"""Courier: what a node says by itself, and what becomes of the replies to it."""

import itertools
import os
import threading
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar, overload

import msgspec

from .dispatch import Answer
from .errors import Timeout, error_of
from .handlers import Handlers
from .later import Later
from .message import Body, Malformed, Message
from .outbox import Outbox
from .parse import MalformedMessage

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from concurrent.futures import Future

    from .call import Call
    from .calls import Calls
    from .driver import Driver
    from .tasks import Stages

ReplyBody = TypeVar("ReplyBody", bound=Body)

RPC_TIMEOUT_SECONDS = 1.0


class Courier:
    """Sends messages, and requests whose replies let handlers go on; a `Node` handles messages as well."""

    handlers: Handlers

    def __init__(self) -> None:
        self.node_id = ""
        self.node_ids: list[str] = []
        self.wake: Callable[[], None] = lambda: None
        """Called when there is something to write that no `receive` returns: see `Node.finished`."""
        self._outbox = Outbox()
        self._busy = False
        """Whether what is posted will be written without being told of."""
        # Elsewhere in each process: a reply to one that was killed must not be taken for one to the next.
        self._request_ids = itertools.count(10**9 + int.from_bytes(os.urandom(4)) % 10**9)
        self._expected: set[type[Body] | None] = set()
        self._stages: Stages | None = None
        self._calls: Calls | None = None
        self._loop: AbstractEventLoop | None = None
        self._thread = threading.get_ident()
        self._blocked: set[Future[Any]] = set()
        """What threads wait for."""

    @property
    def peers(self) -> list[str]:
        """Every node but this one."""
        return [node_id for node_id in self.node_ids if node_id != self.node_id]

    def send(self, dest: str, body: Body | dict[str, Any]) -> None:
        """Send a message that nobody replies to, from any thread.

        Raises:
            ValueError: nobody is called *dest*.
            UnserializableMessage: the body holds what JSON cannot.
        """
        if self._in_other_thread():
            assert self._loop is not None  # noqa: S101 - there are no other threads without one
            self._loop.call_soon_threadsafe(self.send, dest, body)
            return
        self._outbox.post(dest, body)
        if not self._busy:
            self.wake()

    def broadcast(self, body: Body | dict[str, Any]) -> None:
        """Send *body* to every other node."""
        for peer in self.peers:
            self.send(peer, body)

    @overload
    def rpc(
        self, dest: str, body: Body | dict[str, Any], *, timeout_seconds: float = ...
    ) -> "Call[dict[str, Any]]": ...
    @overload
    def rpc(
        self,
        dest: str,
        body: Body | dict[str, Any],
        reply_type: type[ReplyBody],
        *,
        timeout_seconds: float = ...,
    ) -> "Call[ReplyBody]": ...
    def rpc(
        self,
        dest: str,
        body: Body | dict[str, Any],
        reply_type: Any = None,
        timeout_seconds: float = RPC_TIMEOUT_SECONDS,  # keyword-only ones make each call 20 ns slower
    ) -> Any:
        """Send a request; await what is returned for the reply, or give it a callback.

        The reply is a dict, or a *reply_type*, which is decoded faster. Awaiting raises the `RPCError` that
        the peer sent, or `Timeout`. A handler that awaits it goes on in the batch that brings the reply.

        Raises:
            ValueError: nobody is called *dest*, or *timeout_seconds* is not a number.
            RuntimeError: no event loop is running; see `Node.waits`.
        """
        calls = self._calls
        if calls is None or reply_type not in self._expected:
            calls = self._prepare(reply_type)
        deadline = monotonic() + timeout_seconds
        if not deadline >= calls.rings_at:
            calls.ring_at(deadline)
        msg_id = next(self._request_ids)
        self._outbox.post(dest, body, msg_id)
        call = calls.pending[msg_id] = self._new_call(calls, msg_id, reply_type, timeout_seconds, deadline)
        if not self._busy:
            self.wake()
        return call

    def rpc_blocking(
        self,
        dest: str,
        body: Body | dict[str, Any],
        reply_type: Any = None,
        *,
        timeout_seconds: float = RPC_TIMEOUT_SECONDS,
    ) -> Any:
        """Do as `rpc` in another thread, such as a blocking handler's; return the reply.

        Raises:
            RuntimeError: this is the node's own thread, or it has no loop yet.
        """
        from concurrent.futures import Future

        if self._loop is None or not self._in_other_thread():
            raise RuntimeError("rpc_blocking is for other threads; in a handler, await rpc")
        outcome: Future[Any] = Future()

        def begin() -> None:
            try:
                call = self.rpc(dest, body, reply_type, timeout_seconds=timeout_seconds)
                call.add_done_callback(finish)
            except BaseException as error:
                self._blocked.discard(outcome)
                outcome.set_exception(error)

        def finish(call: "Call[Any]") -> None:
            self._blocked.discard(outcome)
            try:
                outcome.set_result(call.result())
            except BaseException as error:
                outcome.set_exception(error)

        self._blocked.add(outcome)
        try:
            self._loop.call_soon_threadsafe(begin)
        except RuntimeError as error:  # the loop is closed
            raise Timeout("the node has stopped before there was a reply") from error
        return outcome.result()

    def introduce(self, dest: str) -> None:
        """Let messages be sent to *dest*, which is neither a node nor one of Maelstrom's services."""
        self._outbox.introduce(dest)

    def _prepare(self, reply_type: Any) -> "Calls":
        """Be ready for the first call, and for replies of a type that none had before."""
        if reply_type not in self._expected:
            self.handlers.expect(reply_type)
            self._expected.add(reply_type)
        return self._follow() if self._calls is None else self._calls  # which is false while none is pending

    def _follow(self) -> "Calls":
        """Belong to the loop that runs.

        Raises:
            RuntimeError: none does.
        """
        from asyncio import get_running_loop

        try:
            return self._use(get_running_loop())
        except RuntimeError:
            raise RuntimeError(
                "no event loop is running, and rpc needs one; make a handler `async def`, and there will be"
            ) from None

    def _use(self, loop: "AbstractEventLoop") -> "Calls":
        """Belong to *loop*, which runs in this thread."""
        if self._calls is None or self._loop is not loop:
            from .call import Call
            from .calls import Calls

            self._loop, self._thread = loop, threading.get_ident()
            self._calls, self._new_call = Calls(loop, self._time_is_over), Call
        return self._calls

    def _replied(self, reply: Message[Any], in_reply_to: int) -> "Driver | None":
        """Settle the call that *reply* is for, unless it came late, or twice; return who waits for it."""
        call = self._calls.pending.pop(in_reply_to, None) if self._calls is not None else None
        if call is None:
            return None
        body = reply.body
        if type(body) is call.reply_type and call.callbacks is None:
            call.reply = body  # what settle() does, written out: a call would cost more
        else:
            _settle(call, body)
        return call.waiting

    def _time_is_over(self, call: "Call[Any]") -> None:
        driver = call.waiting
        if driver is not None:
            self._answer(driver.request, partial(driver.stage.next_step, driver), driver.received_ns)
            self.wake()

    def _answer(self, request: Message[Any], result: Callable[[], Answer | Later], received_ns: int) -> None:
        raise NotImplementedError

    def _give_up(self) -> None:
        """Let no thread wait any longer: the loop has ended, and nobody brings replies any more."""
        while self._blocked:
            self._blocked.pop().set_exception(Timeout("the node has stopped before there was a reply"))

    def _in_other_thread(self) -> bool:
        return self._loop is not None and threading.get_ident() != self._thread


def _settle(call: "Call[Any]", body: Any) -> None:
    try:
        call.settle(_read(body, call.reply_type))
    except Exception as error:
        call.settle(None, error)


def _read(body: Any, reply_type: Any) -> Any:
    """Return *body* as *reply_type*, None being a dict.

    Raises:
        RPCError: it is an error.
        MalformedMessage: it is of another type, or lacks what its type has.
    """
    if type(body) is reply_type:
        return body
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
