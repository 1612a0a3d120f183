"""Input schema: what tasks of a template are given, in a subset of JSON Schema.

JSON Schema, because users know it and because a template is data: who creates a task may run no Python.
A subset checked here, because a validator of all of it is a dependency of every worker and server, and
because two of its features let the author of a schema make a short input take for ever: `pattern`
(regular expressions that backtrack) and `$ref` (to itself). Every keyword is either obeyed, known to say
nothing about validity, or refused when the template is made; none is passed over. A template
in Python gives a msgspec type instead, see `schema_of`.

Source: JSON Schema 2020-12, "A Vocabulary for Structural Validation".
"""

from collections.abc import Callable, Iterator
from math import isfinite
from typing import Any

import msgspec

from .problem import Problem, did_you_mean, first_problems, shown

DEEPEST = 64

Schema = dict[str, Any] | bool


class BadInput(ValueError):
    """An input that its template's schema refuses; `problems` are all that were found, 50 at most."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("; ".join(map(str, problems)))


def check_input(value: Any, schema: Schema | None) -> None:
    """Refuse a *value*, as JSON has it, that *schema* does not allow. No schema allows everything.

    >>> check_input({"amount": "12"}, {"properties": {"amount": {"type": "integer"}}})
    Traceback (most recent call last):
    messenger.workflow.input_schema.BadInput: input.amount is '12', not of type integer

    Raises:
        BadInput: with each place that does not fit.
    """
    if schema is not None and (problems := first_problems(_problems(value, schema, "input"))):
        raise BadInput(problems)


def schema_of(type: Any) -> dict[str, Any]:
    """Return the schema of what msgspec decodes as *type*.

    Raises:
        TypeError: the type refers to itself, or is nothing that msgspec knows.
    """
    (schema,), components = msgspec.json.schema_components([type], ref_template="{name}")
    inlined = _inlined(schema, components, ())
    assert isinstance(inlined, dict)  # noqa: S101 - our own bug
    return inlined


def schema_problems(schema: Any, place: str, depth: int = 1) -> Iterator[Problem]:
    """Yield what keeps *schema* from being checked against, with places below *place*."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        yield Problem(place, f"is {shown(schema)}; write a schema, which is a mapping, true or false")
        return
    if depth > DEEPEST:
        yield Problem(place, f"is more than {DEEPEST} schemas deep; describe less, and check it in a step")
        return
    for keyword, value in schema.items():
        here = f"{place}.{keyword}"
        if keyword in _SILENT:
            continue
        if keyword not in _WRITTEN:
            known = [*_WRITTEN, *_SILENT]
            why = (
                _REFUSED.get(keyword) or f"is no keyword that is checked; {did_you_mean(str(keyword), known)}"
            )
            yield Problem(here, why)
            continue
        fits, wanted = _WRITTEN[keyword]
        if not fits(value):
            yield Problem(here, f"is {shown(value)}; write {wanted}")
            continue
        for below, inner in _inner(keyword, value):
            yield from schema_problems(inner, f"{here}{below}", depth + 1)


