"""Which function answers which type of message."""

import inspect
import typing
from collections.abc import Callable, Mapping, MutableMapping
from functools import cached_property, partial
from traceback import format_exception_only
from typing import Any

from msgspec import UNSET, Struct, convert

from .complaints import Complaints
from .dispatch import Answer, msg_id_of
from .later import AfterFlush, Later
from .message import (
    CRASH,
    MALFORMED_REQUEST,
    NOT_SUPPORTED,
    TEMPORARILY_UNAVAILABLE,
    Body,
    Error,
    Init,
    Malformed,
    Message,
)
from .parse import PLAIN, BodyTypes

# What a handler of plain JSON may say that it takes.
_PLAIN_ANNOTATIONS = (inspect.Parameter.empty, Any, object, dict, Mapping, MutableMapping)

Function = Callable[[Any], Answer | Later]


class _Handler(Struct, frozen=True):
    body_type: type[Body] | None  # None: the function takes the JSON object as a dict
    function: Function


class Handlers:
    """The routes of one node: only *init* until `open`, then everything that was added."""

    def __init__(self, init: Callable[[Init], Answer], complaints: Complaints) -> None:
        self.waits = False
        self._complaints = complaints
        self._opened = False
        self._handlers = {"init": _Handler(Init, init)}

    def add(self, function: Callable[[Any], Any], type_: str | None, *, after_flush: bool) -> None:
        """Route messages of *type_* to *function*; without it, of the type its annotation or its name says.

        Raises:
            TypeError: *function* does not take one argument, or its annotation says another type or is
            neither a Body nor a dict, or nothing says which type.
            ValueError: the type has a handler already.
        """
        body_type = _annotated_body(function)
        type_ = _agreed_type(function, type_, body_type)
        if type_ in self._handlers:
            raise ValueError(f"messages of type {type_!r} have a handler already")
        if inspect.iscoroutinefunction(function):
            from .tasks import until_first_wait  # asyncio loads only for those who wait

            self.waits = True
            function = until_first_wait(function)
        call = partial(_after_flush, function) if after_flush else function
        self._handlers[type_] = _Handler(body_type, call)
        self._forget()

    def open(self) -> None:
        """Answer everything from now on, in the midst of a batch if need be."""
        self._opened = True
        self.table.update(self._routes())

    @cached_property
    def types(self) -> BodyTypes:
        """What `parse` should read bodies as: one dict handler makes all of them dicts."""
        body_types = [handler.body_type for handler in self._handlers.values()]
        return PLAIN if None in body_types else BodyTypes(*filter(None, body_types))

    @cached_property
    def table(self) -> dict[type, Function]:
        """See `dispatch.Routes`."""
        return self._routes()

    def crashed(self, request: Message[Any], error: BaseException) -> Answer:
        """See `dispatch.Routes`."""
        self._complaints.traceback(f"the handler of a message from {request.src!r:.80} failed", error)
        return self._refuse(request.body, CRASH, "".join(format_exception_only(error)).strip())

    def _forget(self) -> None:
        for cached in ("types", "table"):
            self.__dict__.pop(cached, None)

    def _routes(self) -> dict[type, Function]:
        routes: dict[type, Function] = {dict: self._plain, Malformed: self._malformed}
        for handler in self._handlers.values():
            if handler.body_type is not None:
                routes[handler.body_type] = handler.function if self._is_open(handler) else self._not_yet
        return routes

    def _is_open(self, handler: _Handler) -> bool:
        return self._opened or handler.body_type is Init

    def _plain(self, body: dict[str, Any]) -> Answer | Later:
        """Answer a body that `parse` left as plain JSON: for a dict handler, or of a type nobody handles."""
        if "in_reply_to" in body:
            if type(in_reply_to := body["in_reply_to"]) is int:
                return None
            return self._refuse(
                body, MALFORMED_REQUEST, f"in_reply_to is {in_reply_to!r:.80}, not an integer"
            )
        type_ = body.get("type")
        if not isinstance(type_, str):
            return self._refuse(body, MALFORMED_REQUEST, f"the body's type is {type_!r:.80}, not a string")
        handler = self._handlers.get(type_)
        if not self._opened and type_ != "init":
            return self._not_yet(body)
        if handler is None:
            return self._refuse(body, NOT_SUPPORTED, f"messages of type {type_!r:.80} have no handler here")
        if handler.body_type is None:
            return handler.function(body)
        try:
            typed = convert(body, handler.body_type, str_keys=True)
        except Exception as error:  # see parse
            return self._refuse(body, MALFORMED_REQUEST, str(error))
        return handler.function(typed)

    def _malformed(self, body: Malformed) -> Answer:
        return self._refuse(body, MALFORMED_REQUEST, body.text)

    def _not_yet(self, body: Any) -> Answer:
        return self._refuse(
            body, TEMPORARILY_UNAVAILABLE, "this node has not been initialised: send init first"
        )

    def _refuse(self, body: Any, code: int, text: str) -> Answer:
        """Tell the sender; or say so on stderr when it gave no msg_id to answer."""
        if msg_id_of(body) is not UNSET:
            return Error(code=code, text=text)
        self._complaints.warning(f"dropped a message that cannot be answered (no src or msg_id): {text}")
        return None


def _after_flush(function: Function, body: Any) -> AfterFlush:
    return AfterFlush(partial(function, body))


def _annotated_body(function: Callable[[Any], Any]) -> type[Body] | None:
    """Return the Body type that the only parameter of *function* is annotated with, if it is one."""
    parameters = list(inspect.signature(function).parameters.values())
    if len(parameters) != 1:
        raise TypeError(f"{_name(function)} takes {len(parameters)} arguments; a handler takes one, the body")
    annotation = parameters[0].annotation
    if isinstance(annotation, str):
        annotation = typing.get_type_hints(function)[parameters[0].name]
    if isinstance(annotation, type) and issubclass(annotation, Body):
        return annotation
    if (typing.get_origin(annotation) or annotation) not in _PLAIN_ANNOTATIONS:
        raise TypeError(
            f"{_name(function)} takes a {annotation}, which is neither a Body nor a dict; "
            "register a handler for each Body"
        )
    return None


def _agreed_type(function: Callable[[Any], Any], type_: str | None, body_type: type[Body] | None) -> str:
    if body_type is None:
        if type_ is None and not hasattr(function, "__name__"):
            raise TypeError(f"{_name(function)} has no name; say which type it handles: on('type')")
        return type_ or _name(function)
    tag = str(body_type.__struct_config__.tag)
    if type_ not in (None, tag):
        raise TypeError(
            f"{_name(function)} is registered for {type_!r} and takes a {body_type.__name__}, "
            f"whose type is {tag!r}; give the class tag={type_!r}"
        )
    return tag


def _name(function: Callable[[Any], Any]) -> str:
    return getattr(function, "__name__", repr(function))
