"""Second stage: messages reach their handlers, and what those return becomes replies."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Protocol, TypeAlias

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from .driver import Driver
from .later import AfterFlush, Held, Later
from .message import Body, Message, integer_or_unset

Answer: TypeAlias = Body | dict[str, Any] | None
Reply: TypeAlias = Message[Body | dict[str, Any]]

_LATER = frozenset({AfterFlush, Driver, Held})

# A handler that raises one of these means the process, not its request.
LEAVING = (SystemExit, KeyboardInterrupt)


class Routes(Protocol):
    """Where `dispatch` finds the function for a body."""

    @property
    def table(self) -> Mapping[type, Callable[[Any], Answer | Later]]:
        """A function for each type of body that `parse` can return."""

    @property
    def thorough(self) -> bool:
        """Whether every message needs a closer look: `parse` makes dicts of all, or there is a note."""

    @property
    def note(self) -> Callable[[Message[Any]], None] | None:
        """Where a handler takes the message as well: what is told of each message before it is handled."""

    def replied(self, reply: Message[Any], in_reply_to: int) -> Driver | None:
        """Take the reply to a request of ours; return the driver of the handler, if one waits for it."""

    def crashed(self, request: Message[Any], error: BaseException) -> Answer:
        """Report that the handler of *request* raised *error*; return what the sender is told."""


def dispatch(  # noqa: C901 - the hot loop: a function called for each message would cost more than it does
    messages: Iterable[Message[Any]],
    routes: Routes,
    msg_ids: Iterator[int],
    outbox: list[Any] | None = None,
) -> tuple[list[Reply], list[Later]]:
    """Call the handler of each message; return the replies in order, and what is to be answered later.

    Each reply takes the next of *msg_ids*.  A message that is a reply itself (in_reply_to is set) goes to
    no handler, but to whoever waits for it.  Whatever a handler raises ends as its own request's error,
    never as ours; only SystemExit and KeyboardInterrupt pass.  The replies are added to *outbox*, where
    there is one, behind what the handlers have sent.  A handler that its own call lets go on is not among
    those to be answered later.
    """
    table, replied = routes.table, routes.replied
    replies: list[Reply] = [] if outbox is None else outbox
    later: list[Later] = []
    rest = iter(messages)
    if routes.thorough:
        for message in rest:
            _dispatch_one(message, routes, msg_ids, replies, later)
    for message in rest:
        body = message.body
        try:
            answer: Any = None
            if body.in_reply_to is UNSET:
                answer = table[type(body)](body)
            elif driver := replied(message, body.in_reply_to):
                message = driver.request  # what follows answers that
                answer = driver.stage.next_step(driver)
            if answer is None:
                continue
            if type(answer) is not dict and answer.msg_id is UNSET:
                # What reply() does, written out for the common case: a call would double its cost.
                answer.in_reply_to = message.body.msg_id
                answer.msg_id = next(msg_ids)
                replies.append(Message(message.dest, message.src, answer))
            elif type(answer) is Driver and answer.carried:
                answer.request = message
            else:
                _place(message, answer, msg_ids, replies, later)
        except LEAVING:
            raise
        except BaseException as error:  # asyncio's CancelledError is no Exception
            if answer is not None:  # it, or its request, is of a class that the common case does not know
                _settle(message, partial(_identity, answer), routes, msg_ids, replies, later)
            elif type(body) is dict:  # it has no attributes: a type that no handler takes, or a plain reply
                _dispatch_one(message, routes, msg_ids, replies, later)
                break  # such a batch has more of them, and each exception would cost as much as a message
            else:
                _place(message, routes.crashed(message, error), msg_ids, replies, later)
    for message in rest:
        _dispatch_one(message, routes, msg_ids, replies, later)
    return replies, later


def settle(
    request: Message[Any],
    result: Callable[[], Answer | Later],
    routes: Routes,
    msg_ids: Iterator[int],
    outbox: list[Any] | None = None,
) -> tuple[list[Reply], list[Later]]:
    """Do as `dispatch` for one *request* that had to wait; *result* returns or raises its answer."""
    replies: list[Reply] = [] if outbox is None else outbox
    later: list[Later] = []
    _settle(request, result, routes, msg_ids, replies, later)
    return replies, later


def reply(request: Message[Any], answer: Body | dict[str, Any], msg_ids: Iterator[int]) -> Reply:
    """Address *answer* to the sender of *request*, fill in in_reply_to, and give it the next of *msg_ids*.

    Raises:
        TypeError: *answer* is neither a body nor a dict with a type.
    """
    in_reply_to = msg_id_of(request.body)
    if isinstance(answer, dict):
        return Message(request.dest, request.src, _with_ids(answer, request.body, in_reply_to, msg_ids))
    if not isinstance(answer, Body):
        raise TypeError(
            f"a handler returned {type(answer).__name__}; return a Body, a dict with a type, or None"
        )
    if answer.msg_id is not UNSET or answer.__struct_config__.frozen:  # perhaps not written yet, or constant
        answer = replace(answer, in_reply_to=in_reply_to, msg_id=next(msg_ids))
    else:
        answer.in_reply_to, answer.msg_id = in_reply_to, next(msg_ids)
    return Message(request.dest, request.src, answer)


def msg_id_of(body: Any) -> int | UnsetType:
    """Return the msg_id of a body of any kind, `UNSET` when it has none."""
    if isinstance(body, dict):
        return integer_or_unset(body.get("msg_id"))
    return body.msg_id  # type: ignore[no-any-return]  # a Body, or a Malformed in its place


def type_of(body: Any) -> Any:
    """Return the type of a body of any kind, None when it has none."""
    return body.get("type") if isinstance(body, dict) else type(body).__struct_config__.tag


def _dispatch_one(
    message: Message[Any],
    routes: Routes,
    msg_ids: Iterator[int],
    replies: list[Reply],
    later: list[Later],
) -> None:
    """Do as `dispatch` for one message, whatever its body is."""
    body = message.body
    in_reply_to = body.get("in_reply_to") if type(body) is dict else body.in_reply_to
    if type(in_reply_to) is not int:
        if routes.note is not None:
            routes.note(message)
        _settle(message, partial(routes.table[type(body)], body), routes, msg_ids, replies, later)
    elif driver := routes.replied(message, in_reply_to):
        proceed = partial(driver.stage.next_step, driver)
        _settle(driver.request, proceed, routes, msg_ids, replies, later)


def _settle(
    request: Message[Any],
    result: Callable[[], Answer | Later],
    routes: Routes,
    msg_ids: Iterator[int],
    replies: list[Reply],
    later: list[Later],
) -> None:
    try:
        _place(request, result(), msg_ids, replies, later)
    except LEAVING:
        raise
    except BaseException as error:
        _place(request, routes.crashed(request, error), msg_ids, replies, later)


def _identity(answer: Answer | Later) -> Answer | Later:
    return answer


def _place(
    request: Message[Any],
    answer: Answer | Later,
    msg_ids: Iterator[int],
    replies: list[Reply],
    later: list[Later],
) -> None:
    if type(answer) in _LATER:
        answer.request = request  # type: ignore[union-attr]
        if type(answer) is not Driver or not answer.carried:
            later.append(answer)  # type: ignore[arg-type]
    elif answer is not None:
        replies.append(reply(request, answer, msg_ids))  # type: ignore[arg-type]


def _with_ids(
    answer: dict[str, Any], request: Any, in_reply_to: int | UnsetType, msg_ids: Iterator[int]
) -> dict[str, Any]:
    """Add what is missing: the type is that of the request and `_ok`."""
    type_ = answer.get("type", UNSET)
    if type_ is UNSET:
        type_ = f"{type_of(request)}_ok"
    elif not isinstance(type_, str):
        raise TypeError(f"a handler returned a dict whose type is {type_!r:.80}, not a string")
    ids = {} if in_reply_to is UNSET else {"in_reply_to": in_reply_to}
    return {**answer, "type": type_, **ids, "msg_id": next(msg_ids)}
