"""Fields: whether data has those of a struct, and every one that does not fit.

`msgspec.convert` stops at the first error; who mends a template wants all of them.
"""

from collections.abc import Iterator
from functools import cache
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Meta, Struct

from .problem import Problem, did_you_mean, shown


def field_problems(data: Any, struct: type[Struct], place: str = "") -> Iterator[Problem]:
    """Yield what keeps *data*, as JSON has it, from being a *struct*, with places below *place*.

    Each field that is no struct or tuple has a `Meta` whose description says what to write.
    """
    if not isinstance(data, dict):
        yield Problem(place or "it", f"is {shown(data)}; write {_wanted(struct)}")
        return
    fields = _fields(struct)
    for name in data:
        if name not in fields:
            text = f"is no field of a {struct.__name__.lower()}; {did_you_mean(str(name), fields)}"
            yield Problem(below(place, f"{name!s:.100}"), text)
    for name, field in fields.items():
        if name in data:
            yield from _value_problems(data[name], field.type, below(place, name))
        elif field.default is NODEFAULT and field.default_factory is NODEFAULT:
            yield Problem(below(place, name), f"is missing; write {_wanted(field.type)}")


def below(place: str, name: str) -> str:
    """Return the place of the field *name* of what is at *place*.

    >>> below("steps[2]", "retry"), below("", "steps")
    ('steps[2].retry', 'steps')
    """
    return f"{place}.{name}" if place else name


def _value_problems(value: Any, annotation: Any, place: str) -> Iterator[Problem]:
    plain, _ = _parts(annotation)
    if _is_struct(plain):
        yield from field_problems(value, plain, place)
    elif get_origin(plain) is tuple:
        yield from _item_problems(value, annotation, place)
    elif not _fits(value, annotation):
        yield Problem(place, f"is {shown(value)}; write {_wanted(annotation)}")


def _item_problems(value: Any, annotation: Any, place: str) -> Iterator[Problem]:
    plain, meta = _parts(annotation)
    most = meta.max_length if meta is not None else None
    if not isinstance(value, (list, tuple)):
        yield Problem(place, f"is {shown(value)}; write {_wanted(annotation)}")
    elif most is not None and len(value) > most:
        yield Problem(place, f"has {len(value):,} items; write {most:,} at most")
    else:
        for number, each in enumerate(value):
            yield from _value_problems(each, get_args(plain)[0], f"{place}[{number}]")


def _fits(value: Any, annotation: Any) -> bool:
    try:
        msgspec.convert(value, annotation)
    except msgspec.ValidationError:
        return False
    return True


def _wanted(annotation: Any) -> str:
    """Return in words what to write for *annotation*."""
    plain, meta = _parts(annotation)
    if meta is not None and meta.description:
        return meta.description
    if _is_struct(plain):
        return f"a mapping of {', '.join(_fields(plain))}"
    if get_origin(plain) is tuple:
        return f"a list, each item {_wanted(get_args(plain)[0])}"
    return " or ".join(_wanted(one) for one in get_args(plain) if one is not NoneType)


def _parts(annotation: Any) -> tuple[Any, Meta | None]:
    if get_origin(annotation) is not Annotated:
        return annotation, None
    plain, *notes = get_args(annotation)
    return plain, next((note for note in notes if isinstance(note, Meta)), None)


def _is_struct(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Struct)


@cache
def _fields(struct: type[Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    return {field.encode_name: field for field in msgspec.structs.fields(struct)}
