"""YAML text: read into plain data, within limits, and written.

Read as the core schema of YAML 1.2 has it, which is JSON's values: `no`, `on`, `12:30` and dates stay text.
Built from events: what is too deep or grows too large through aliases never exists.

Source: YAML 1.2.2, chapter 10.3, and "Billion laughs attack".
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml  # type: ignore[import-untyped]
from msgspec import Struct

MOST_CHARACTERS = 1 << 20
MOST_VALUES = 200_000  # with those that aliases stand for
DEEPEST = 64

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's events come ten times as fast

_CORE = {
    "null": r"~|null|Null|NULL|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+",
    "float": r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?",
}
_core = [(name, re.compile(rf"(?:{pattern})\Z")) for name, pattern in _CORE.items()]


class BadText(ValueError):
    """Text that is not read, for *reason*; *line* counts from 1, and is None when none is to blame."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        self.reason = reason
        self.line = line
        super().__init__(f"line {line}: {reason}" if line else reason)


class Lines(Struct, frozen=True):
    """On which *line* a value begins, and the values in it, by `.key` or `[item]`.

    A tree, because a map of whole places would grow with the square of a text that has long keys.
    """

    line: int
    inner: dict[str, "Lines"]

    def line_of(self, place: str) -> int:
        """Return the line of *place*, such as `steps[2].name`, or of the nearest thing around it."""
        node, rest = self, f".{place}"
        while inner := [key for key in node.inner if rest.startswith(key) and rest[len(key) :][:1] in ".["]:
            longest = max(inner, key=len)
            node, rest = node.inner[longest], rest[len(longest) :]
        return node.line


class Document(Struct, frozen=True):
    """What a text holds, and on which lines, if that is known."""

    data: Any
    lines: Lines | None


def read_yaml(text: str) -> Document:
    """Read the one document of *text*.

    Raises:
        BadText: with the line.
    """
    check_size(text)
    reader = _Reader(_events(text))
    return reader.document()


def write_yaml(data: Any) -> str:
    """Write *data* so that `read_yaml` gives it back, without aliases."""
    text = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    assert isinstance(text, str)  # noqa: S101 - for mypy
    return text


def check_size(text: str) -> None:
    """Refuse a *text* that is too long to be a template, before anything looks at it.

    Raises:
        BadText: it is.
    """
    if len(text) > MOST_CHARACTERS:
        raise BadText(
            f"the text has {len(text):,} characters, and {MOST_CHARACTERS:,} are read; is it a template?"
        )


class _Reader:
    """Builds data from events; anchored values come with how many values they are, and how deep."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._anchored: dict[str, tuple[Any, int, int]] = {}
        self._values = 0
        self._deepest = 0

    def document(self) -> Document:
        next(self._events)
        if isinstance(next(self._events), yaml.StreamEndEvent):
            raise BadText("the text is empty; write a template")
        first = next(self._events)
        lines = Lines(_line(first), {})
        data = self._value(first, lines, 1)
        next(self._events)
        if not isinstance(rest := next(self._events), yaml.StreamEndEvent):
            raise BadText("a second document starts here; write one template in a file", _line(rest))
        return Document(data, lines)

    def _value(self, event: Any, lines: Lines, depth: int) -> Any:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, depth)
        before = self._values
        outer, self._deepest = self._deepest, depth
        self._count(event, 1, depth)
        if isinstance(event, yaml.ScalarEvent):
            value = _scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            _check_tag(event, "seq")
            value = self._sequence(lines, depth)
        else:
            _check_tag(event, "map")
            value = self._mapping(lines, depth)
        if event.anchor is not None:
            self._anchored[event.anchor] = (value, self._values - before, self._deepest - depth)
        self._deepest = max(outer, self._deepest)
        return value

    def _alias(self, event: Any, depth: int) -> Any:
        if event.anchor not in self._anchored:
            raise BadText(f"*{event.anchor} stands for nothing before it, or for what it is in", _line(event))
        value, values, deeper = self._anchored[event.anchor]
        self._count(event, values, depth + deeper)
        self._deepest = max(self._deepest, depth + deeper)
        return value

    def _count(self, event: Any, values: int, depth: int) -> None:
        self._values += values
        if self._values > MOST_VALUES:
            reason = f"more than {MOST_VALUES:,} values by here, with what aliases stand for; write fewer"
            raise BadText(reason, _line(event))
        if depth > DEEPEST:
            raise BadText(f"more than {DEEPEST} levels deep; write it flatter", _line(event))

    def _sequence(self, lines: Lines, depth: int) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            here = lines.inner[f"[{len(items)}]"] = Lines(_line(event), {})
            items.append(self._value(event, here, depth + 1))
        return items

    def _mapping(self, lines: Lines, depth: int) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = _key(event)
            if key in mapping:
                first = lines.inner[f".{key}"].line
                reason = f"{key:.100} is written a second time, first on line {first}; keep one"
                raise BadText(reason, _line(event))
            here = lines.inner[f".{key}"] = Lines(_line(event), {})
            mapping[key] = self._value(next(self._events), here, depth + 1)
        return mapping


def _events(text: str) -> Iterator[Any]:
    try:
        yield from yaml.parse(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = f"this is not YAML: {error.problem or error.context}"
        raise BadText(reason, mark.line + 1 if mark is not None else None) from error
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        raise BadText(f"this is not YAML: {str(error).splitlines()[0]}") from error


def _key(event: Any) -> str:
    key = _scalar(event) if isinstance(event, yaml.ScalarEvent) else None
    if not isinstance(key, str):
        what = repr(event.value) if isinstance(event, yaml.ScalarEvent) else "a key"
        raise BadText(f"{what:.60} is no text, and each key is; write it in quotes", _line(event))
    return key


def _scalar(event: Any) -> Any:
    plain, _ = event.implicit
    if event.tag not in (None, "!", "tag:yaml.org,2002:str"):
        raise BadText(f"the tag {event.tag:.60} is not read; leave it out", _line(event))
    if not plain or event.tag is not None:
        return event.value
    match next((name for name, pattern in _core if pattern.match(event.value)), "str"):
        case "null":
            return None
        case "bool":
            return event.value.lower() == "true"
        case "int":
            return _whole(event)
        case "float":
            return _finite(event)
    return event.value


def _whole(event: Any) -> int:
    try:
        return int(event.value, 0 if event.value[:2] in ("0o", "0x") else 10)
    except ValueError as error:  # Python stops at thousands of digits, which take quadratic time
        raise BadText(f"{event.value:.20}... is too long for a number", _line(event)) from error


def _finite(event: Any) -> float:
    number = float(event.value)
    if number in (float("inf"), float("-inf")):
        raise BadText(f"{event.value:.60} is too large for a number", _line(event))
    return number


def _check_tag(event: Any, kind: str) -> None:
    if event.tag not in (None, "!", f"tag:yaml.org,2002:{kind}"):
        raise BadText(f"the tag {event.tag:.60} is not read; leave it out", _line(event))


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """Quotes what YAML 1.1 or 1.2 would not read as text."""

    def ignore_aliases(self, data: object) -> bool:
        return True

    def represent_str(self, data: str) -> Any:
        # Only in double quotes are all line breaks of Unicode escaped; elsewhere some come back as blanks.
        style = None if data.isprintable() else '"'
        return self.represent_scalar("tag:yaml.org,2002:str", data, style)


_Dumper.add_representer(str, _Dumper.represent_str)
for _name, _pattern in _core:
    _Dumper.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", _pattern, None)
