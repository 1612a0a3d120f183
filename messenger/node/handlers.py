"""Which function answers which type of message."""

from collections.abc import Callable
from functools import partial
from inspect import iscoroutinefunction
from operator import attrgetter
from traceback import format_exception_only
from typing import Any

from msgspec import UNSET, Struct, convert
from msgspec.structs import replace

from .complaints import Complaints
from .dispatch import Answer, msg_id_of, type_of
from .driver import Driver
from .errors import Crash, MalformedRequest, NotSupported, RPCError, TemporarilyUnavailable
from .later import AfterFlush, Held, Later
from .message import Body, Error, Init, Malformed, Message, Topology
from .parse import PLAIN, BodyTypes
from .signature import Signature, name_of, read_signature

Function = Callable[[Any], Answer | Later]
# Makes of a function one that takes a body.
Adapt = Callable[[Callable[..., Any]], Function]
Replied = Callable[[Message[Any], int], Driver | None]


class Wishes(Struct, frozen=True):
    """How a handler wants to be called, see `Node.on`: after the flush, in a thread, one at a time."""

    after_flush: bool = False
    blocking: bool = False
    sequential: bool = False


class _Handler(Struct, frozen=True):
    body_type: type[Body] | None  # None: the function takes the JSON object as a dict
    function: Function


