"""Dependencies: whether two trees ask for the same packages."""

import tomllib
from pathlib import Path
from typing import Any

_LOCKS = ("*.lock", "requirements*.txt", "constraints*.txt", "pylock*.toml")
_TABLES = (
    ("project", "dependencies"),
    ("project", "optional-dependencies"),
    ("project", "requires-python"),
    ("dependency-groups",),
    ("build-system", "requires"),
)


def changed_dependencies(base: Path, head: Path) -> tuple[str, ...]:
    """Name the files at the root of a project that ask for other packages in *head* than in *base*."""
    names = {path.name for tree in (base, head) for lock in _LOCKS for path in tree.glob(lock)}
    changed = [name for name in sorted(names) if _content(base / name) != _content(head / name)]
    if _asked_for(base / "pyproject.toml") != _asked_for(head / "pyproject.toml"):
        changed.append("pyproject.toml")
    return tuple(changed)


def _asked_for(path: Path) -> list[Any]:
    try:
        document: Any = tomllib.loads(_content(path).decode())
    except ValueError:
        return []
    return [_dig(document, keys) for keys in _TABLES]


def _dig(document: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""