def _inner(keyword: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the schemas that are part of *keyword*, and where."""
    if keyword == "properties":
        yield from ((f".{name:.100}", schema) for name, schema in value.items())
    elif keyword in ("anyOf", "allOf", "prefixItems"):
        yield from ((f"[{number}]", schema) for number, schema in enumerate(value))
    elif keyword in ("items", "additionalProperties"):
        yield "", value


def _problems(value: Any, schema: Schema, place: str) -> Iterator[Problem]:
    if isinstance(schema, bool):
        if not schema:
            yield Problem(place, "is not allowed")
        return
    types = schema.get("type")
    if types is not None:
        types = [types] if isinstance(types, str) else types
        if not any(_IS[name](value) for name in types):
            yield Problem(place, f"is {shown(value)}, not of type {' or '.join(types)}")
            return
    if "enum" in schema and not any(_same(value, one) for one in schema["enum"]):
        yield Problem(place, f"is {shown(value)}, not one of {shown(schema['enum'])}")
    if "const" in schema and not _same(value, schema["const"]):
        yield Problem(place, f"is {shown(value)}, not {shown(schema['const'])}")
    for each in schema.get("allOf", ()):
        yield from _problems(value, each, place)
    if "anyOf" in schema and not any(_allows(value, each) for each in schema["anyOf"]):
        yield Problem(
            place, f"is {shown(value)}, which none of the {len(schema['anyOf'])} alternatives allows"
        )
    yield from _of_its_type(value, schema, place)


def _of_its_type(value: Any, schema: dict[str, Any], place: str) -> Iterator[Problem]:
    if isinstance(value, dict):
        yield from _object(value, schema, place)
    elif isinstance(value, list):
        yield from _array(value, schema, place)
    elif isinstance(value, str):
        yield from _size(len(value), schema, "Length", "characters", place)
    elif _is_number(value):
        yield from _number(value, schema, place)


def _allows(value: Any, schema: Schema) -> bool:
    return next(_problems(value, schema, ""), None) is None


def _object(value: dict[str, Any], schema: dict[str, Any], place: str) -> Iterator[Problem]:
    properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    for name in schema.get("required", ()):
        if name not in value:
            yield Problem(f"{place}.{name}", "is missing")
    for name, each in value.items():
        if name in properties:
            yield from _problems(each, properties[name], f"{place}.{name:.100}")
        elif others is False:
            yield Problem(
                f"{place}.{name:.100}", f"is not in the schema; {did_you_mean(name[:100], properties)}"
            )
        elif others is not True:
            yield from _problems(each, others, f"{place}.{name:.100}")
    yield from _size(len(value), schema, "Properties", "properties", place)


def _array(value: list[Any], schema: dict[str, Any], place: str) -> Iterator[Problem]:
    first, items = schema.get("prefixItems", ()), schema.get("items", True)
    for number, each in enumerate(value):
        yield from _problems(each, first[number] if number < len(first) else items, f"{place}[{number}]")
    yield from _size(len(value), schema, "Items", "items", place)


def _size(size: int, schema: dict[str, Any], what: str, unit: str, place: str) -> Iterator[Problem]:
    if size < (least := schema.get(f"min{what}", 0)):
        yield Problem(place, f"has {size} {unit}, fewer than {least}")
    if size > (most := schema.get(f"max{what}", size)):
        yield Problem(place, f"has {size} {unit}, more than {most}")


def _number(value: float, schema: dict[str, Any], place: str) -> Iterator[Problem]:
    if value < (least := schema.get("minimum", value)):
        yield Problem(place, f"is {shown(value)}, less than {least}")
    if value > (most := schema.get("maximum", value)):
        yield Problem(place, f"is {shown(value)}, more than {most}")
    if "exclusiveMinimum" in schema and value <= (bound := schema["exclusiveMinimum"]):
        yield Problem(place, f"is {shown(value)}, not more than {bound}")
    if "exclusiveMaximum" in schema and value >= (bound := schema["exclusiveMaximum"]):
        yield Problem(place, f"is {shown(value)}, not less than {bound}")


def _same(one: Any, other: Any) -> bool:
    """Compare as JSON does: true is not 1, but 1 is 1.0."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    return bool(one == other)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_integer(value: Any) -> bool:
    return _is_number(value) and (isinstance(value, int) or value.is_integer())


_IS: dict[str, Callable[[Any], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": _is_integer,
    "number": _is_number,
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def _is_bound(value: Any) -> bool:
    return _is_number(value) and isfinite(value)


def _is_size(value: Any) -> bool:
    return _is_integer(value) and value >= 0


def _is_type(value: Any) -> bool:
    names = value if isinstance(value, (list, tuple)) and value else [value]
    return all(isinstance(name, str) and name in _IS for name in names)


def _are_names(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(name, str) for name in value)


def _are_some(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and bool(value)


def _is_schema(value: Any) -> bool:
    return isinstance(value, (bool, dict))


_BOUND = (_is_bound, "a finite number")
_SIZE = (_is_size, "a whole number, 0 or more")
_SCHEMAS = (_are_some, "a list of schemas")

# What each keyword has to be, as a check and in words.
_WRITTEN: dict[str, tuple[Callable[[Any], bool], str]] = {
    "type": (_is_type, f"one of {', '.join(_IS)}, or a list of them"),
    "enum": (_are_some, "a list of the values that are allowed"),
    "const": (lambda _: True, ""),
    "properties": (_IS["object"], "a mapping of names to schemas"),
    "required": (_are_names, "a list of names"),
    "additionalProperties": (_is_schema, "true, false or a schema"),
    "items": (_is_schema, "true, false or a schema"),
    "prefixItems": _SCHEMAS,
    "anyOf": _SCHEMAS,
    "allOf": _SCHEMAS,
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _BOUND),
    **dict.fromkeys(
        ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), _SIZE
    ),
}

# Annotations, in the words of the specification: they say nothing about what is valid.
_SILENT = {
    "$schema",
    "$id",
    "$comment",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "format",
    "contentEncoding",
}

_REFUSED = {
    "pattern": "is not checked, as some patterns take for ever; check it in a step",
    "$ref": "is not followed; write the schema where it is used",
    "oneOf": "is not checked; write anyOf, whose alternatives may overlap",
}


def _inlined(schema: Any, components: dict[str, Any], within: tuple[str, ...]) -> Any:
    """Put the schemas in the place of references to them."""
    if isinstance(schema, list):
        return [_inlined(each, components, within) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if (name := schema.get("$ref")) is None:
        return {
            key: _inlined(each, components, within)
            for key, each in schema.items()
            if key != "discriminator" or "mapping" not in each
        }
    if name in within:
        raise TypeError(f"{name} refers to itself, which input_schema cannot; write the schema as a dict")
    return _inlined(components[name], components, (*within, name))
