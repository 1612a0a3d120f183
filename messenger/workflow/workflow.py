"""Workflow: a template and its handlers, written in Python as the functions that do the steps."""

from collections.abc import Callable, Sequence
from typing import Any, TypedDict, Unpack, overload

from msgspec import Struct

from .context import Context, CursorRange  # noqa: F401 - the range is for a doctest
from .handlers import Function, Handler, Handlers, RunsIn, handler_of
from .input_schema import schema_of
from .problem import did_you_mean
from .template import Retry, Step, Template


class StepFunction(Struct, frozen=True):
    """A function together with the step that it does; it is called as before."""

    function: Function
    step: Step
    handler: Handler
    """What a worker calls, which is not *function* where that is to run in another process."""

    @property
    def name(self) -> str:
        """The step's name, by which others depend on it and decisions choose it."""
        return self.step.name

    def __call__(self, context: Context) -> Any:
        """Do the step."""
        return self.function(context)


StepName = str | StepFunction


class Options(TypedDict, total=False):
    """What any step may say of itself; *name* and *handler* are the function's name unless given."""

    depends_on: Sequence[StepName]
    name: str
    handler: str
    retry: Retry
    timeout_seconds: float
    runs_in: RunsIn


Decorator = Callable[[Function], StepFunction]


@overload
def step(function: Function, /) -> StepFunction: ...


@overload
def step(**options: Unpack[Options]) -> Decorator: ...


def step(function: Function | None = None, /, **options: Unpack[Options]) -> StepFunction | Decorator:
    """Make a step of a function that takes a `Context` and returns its result, which is JSON.

    >>> @step
    ... def reserve(context):
    ...     return {"items": context.input["items"]}
    >>> @step(depends_on=[reserve], retry=Retry(max_attempts=5))
    ... async def charge(context):
    ...     return len(context.results["reserve"]["items"])
    >>> Workflow("orders", version="1", steps=[reserve, charge]).template.steps[1].depends_on
    ('reserve',)
    """
    decorate = _decorator(options)
    return decorate if function is None else decorate(function)


def decision(*, may_create: Sequence[StepName], **options: Unpack[Options]) -> Decorator:
    """Make a decision of a function that returns which of *may_create* are to run, see `outcome_of`.

    They depend on the decision, so they are mostly written below it, and named as text.

    >>> @decision(may_create=["refund", "ship"])
    ... def judge(context):
    ...     return "ship"
    """
    return _decorator(options, kind="decision", may_create=_names(may_create))


def batch(*, worker: StepName, convergence: StepName | None = None, **options: Unpack[Options]) -> Decorator:
    """Make a batch of a function that returns the ranges, for each of which *worker* is cloned.

    >>> @batch(worker="load_rows", convergence="sum_up")
    ... def split(context):
    ...     return [CursorRange(0, 500), CursorRange(500, 1000)]
    """
    after = None if convergence is None else _name_of(convergence)
    return _decorator(options, kind="batch", worker=_name_of(worker), convergence=after)


class Workflow:
    """A template and its handlers.

    *steps* are functions made steps, or plain `Step`s whose handler is elsewhere. *input_schema* is a JSON
    Schema, or the type that the input is.

    Raises:
        BadTemplate: it could not be run; all that is wrong.
        ValueError: two functions have one handler name.
        TypeError: *input_schema* is a type that no schema describes.
    """

    def __init__(
        self,
        name: str,
        *,
        version: str,
        steps: Sequence[StepFunction | Step],
        namespace: str = "default",
        input_schema: Any = None,
    ) -> None:
        as_data = input_schema is None or isinstance(input_schema, dict)
        self.template = Template(
            name=name,
            version=version,
            namespace=namespace,
            steps=tuple(each.step if isinstance(each, StepFunction) else each for each in steps),
            input_schema=input_schema if as_data else schema_of(input_schema),
        )
        self.handlers = Handlers()
        for each in steps:
            if isinstance(each, StepFunction):
                self.handlers.put(each.handler)


def _decorator(options: Options, **of_kind: Any) -> Decorator:
    known = Options.__annotations__
    for option in options:
        if option not in known:  # a dependency that was passed over would be found in production
            raise TypeError(f"a step has no {option}; {did_you_mean(option, known)}")

    def decorate(function: Function) -> StepFunction:
        handler = handler_of(function, options.get("handler"), options.get("runs_in"))
        said: dict[str, Any] = {
            key: value for key, value in options.items() if key in ("retry", "timeout_seconds")
        }
        made = Step(
            name=options.get("name") or handler_of(function).name,
            handler=handler.name,
            depends_on=_names(options.get("depends_on", ())),
            **said,
            **of_kind,
        )
        return StepFunction(function, made, handler)

    return decorate


def _names(names: Sequence[StepName]) -> tuple[str, ...]:
    # Of text, each letter would be a name.
    if isinstance(names, str):
        raise TypeError(f"{names!r} is one name where several can be; write [{names!r}]")
    return tuple(map(_name_of, names))


def _name_of(name: StepName) -> str:
    return name if isinstance(name, str) else name.name
