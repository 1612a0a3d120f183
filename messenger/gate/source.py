"""Source: where in the code a benchmark stands, and whether it is still the same benchmark."""

import ast
import hashlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import msgspec


class Source(msgspec.Struct, frozen=True):
    """A function in a file, whose path is relative to the project; `fingerprint` is of what it does.

    The fingerprint knows parameters and body, and neither name, comments, docstring, decorators nor place.
    """

    file: str
    line: int
    fingerprint: str


def find_sources(root: Path, names: Iterable[str]) -> dict[str, Source]:
    """Find the functions of the benchmarks called *names* below *root*, as far as they stand in their files.

    A function that a file has imported, or that a class has inherited, is not looked for elsewhere.
    """
    found: dict[str, Source] = {}
    files: dict[str, dict[str, tuple[int, str]]] = {}
    for name in names:
        file, _, path = name.partition("[")[0].partition("::")
        if file not in files:
            files[file] = _functions(root / file)
        if path in files[file]:
            found[name] = Source(file, *files[file][path])
    return found


def _functions(path: Path) -> dict[str, tuple[int, str]]:
    """Read line and fingerprint of every function in the file at *path*, by `Class::name`."""
    try:
        return dict(_walk(ast.parse(path.read_bytes()), ""))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return {}


def _walk(
    node: ast.Module | ast.ClassDef | ast.If | ast.Try, prefix: str
) -> Iterable[tuple[str, tuple[int, str]]]:
    for child in node.body:
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            with suppress(RecursionError, MemoryError):  # an expression of a thousand terms
                yield f"{prefix}{child.name}", (child.lineno, _fingerprint(child))
        elif isinstance(child, ast.ClassDef):
            yield from _walk(child, f"{prefix}{child.name}::")
        elif isinstance(child, ast.If | ast.Try):
            yield from _walk(child, prefix)


def _fingerprint(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    # Unparsed, for a dump of the tree differs between versions of Python.
    text = "\n".join([ast.unparse(function.args), *map(ast.unparse, body)])
    return hashlib.sha256(text.encode()).hexdigest()[:12]
