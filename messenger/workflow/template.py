"""Template: a workflow as data, which tasks are made from."""

from collections.abc import Iterable
from random import Random
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from . import graph
from .backoff import Jitter, delay_seconds
from .check import template_problems
from .problem import BadTemplate, Problem, first_problems, shown

Name = Annotated[
    str,
    Meta(
        pattern=r"\A[A-Za-z0-9_.-]{1,100}\Z",
        description="text of 1 to 100 letters, digits, _, - and . (a number in quotes)",
    ),
]
Seconds = Annotated[float, Meta(gt=0, le=31_536_000, description="seconds, more than 0, at most a year")]
Attempts = Annotated[int, Meta(ge=1, le=1000, description="a whole number from 1 to 1,000")]
Kind = Annotated[Literal["task", "decision", "batch"], Meta(description="task, decision or batch")]


class Retry(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How often a step is attempted, and how long it waits in between, at most *cap_seconds*."""

    max_attempts: Attempts = 3
    base_seconds: Seconds = 1.0
    cap_seconds: Seconds = 60.0
    jitter: Annotated[Jitter, Meta(description="none, full or equal")] = "full"

    def delay_seconds(self, attempt: int, chance: Random) -> float:
        """Return how long to wait before *attempt*, see `backoff.delay_seconds`."""
        return delay_seconds(
            attempt,
            base_seconds=self.base_seconds,
            cap_seconds=self.cap_seconds,
            jitter=self.jitter,
            chance=chance,
        )


class Step(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A step: *handler* is called once all that it depends on is complete."""

    name: Name
    handler: Name
    depends_on: Annotated[tuple[Name, ...], Meta(max_length=100)] = ()
    retry: Retry = Retry()
    timeout_seconds: Seconds = 300.0
    """How long one attempt may take."""
    kind: Kind = "task"
    may_create: Annotated[tuple[Name, ...], Meta(max_length=1000)] = ()
    """Of a decision: the steps among which it chooses; each depends on it, and others run regardless."""
    worker: Name | None = None
    """Of a batch: the step that is cloned for each cursor range, and depends on the batch."""
    convergence: Name | None = None
    """Of a batch: the step that runs once all clones are complete, and depends on the worker."""

    def __post_init__(self) -> None:
        _make_tuples(self, "depends_on", "may_create")


class Template(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A workflow as data; one that could not be run cannot be made.

    *input_schema* describes what tasks are given, see `input_schema`; None takes everything.

    Raises:
        BadTemplate: with all that is wrong.
    """

    name: Name
    version: Name
    steps: Annotated[tuple[Step, ...], Meta(max_length=1000)]
    namespace: Name = "default"
    input_schema: Annotated[dict[str, Any], Meta(description="a JSON Schema, which is a mapping")] | None = (
        None
    )

    def __post_init__(self) -> None:
        _make_tuples(self, "steps")
        if problems := first_problems(_problems_of(self)):
            raise BadTemplate(f"template {shown(self.name)}", problems)

    def step(self, name: str) -> Step:
        """Return the step *name*, or raise a KeyError."""
        for step in self.steps:
            if step.name == name:
                return step
        raise KeyError(f"template {self.name!r} has no step {name!r}")


def template_of(data: Any, source: str = "the template") -> Template:
    """Make a template of *data*, as JSON or YAML has it; *source* is what errors call it.

    Raises:
        BadTemplate: with all that is wrong.
    """
    if problems := first_problems(template_problems(data, Template)):
        raise BadTemplate(source, problems)
    return msgspec.convert(data, Template)


def parents(template: Template) -> dict[str, tuple[str, ...]]:
    """Return what each step depends on, in the template's order."""
    return {step.name: step.depends_on for step in template.steps}


def children(template: Template) -> dict[str, tuple[str, ...]]:
    """Return which steps depend on each, in the template's order."""
    return graph.children_of(parents(template))


def roots(template: Template) -> tuple[str, ...]:
    """Return the steps that depend on nothing."""
    return tuple(step.name for step in template.steps if not step.depends_on)


def topological_order(template: Template) -> tuple[str, ...]:
    """Return the steps so that each comes after all that it depends on, and otherwise as written."""
    return graph.order_of(parents(template))


def convergence_points(template: Template) -> tuple[str, ...]:
    """Return the steps that wait for several: for several steps, or for all clones of a batch's worker."""
    batches = {step.convergence for step in template.steps}
    return tuple(step.name for step in template.steps if len(step.depends_on) > 1 or step.name in batches)


def _make_tuples(struct: Struct, *fields: str) -> None:
    """Let lists be written in Python, where a list would make equal templates unequal, and not frozen."""
    for field in fields:
        value: object = getattr(struct, field)
        if isinstance(value, list):
            msgspec.structs.force_setattr(struct, field, tuple(value))


def _problems_of(template: Template) -> Iterable[Problem]:
    # As data: a template made in Python has never been compared with its annotations.
    try:
        data = msgspec.to_builtins(template)
    except (TypeError, ValueError, RecursionError) as error:
        return [
            Problem("the template", f"holds what JSON cannot: {error}; use text, numbers, lists and dicts")
        ]
    return template_problems(data, type(template))
