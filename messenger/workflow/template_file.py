"""Template file: a template as YAML or JSON text, and back."""

import json
from collections import Counter
from typing import Any, Literal

import msgspec

from .problem import BadTemplate, Problem
from .template import Template, template_of
from .yaml_text import DEEPEST, BadText, Document, Lines, check_size, read_yaml, write_yaml

Format = Literal["yaml", "json"]


def parse_template(text: str | bytes, format: Format = "yaml", source: str = "the template") -> Template:
    """Make a template of *text*; *source*, such as the file's name, is what errors call it.

    Raises:
        BadTemplate: with all that is wrong, each with its line.
    """
    try:
        text = text.decode() if isinstance(text, bytes) else text
        document = read_yaml(text) if format == "yaml" else _read_json(text)
    except BadText as error:
        raise BadTemplate(source, [Problem("", error.reason, error.line)]) from error
    except UnicodeDecodeError as error:
        problem = Problem("the text", f"is not UTF-8 at byte {error.start}; save it as UTF-8")
        raise BadTemplate(source, [problem]) from error
    try:
        return template_of(document.data, source)
    except BadTemplate as error:
        lines = document.lines or _lines_of_json(text)
        raise BadTemplate(source, [_located(each, lines) for each in error.problems]) from None


def format_template(template: Template, format: Format = "yaml") -> str:
    """Write *template* so that `parse_template` gives it back; what is as it is by default is left out."""
    if format == "json":
        return msgspec.json.format(msgspec.json.encode(template)).decode() + "\n"
    return write_yaml(msgspec.to_builtins(template))


def _read_json(text: str) -> Document:
    check_size(text)
    try:
        data = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise BadText(f"this is not JSON: {error.msg}", error.lineno) from error
    except BadText as error:
        raise BadText(error.reason) from None
    except ValueError as error:
        raise BadText("the text holds a number of thousands of digits; write a shorter one") from error
    except RecursionError as error:
        raise BadText(f"the text is more than {DEEPEST} levels deep; write it flatter") from error
    if _is_deep(data):
        raise BadText(f"the text is more than {DEEPEST} levels deep; write it flatter")
    return Document(data, None)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise BadText(f"{twice[:100]!r} is written twice in one object; keep one")
    return data


def _refuse(constant: str) -> None:
    raise BadText(f"{constant} is no number of JSON; write a finite one")


def _is_deep(data: Any) -> bool:
    level = [data]
    for _ in range(DEEPEST):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each if isinstance(each, list) else ())
        ]
        if not level:
            return False
    return True


def _lines_of_json(text: str) -> Lines | None:
    try:
        return read_yaml(
            text
        ).lines  # JSON is YAML but for a few escapes, and only YAML's reader counts lines
    except BadText:
        return None


def _located(problem: Problem, lines: Lines | None) -> Problem:
    return msgspec.structs.replace(problem, line=lines.line_of(problem.place) if lines is not None else None)
