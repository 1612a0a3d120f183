"""Overlay: virtual environments on top of this one, where the base finds the packages that it asks for."""

import re
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, distribution, distributions
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from ..error import GateError

_SAID = 2000


class Overlay(msgspec.Struct, frozen=True):
    """Interpreters by side, and the packages that the base has of its own, like `msgspec 0.19.0`."""

    pythons: dict[str, str]
    packages: tuple[str, ...] = ()


def build_overlay(folder: Path, base: Path, changed: Sequence[str], install: Sequence[str]) -> Overlay:
    """Install into *folder* what the tree *base* asks for and this environment has not.

    changed: the files at its root that ask for other packages than the head's. install: arguments for pip
    that say what to install instead of what these files do.

    Both sides get an environment of their own, at paths of equal length; where the base needs nothing, both
    keep this interpreter.

    Raises:
        GateError: pip cannot install it (exit code 3).
    """
    arguments = [*install] or _requirements(base, changed)
    if not arguments:
        return here()
    pythons = {side: _create(folder / f"{side}.venv") for side in ("base", "head")}
    done = subprocess.run(
        [pythons["base"], "-m", "pip", "install", *_QUIETLY, *arguments],
        cwd=base,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise GateError(
            f"cannot install what the base asks for (pip install {' '.join(arguments)}):\n"
            f"{(done.stderr or done.stdout).strip()[-_SAID:]}\n"
            "add --same-packages to run it with what is installed here, or say in [tool.messenger.gate] "
            "install what pip should install for a base",
            3,
        )
    own = sorted(
        f"{found.metadata['Name']} {found.version}"
        for found in distributions(path=[str(_site_packages(folder / "base.venv"))])
        if found.metadata["Name"] not in ("pip", "setuptools")
    )
    return Overlay(pythons, tuple(own)) if own else here()


def here() -> Overlay:
    """Return the interpreter that runs us, for both sides."""
    return Overlay({"base": sys.executable, "head": sys.executable})


_QUIETLY = ("--quiet", "--disable-pip-version-check", "--no-input", "--no-warn-script-location")


def _create(folder: Path) -> str:
    """Make an environment that has everything this one has, until something is installed over it."""
    venv.create(folder, symlinks=True, with_pip=not find_spec("pip"))
    parents = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    # addsitedir reads the .pth files there too: editable installs and the like.
    lines = [f"import site; site.addsitedir({path!r})\n" for path in parents]
    (_site_packages(folder) / "_messenger_gate_parent.pth").write_text("".join(lines), encoding="utf-8")
    return str(folder / "bin" / "python")


def _site_packages(folder: Path) -> Path:
    return next(folder.glob("lib/python*/site-packages"))


def _requirements(base: Path, changed: Sequence[str]) -> list[str]:
    """Say what pip should install: from the requirements files that changed, else from pyproject.toml."""
    arguments: list[str] = []
    for name in changed:
        if re.match(r"(requirements|constraints)", name) and (base / name).is_file():
            arguments += ["-c" if name.startswith("constraints") else "-r", name]
    if "-r" in arguments:
        return arguments
    asked = [*_asked(base / "pyproject.toml")] if "pyproject.toml" in changed else []
    return [*arguments, *asked] if asked else []


def _asked(path: Path) -> Iterator[str]:
    """List the dependencies of a project, and those of its extras and groups that are installed here."""
    try:
        document: Any = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    project = document.get("project", {})
    yield from project.get("dependencies", ())
    for table in (project.get("optional-dependencies", {}), document.get("dependency-groups", {})):
        for entries in table.values():
            yield from (entry for entry in entries if isinstance(entry, str) and _installed(entry))


def _installed(requirement: str) -> bool:
    found = re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)", requirement)
    try:
        return found is not None and bool(distribution(found[1]))
    except PackageNotFoundError:
        return False
