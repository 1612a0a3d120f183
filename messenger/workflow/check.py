"""Check: everything that would keep a template from running.

It reads plain data and steps over what `fields` complains about, so that all problems come out at once.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from msgspec import Struct

from .fields import field_problems
from .graph import cycles_of
from .input_schema import schema_problems
from .json_value import NotJson, encode_json
from .problem import Problem, did_you_mean, shown


class _Seen(Struct, frozen=True):
    """A step as far as it can be read: names that are none are left out."""

    place: str
    name: str
    kind: Any
    depends_on: dict[str, str]
    """The place of each dependency."""
    may_create: dict[str, str]
    worker: str | None
    convergence: str | None


def template_problems(data: Any, template: type[Struct]) -> Iterator[Problem]:
    """Yield what is wrong with *data* as a *template*: its fields first, then how its steps hang together."""
    yield from field_problems(data, template)
    if not isinstance(data, dict):
        return
    if isinstance(data.get("input_schema"), dict):
        yield from _schema(data["input_schema"])
    written = data.get("steps")
    if not isinstance(written, (list, tuple)):
        return
    if not written:
        yield Problem("steps", "is empty; write at least one step")
    if len(written) > 1000:
        return  # said already, and too much to look at
    steps = [_seen(step, f"steps[{number}]") for number, step in enumerate(written) if _named(step)]
    by_name: dict[str, _Seen] = {}
    for step in steps:
        by_name.setdefault(step.name, step)
    yield from _duplicates(steps, by_name)
    yield from _repeated(written)
    yield from _unknown(steps, by_name)
    yield from _cycles(by_name)
    yield from _decisions(steps, by_name)
    yield from _batches(steps, by_name)


def _schema(schema: dict[str, Any]) -> Iterator[Problem]:
    try:
        encode_json(schema)
    except NotJson as error:
        yield Problem("input_schema", f"cannot be stored: {error}")
        return
    yield from schema_problems(schema, "input_schema")


def _named(step: Any) -> bool:
    return isinstance(step, dict) and isinstance(step.get("name"), str)


def _seen(step: dict[str, Any], place: str) -> _Seen:
    def places(field: str) -> dict[str, str]:
        names = step.get(field)
        names = names if isinstance(names, (list, tuple)) else ()
        return {
            name: f"{place}.{field}[{number}]" for number, name in enumerate(names) if isinstance(name, str)
        }

    def name_in(field: str) -> str | None:
        name = step.get(field)
        return name if isinstance(name, str) else None

    return _Seen(
        place=place,
        name=step["name"],
        kind=step.get("kind", "task"),
        depends_on=places("depends_on"),
        may_create=places("may_create"),
        worker=name_in("worker"),
        convergence=name_in("convergence"),
    )


def _duplicates(steps: list[_Seen], by_name: dict[str, _Seen]) -> Iterator[Problem]:
    for step in steps:
        if (first := by_name[step.name]) is not step:
            text = f"is {shown(step.name)}, as {first.place}.name is; give each step a name of its own"
            yield Problem(f"{step.place}.name", text)


def _repeated(written: Sequence[Any]) -> Iterator[Problem]:
    for number, step in enumerate(written):
        for field in ("depends_on", "may_create"):
            names = step.get(field) if isinstance(step, dict) else None
            names = names if isinstance(names, (list, tuple)) else ()
            seen: dict[str, int] = {}
            for at, name in enumerate(names):
                if isinstance(name, str) and (first := seen.setdefault(name, at)) != at:
                    text = f"is {shown(name)}, as item {first} is; name it once"
                    yield Problem(f"steps[{number}].{field}[{at}]", text)


def _unknown(steps: list[_Seen], by_name: dict[str, _Seen]) -> Iterator[Problem]:
    for step in steps:
        named = [*step.depends_on.items(), *step.may_create.items()]
        named += [(step.worker, f"{step.place}.worker")] if step.worker is not None else []
        named += [(step.convergence, f"{step.place}.convergence")] if step.convergence is not None else []
        for name, place in named:
            if name not in by_name:
                yield Problem(place, f"is {shown(name)}, which is no step; {did_you_mean(name, by_name)}")


def _cycles(by_name: dict[str, _Seen]) -> Iterator[Problem]:
    parents = {name: tuple(step.depends_on) for name, step in by_name.items()}
    # Finding one costs a look at every edge.
    for cycle in islice(cycles_of(parents), 10):
        text = f"closes a cycle, {' -> '.join(cycle)}; take one of these dependencies away"
        yield Problem(by_name[cycle[0]].depends_on[cycle[-2]], text)


def _decisions(steps: list[_Seen], by_name: dict[str, _Seen]) -> Iterator[Problem]:
    decided_by: dict[str, str] = {}
    for step in steps:
        if step.kind != "decision":
            if step.may_create:
                yield Problem(
                    f"{step.place}.may_create", "is for decisions; set kind to decision, or remove it"
                )
            continue
        if not step.may_create:
            yield Problem(
                f"{step.place}.may_create", "is empty; name the steps that the decision chooses from"
            )
        for name, place in step.may_create.items():
            if name in by_name and step.name not in by_name[name].depends_on:
                text = f"is {shown(name)}, which does not depend on the decision; add {step.name} to"
                yield Problem(place, f"{text} {by_name[name].place}.depends_on")
            if decided_by.setdefault(name, step.name) != step.name:
                text = f"is {shown(name)}, which {decided_by[name]} decides about; leave it to one decision"
                yield Problem(place, text)


def _batches(steps: list[_Seen], by_name: dict[str, _Seen]) -> Iterator[Problem]:
    batch_of: dict[str, _Seen] = {}
    for step in steps:
        if step.kind == "batch":
            yield from _batch(step, by_name, batch_of)
            continue
        for field in ("worker", "convergence"):
            if getattr(step, field) is not None:
                yield Problem(f"{step.place}.{field}", "is for batches; set kind to batch, or remove it")
    for step in steps:
        for name, place in step.depends_on.items():
            batch = batch_of.get(name)
            if batch is not None and batch.convergence != step.name:
                text = f"is {shown(name)}, which runs once for each range of {batch.name}"
                yield Problem(place, f"{text}; only the convergence step of {batch.name} can wait for it")


def _batch(step: _Seen, by_name: dict[str, _Seen], batch_of: dict[str, _Seen]) -> Iterator[Problem]:
    place, worker = f"{step.place}.worker", by_name.get(step.worker or "")
    if step.worker is None:
        yield Problem(place, "is missing; name the step that runs once for each range")
    if worker is None:
        return
    if (other := batch_of.setdefault(worker.name, step)) is not step:
        yield Problem(place, f"is {shown(worker.name)}, the worker of {other.name}; give each batch its own")
    if list(worker.depends_on) != [step.name]:
        text = f"is {shown(worker.name)}, which has to depend on the batch alone; set"
        yield Problem(place, f"{text} {worker.place}.depends_on to [{step.name}]")
    if worker.kind != "task":
        yield Problem(place, f"is {shown(worker.name)}, a {worker.kind}; a worker's kind is task")
    convergence = by_name.get(step.convergence or "")
    if convergence is not None and worker.name not in convergence.depends_on:
        text = f"is {shown(convergence.name)}, which does not depend on the worker; add {worker.name} to"
        yield Problem(f"{step.place}.convergence", f"{text} {convergence.place}.depends_on")
