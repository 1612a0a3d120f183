"""Handlers: which function does the work of a step, by the name that templates have for it."""

from collections.abc import Callable, Iterator
from inspect import iscoroutinefunction
from typing import Any, Literal, TypeVar, get_args

from msgspec import Struct

from .by_name import by_name
from .context import Context
from .problem import did_you_mean
from .template import Template

Function = Callable[[Context], Any]
RunsIn = Literal["loop", "thread", "process", "subprocess"]

AnyFunction = TypeVar("AnyFunction", bound=Function)


class UnknownHandler(LookupError):
    """No handler has that name."""


class Handler(Struct, frozen=True):
    """A *function*, and where it runs: on the worker's event loop, in a thread, or in a process of a pool.

    What runs in a "subprocess" is a `SubprocessHandler`, a program of its own.
    """

    name: str
    function: Function
    runs_in: RunsIn
    """In a process, *function* is one that can be pickled, see `by_name`."""

    @property
    def asynchronous(self) -> bool:
        """Whether what it returns is to be awaited."""
        return is_asynchronous(self.function)


class Handlers:
    """The handlers of a worker.

    >>> handlers = Handlers()
    >>> @handlers.add
    ... def reserve(context):
    ...     return {"reserved": context.input["items"]}
    >>> handlers["reserve"].runs_in
    'thread'
    """

    def __init__(self) -> None:
        self._handlers: dict[str, Handler] = {}

    def add(
        self, function: AnyFunction, name: str | None = None, runs_in: RunsIn | None = None
    ) -> AnyFunction:
        """Let *function* be found by *name*, or by its own; it is returned, so this decorates.

        A coroutine function runs on the event loop. A plain one runs in a thread, as most block; say
        "loop" for one that never does, and is done in less time than handing it to a thread takes.

        Raises:
            TypeError: it is asynchronous, and *runs_in* is not the loop; or a process would not find it.
            ValueError: another function has the name, or *runs_in* is no such place.
        """
        self.put(handler_of(function, name, runs_in))
        return function

    def put(self, handler: Handler) -> None:
        """Let *handler* be found; putting the same one twice is fine.

        Raises:
            ValueError: another one has the name.
        """
        if (other := self._handlers.setdefault(handler.name, handler)) != handler:
            raise ValueError(
                f"handler {handler.name!r} is {_described(other)}, and cannot be {_described(handler)} "
                "as well; give one of them another name"
            )

    def missing(self, template: Template) -> tuple[str, ...]:
        """Return the handlers that *template* names and that are not here."""
        named = dict.fromkeys(step.handler for step in template.steps)
        return tuple(name for name in named if name not in self._handlers)

    def __getitem__(self, name: str) -> Handler:
        try:
            return self._handlers[name]
        except KeyError:
            advice = did_you_mean(name, self._handlers)
            raise UnknownHandler(f"no handler is called {name!r}; {advice}") from None

    def __contains__(self, name: object) -> bool:
        return name in self._handlers

    def __iter__(self) -> Iterator[Handler]:
        return iter(self._handlers.values())

    def __len__(self) -> int:
        return len(self._handlers)


def handler_of(function: Function, name: str | None = None, runs_in: RunsIn | None = None) -> Handler:
    """Make a handler of *function*, see `Handlers.add`."""
    if not callable(function):
        raise TypeError(f"{function!r} is no function, so it cannot be a handler")
    own = name or str(getattr(function, "__name__", type(function).__name__))
    program = getattr(function, "runs_in", None) == "subprocess"
    where = runs_in or ("subprocess" if program else "loop" if is_asynchronous(function) else "thread")
    if where not in get_args(RunsIn):
        raise ValueError(
            f"runs_in of handler {own!r} is {where!r}; write one of {', '.join(get_args(RunsIn))}"
        )
    if (where == "subprocess") != program:
        raise TypeError(
            f"handler {own!r} cannot run in a {where}; what runs in a subprocess is a program, made a "
            "handler with subprocess_handler(), and nothing else"
        )
    if where in ("thread", "process") and is_asynchronous(function):
        raise TypeError(
            f"handler {own!r} is asynchronous and cannot run in a {where}; "
            "leave runs_in out, or make it a plain function"
        )
    return Handler(own, by_name(function) if where == "process" else function, where)


def is_asynchronous(function: Function) -> bool:
    """Claim that *function*, or an object that is called, gives a coroutine."""
    return iscoroutinefunction(function) or iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004


def _described(handler: Handler) -> str:
    function = handler.function
    module, name = getattr(function, "__module__", "?"), getattr(function, "__qualname__", repr(function))
    return f"{module}.{name} in the {handler.runs_in}"
