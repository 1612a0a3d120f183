"""A project whose speed is known: eight functions, each a loop of so many equal steps."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

# How many steps a call takes, and what a step does. Calls of a microsecond that visit small objects, made
# when the module is imported, are those that the memory layout can move.
_BODIES = {
    "add_numbers": (40, "total += step * step % 7"),
    "call_functions": (40, "total = add(total, step)"),
    "read_points": (40, "total += POINTS[step & 31].x"),
    "look_up_names": (40, "total += STOCK[NAMES[step & 31]].y"),
    "count_in_dict": (400, "counts[step & 63] = counts.get(step & 63, 0) + 1"),
    "build_strings": (400, "total += len(f'{step}:{total}')"),
    "write_json": (400, "total += len(json.dumps({'step': step, 'ok': True}))"),
    "make_objects": (400, "total += Point(step, 1).sum()"),
}
_CALLING = 4  # steps: about as long as it takes to call a function and to return from it

NAMES = tuple(_BODIES)

_HEAD = """\
import json


class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y

    def sum(self):
        return self.x + self.y


def add(one, other):
    return one + other


POINTS = [Point(number, 1) for number in range(32)]
NAMES = [f"name {number}" for number in range(32)]
STOCK = {name: Point(number, 1) for number, name in enumerate(NAMES)}
"""

_FUNCTION = """

def {name}():{docstring}
    {total}, counts = 0, {{}}
    for step in range({steps}):
        {body}
    return {total}, counts
"""

# What a harmless change does to a file: all lines move, constants are laid out anew, names get other hashes.
HARMLESS = ("comment", "function", "docstrings", "names")

_BENCHES = """\
import pytest
import shop


@pytest.mark.parametrize("name", {names!r})
def test_speed(benchmark, name):
    assert benchmark(getattr(shop, name))
"""


def benchmark_name(function: str) -> str:
    """Return the full name of the benchmark that times *function*."""
    return f"tests/test_speed.py::test_speed[{function}]"


def create(root: Path) -> None:
    """Make the project at *root*, a git repository of its own, and commit it."""
    (root / "src" / "shop").mkdir(parents=True)
    (root / "tests").mkdir()
    (root / "pyproject.toml").write_text("[tool.pytest.ini_options]\n", encoding="utf-8")
    (root / "tests" / "test_speed.py").write_text(_BENCHES.format(names=NAMES), encoding="utf-8")
    write(root, {})
    _git(root, "init", "--quiet")
    commit(root)


def write(root: Path, slower: Mapping[str, float], edit: str = "") -> None:
    """Write the functions, some *slower* by a fraction of their steps, with one of the `HARMLESS` edits."""
    comment = "# Nothing but a remark.\n" if edit == "comment" else ""
    unused = "\n\ndef subtract(one, other):\n    return one - other\n" if edit == "function" else ""
    total = "result" if edit == "names" else "total"
    functions = (
        _FUNCTION.format(
            name=name,
            docstring=f'\n    """Time {name}."""' if edit == "docstrings" else "",
            total=total,
            body=body.replace("total", total),
            steps=round(steps * (1 + slower.get(name, 0.0))) - _CALLING,
        )
        for name, (steps, body) in _BODIES.items()
    )
    text = comment + _HEAD + unused + "".join(functions)
    (root / "src" / "shop" / "__init__.py").write_text(text, encoding="utf-8")


def commit(root: Path) -> None:
    """Commit everything at *root*, whoever the user is and whatever their git is told to do."""
    _git(root, "add", "--all")
    identity = ["-c", "user.name=gate", "-c", "user.email=gate@localhost", "-c", "commit.gpgsign=false"]
    _git(root, *identity, "commit", "--quiet", "--no-verify", "--allow-empty", "--message", "a step")


def _git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(root), *arguments], check=True, capture_output=True)
