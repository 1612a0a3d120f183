"""`[tool.messenger.gate]` of pyproject.toml: what a project settles once for its gate."""

import re
import tomllib
from pathlib import Path
from typing import Any, Literal

import msgspec

from .error import GateError

_ROOT_MARKS = ("pyproject.toml", "pytest.ini", "tox.ini", "setup.cfg", ".git")


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a project may set.

    baselines: the folder of baselines, relative to the project's root.
    reports: the folder of dated logs and of the last report, likewise; "" keeps none.
    improvements: "pass", or "accept", which fails what got faster than its baseline until that says so.
    packages: distributions whose versions belong to the environment; by default those named in
        `[project] dependencies`, and pytest-benchmark.
    paths: what is measured when no path is given.
    sources: the folders that the product is imported from, "" being the root, for `check --base`; so are the
        rest.
    build: a command that compiles what both trees need compiled, with its arguments.
    install: what pip installs for a base that asks for other packages; by default its requirements files that
        changed, else what its pyproject.toml asks for.
    spawn: start both sides rather than fork them, for packages that do not survive a fork.
    instructions: whether they are counted: "off", "advise", or "judge", which makes a regression of more.
    anchor: the commit that `history` measures slow creep against; by default the latest release.
    benchmarks: patterns of names, each with the `min_effect`, `skip` and `pin` of a `gate` marker.
    """

    baselines: str = "baselines"
    reports: str = "tmp/benchmarks"
    improvements: Literal["pass", "accept"] = "pass"
    packages: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    sources: tuple[str, ...] = ("", "src")
    build: tuple[str, ...] = ()
    install: tuple[str, ...] = ()
    spawn: bool = False
    instructions: Literal["off", "advise", "judge"] = "advise"
    anchor: str = ""
    benchmarks: dict[str, dict[str, str | bool]] = {}


def find_root(start: Path) -> Path:
    """Return the nearest folder at or above *start* that looks like a project's root, else *start*."""
    for folder in (start, *start.parents):
        if any((folder / mark).exists() for mark in _ROOT_MARKS):
            return folder
    return start


def read_settings(root: Path) -> Settings:
    """Read the settings of the project at *root*, with defaults filled in.

    Raises:
        GateError: pyproject.toml is not TOML, or the table holds an unknown key or a wrong type.
    """
    path = root / "pyproject.toml"
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        document = {}
    except (OSError, ValueError) as error:
        raise GateError(f"cannot read {path}: {error}; correct the file and try again") from error

    try:
        settings = msgspec.convert(_table(document, "tool", "messenger", "gate"), Settings)
    except msgspec.ValidationError as error:
        known = ", ".join(Settings.__struct_fields__)
        raise GateError(f"{path}: [tool.messenger.gate] is wrong: {error}; known keys: {known}") from error
    if settings.packages:
        return settings
    return msgspec.structs.replace(settings, packages=_default_packages(document))


def _default_packages(document: dict[str, Any]) -> tuple[str, ...]:
    dependencies = _table(document, "project").get("dependencies", [])
    named = [_distribution(entry) for entry in dependencies if isinstance(entry, str)]
    return tuple(sorted({name for name in named if name} | {"pytest-benchmark"}))


def _distribution(requirement: str) -> str:
    """Take the normalised name out of a requirement: `Py_YAML[x]>=6; …` gives `py-yaml`."""
    found = re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)", requirement)
    return re.sub(r"[-_.]+", "-", found[1]).lower().rstrip("-") if found else ""


def _table(document: dict[str, Any], *keys: str) -> dict[str, Any]:
    table: Any = document
    for key in keys:
        table = table.get(key, {}) if isinstance(table, dict) else {}
    return table if isinstance(table, dict) else {}
