"""Signature: what a function takes says what its messages are, and how it is called with one."""

import inspect
import typing
from collections.abc import Callable, Mapping, MutableMapping
from operator import attrgetter
from typing import Any

from msgspec import Struct, defstruct

from .message import Body, Message

# What a handler of plain JSON may say that it takes.
_PLAIN_ANNOTATIONS = (inspect.Parameter.empty, Any, object, dict, Mapping, MutableMapping)
_BODY = "body"
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_ONE = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.POSITIONAL_ONLY)


class Signature(Struct, frozen=True):
    """What a handler is.

    type_: the messages it handles. body_type: what their bodies are decoded as, None being a dict.
    arguments: makes of a body and its message what the function takes. takes_message: whether it takes
    the message, too. fields: the fields of the body that it takes in this order and by position, and nothing
    else; None where it takes something else.
    """

    type_: str
    body_type: type[Body] | None
    arguments: Callable[[Any, Message[Any]], tuple[tuple[Any, ...], dict[str, Any]]]
    takes_message: bool
    fields: tuple[str, ...] | None
    plain: bool
    """Whether the function takes the body and nothing else, and can be called with it as it stands."""


def read_signature(function: Callable[..., Any], type_: str | None) -> Signature:
    """Read what *function* takes, and of which type its messages are, unless *type_* says it.

    It takes a Body; or the JSON object as a dict, in a parameter called body; or the fields of the body by
    their names. And, if it has a parameter that is annotated as such, the `Message`.

    Raises:
        TypeError: it takes something else, or its Body says another type than *type_*, or nothing says one.
    """
    parameters = _annotated(function)
    messages = [name for name, parameter in parameters.items() if _is_message(parameter.annotation)]
    rest = {name: parameter for name, parameter in parameters.items() if name not in messages}
    names = list(parameters)
    takes_message = bool(messages)

    def positional(body: Any, message: Message[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return tuple(message if name in messages else body for name in names), {}

    only = next(iter(rest.values())) if len(rest) == 1 else None
    if only is not None and only.kind not in _ONE:
        only = None
    if only is not None and (body_type := _body_type(function, only)):
        return Signature(
            _agreed(function, type_, body_type), body_type, positional, takes_message, None, not messages
        )
    if only is not None and only.name == _BODY:
        if (typing.get_origin(only.annotation) or only.annotation) not in _PLAIN_ANNOTATIONS:
            what = f"a {only.annotation}, which is neither a Body nor a dict"
            raise TypeError(f"{name_of(function)} takes as its body {what}")
        return Signature(_named(function, type_), None, positional, takes_message, None, not messages)
    type_ = _named(function, type_)
    body_type = _body_of(type_, rest, function)
    getters = {name: attrgetter(name) for name in rest}

    def by_name(body: Any, message: Message[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        fields = {name: get(body) for name, get in getters.items()}
        return (), fields | dict.fromkeys(messages, message)

    by_position = not messages and all(parameter.kind in _ONE for parameter in rest.values())
    fields = tuple(rest) if by_position else None
    return Signature(type_, body_type, by_name, takes_message, fields, plain=False)


def name_of(function: Callable[..., Any]) -> str:
    """Return the name of *function*, or what else there is to know it by."""
    return getattr(function, "__name__", repr(function))


def _annotated(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    try:
        parameters = dict(inspect.signature(function).parameters)
    except ValueError as error:
        raise TypeError(f"{name_of(function)} does not say what it takes: {error}") from error
    if any(isinstance(parameter.annotation, str) for parameter in parameters.values()):
        hints = typing.get_type_hints(getattr(function, "__func__", function))
        for name, parameter in parameters.items():
            parameters[name] = parameter.replace(annotation=hints.get(name, parameter.annotation))
    return parameters


def _is_message(annotation: Any) -> bool:
    return (typing.get_origin(annotation) or annotation) is Message


def _body_type(function: Callable[..., Any], parameter: inspect.Parameter) -> type[Body] | None:
    """Return the Body that *parameter* is annotated with, if it is one.

    Raises:
        TypeError: it is one of several.
    """
    annotation = parameter.annotation
    if isinstance(annotation, type) and issubclass(annotation, Body):
        return annotation
    if any(isinstance(part, type) and issubclass(part, Body) for part in typing.get_args(annotation)):
        raise TypeError(
            f"{name_of(function)} takes a {annotation}, which is neither a Body nor a dict; "
            "register a handler for each Body"
        )
    return None


def _body_of(
    type_: str, parameters: Mapping[str, inspect.Parameter], function: Callable[..., Any]
) -> type[Body]:
    """Make a Body with a field for each parameter; one without annotation is any JSON value."""
    fields: list[Any] = []
    for name, parameter in parameters.items():
        if parameter.kind not in _NAMED:
            raise TypeError(
                f"{name_of(function)} takes {parameter}; a handler takes a Body, a dict, or fields by name"
            )
        empty = parameter.annotation is inspect.Parameter.empty
        field = (name, Any if empty else parameter.annotation)
        fields.append(field if parameter.default is inspect.Parameter.empty else (*field, parameter.default))
    title = "".join(word.capitalize() for word in type_.split("_"))
    body_type = defstruct(
        title, fields, bases=(Body,), tag_field="type", tag=type_, kw_only=True, gc=False, module=__name__
    )
    return typing.cast(type[Body], body_type)


def _agreed(function: Callable[..., Any], type_: str | None, body_type: type[Body]) -> str:
    tag = str(body_type.__struct_config__.tag)
    if type_ not in (None, tag):
        raise TypeError(
            f"{name_of(function)} is registered for {type_!r} and takes a {body_type.__name__}, "
            f"whose type is {tag!r}; give the class tag={type_!r}"
        )
    return tag


def _named(function: Callable[..., Any], type_: str | None) -> str:
    if type_ is None and not hasattr(function, "__name__"):
        raise TypeError(f"{name_of(function)} has no name; say which type it handles: on('type')")
    return type_ or name_of(function)