class Handlers:
    """The routes of one node: only *init* until `open`, then everything that was added.

    *topology* answers messages of that type as long as no other handler does.

    *replied* takes the replies to the node's own requests, see `dispatch.Routes`.
    """

    def __init__(
        self,
        init: Callable[[Init], Answer | Later],
        topology: Callable[[Topology], Answer],
        complaints: Complaints,
        replied: Replied,
    ) -> None:
        self.waits = False
        self._apart: Callable[[Function], Function] | None = None
        self._quick: dict[str, Function] = {}
        """The handlers that do not wait, by their type, as they were before `keep_apart`."""
        self.replied = replied
        self.message: Message[Any] | None = None
        self.note: Callable[[Message[Any]], None] | None = None
        """See `dispatch.Routes`; set once a handler takes the message."""
        self._complaints = complaints
        self._opened = False
        self._answer_others: Function = self._not_yet
        self._handlers = {"init": _Handler(Init, init), "topology": _Handler(Topology, topology)}
        self._replaceable = {"topology"}
        self._replies: dict[str, type[Body]] = {}
        self._read_plainly: set[str] = set()
        """The tags of replies that several classes have, each for replies of its own."""
        self._expects_plain = False
        self.table: dict[type, Function] = {}
        """See `dispatch.Routes`."""
        self._refresh()

    def add(
        self,
        function: Callable[..., Any],
        type_: str | None,
        wishes: Wishes,
        waiting: Callable[[Callable[..., Any], Wishes, Adapt], Function],
    ) -> None:
        """Route messages to *function*, see `read_signature`; *waiting* adapts and wraps one that may wait.

        Raises:
            TypeError: the function does not say what it takes, or is to block and cannot.
            ValueError: the type has a handler already.
        """
        signature = read_signature(function, type_)
        asynchronous = _may_wait(function)
        if wishes.blocking and asynchronous:
            raise TypeError(f"{name_of(function)} is asynchronous; only a plain function can run in a thread")
        if signature.type_ in self._handlers and signature.type_ not in self._replaceable:
            raise ValueError(f"messages of type {signature.type_!r} have a handler already")
        adapt = partial(self._called, signature)
        if wishes.blocking or asynchronous:
            self.waits = True
            call = waiting(function, wishes, adapt)
        else:
            call = self._quick[signature.type_] = adapt(function)
            if self._apart is not None:
                call = self._apart(call)
        self._replaceable.discard(signature.type_)
        if wishes.after_flush:
            self._quick.pop(signature.type_, None)  # it is called when nobody else is
            call = partial(_after_flush, call)
        self._handlers[signature.type_] = _Handler(signature.body_type, call)
        self._replies.pop(signature.type_, None)
        self._refresh()

    def expect(self, reply_type: type[Body] | None) -> None:
        """Let `parse` decode replies of *reply_type*, where their tag alone tells that they are.

        It does not where another class, or a handler's, has the same, or where a reply is to be a dict
        (None): what a class does not know would be gone.
        """
        if reply_type is None:
            self._expects_plain = True
            self._replies.clear()
        elif not self._expects_plain:
            tag = str(reply_type.__struct_config__.tag)
            if self._replies.setdefault(tag, reply_type) is not reply_type:
                self._read_plainly.add(tag)
            for known in (*self._read_plainly, *self._handlers):
                self._replies.pop(known, None)
        self._refresh()

    def keep_apart(self, wrap: Callable[[Function], Function]) -> None:
        """Wrap the handlers that do not wait, for there will be others that may."""
        self._apart = wrap
        for type_, call in self._quick.items():
            self._handlers[type_] = replace(self._handlers[type_], function=wrap(call))
        self._refresh()

    def hold(self) -> None:
        """Keep everything but replies until `open`."""
        self._turn(_hold, opened=False)

    def close(self) -> None:
        """Refuse everything but init."""
        self._turn(self._not_yet, opened=False)

    def refuse(self) -> None:
        """Refuse everything but replies until `open`: there is too much to do."""
        self._turn(self._too_busy, opened=False)

    def open(self) -> None:
        """Answer everything from now on, in the midst of a batch if need be."""
        self._turn(self._unhandled, opened=True)

    def handle(self, message: Message[Any]) -> Answer | Later:
        """Call the handler of a *message* that was held."""
        if self.note is not None:
            self.note(message)
        return self.table[type(message.body)](message.body)

    def crashed(self, request: Message[Any], error: BaseException) -> Answer:
        """See `dispatch.Routes`."""
        if isinstance(error, RPCError):
            return error.body if msg_id_of(request.body) is not UNSET else None
        self._complaints.traceback(
            f"the handler of {type_of(request.body)!r:.80} failed at a message from {request.src!r:.80}",
            error,
        )
        return self._refuse(request.body, Crash, "".join(format_exception_only(error)).strip())

    def _turn(self, others: Function, *, opened: bool) -> None:
        """Change what becomes of messages, in the table that a batch may be using."""
        self._opened, self._answer_others = opened, others
        self.table.update(self._routes())

    def _refresh(self) -> None:
        # Plain attributes: each batch reads them, and behind a descriptor that takes five times as long.
        body_types = [handler.body_type for handler in self._handlers.values()]
        typed = None not in body_types
        self.types = BodyTypes(*filter(None, body_types), *self._replies.values()) if typed else PLAIN
        """What `parse` should read bodies as: one dict handler makes all of them dicts."""
        self.thorough = self.types is PLAIN or self.note is not None
        self.table.update(self._routes())  # in place, as a batch may be using it

    def _called(self, signature: Signature, function: Callable[..., Any]) -> Function:
        """Make of *function*, which takes what *signature* says, one that takes a body."""
        if signature.plain:
            return function
        if signature.fields is not None:
            return _called_with(signature.fields, function)
        if signature.takes_message:
            self.note = partial(setattr, self, "message")

        def call(body: Any) -> Answer | Later:
            assert self.message is not None or not signature.takes_message  # noqa: S101 - our own bug
            arguments, fields = signature.arguments(body, self.message)  # type: ignore[arg-type]
            return function(*arguments, **fields)  # type: ignore[no-any-return]

        return call

    def _routes(self) -> dict[type, Function]:
        routes: dict[type, Function] = {dict: self._plain, Malformed: self._malformed}
        routes |= dict.fromkeys(self._replies.values(), self._answer_others)
        for handler in self._handlers.values():
            if handler.body_type is not None:
                is_open = self._opened or handler.body_type is Init
                routes[handler.body_type] = handler.function if is_open else self._answer_others
        return routes

    def _plain(self, body: dict[str, Any]) -> Answer | Later:
        """Answer a body that `parse` left as plain JSON: for a dict handler, or of a type nobody handles."""
        if "in_reply_to" in body:
            text = f"in_reply_to is {body['in_reply_to']!r:.80}, not an integer"
            return self._refuse(body, MalformedRequest, text)
        type_ = body.get("type")
        if not isinstance(type_, str):
            text = f"the body's type is {type_!r:.80}, not a string"
            return self._refuse(body, MalformedRequest, text)
        handler = self._handlers.get(type_)
        if not self._opened and type_ != "init":
            return self._answer_others(body)
        if handler is None:
            return self._unhandled(body)
        if handler.body_type is None:
            return handler.function(body)
        try:
            typed = convert(body, handler.body_type, str_keys=True)
        except Exception as error:  # see parse
            return self._refuse(body, MalformedRequest, str(error))
        return handler.function(typed)

    def _malformed(self, body: Malformed) -> Answer:
        return self._refuse(body, MalformedRequest, body.text)

    def _not_yet(self, body: Any) -> Answer:
        return self._refuse(
            body, TemporarilyUnavailable, "this node has not been initialised: send init first"
        )

    def _too_busy(self, body: Any) -> Answer:
        return self._refuse(body, TemporarilyUnavailable, "too many requests are in flight here; try again")

    def _unhandled(self, body: Any) -> Answer:
        return self._refuse(
            body, NotSupported, f"messages of type {type_of(body)!r:.80} have no handler here"
        )

    def _refuse(self, body: Any, kind: type[RPCError], text: str) -> Answer:
        """Tell the sender; or say so on stderr when it gave no msg_id to answer."""
        if msg_id_of(body) is not UNSET:
            return Error(code=kind.code, text=text)
        self._complaints.warning(f"dropped a message that cannot be answered (no src or msg_id): {text}")
        return None


def _called_with(fields: tuple[str, ...], function: Callable[..., Any]) -> Function:
    """Make of *function*, which takes these *fields* by position, one that takes a body."""
    if not fields:
        return lambda body: function()
    get = attrgetter(*fields)
    if len(fields) == 1:
        return lambda body: function(get(body))
    return lambda body: function(*get(body))


def _may_wait(function: Callable[..., Any]) -> bool:
    while isinstance(function, partial):
        function = function.func
    return iscoroutinefunction(function) or iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004


def _after_flush(function: Function, body: Any) -> AfterFlush:
    return AfterFlush(partial(function, body))


def _hold(_: Any) -> Held:
    return Held()
