"""A project whose speed is known: eight functions, each a loop of so many equal steps."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

STEPS = 400

_BODIES = {
    "add_numbers": "total += step * step % 7",
    "count_in_dict": "counts[step & 63] = counts.get(step & 63, 0) + 1",
    "build_strings": "total += len(f'{step}:{total}')",
    "write_json": "total += len(json.dumps({'step': step, 'ok': True}))",
    "make_objects": "total += Point(step, 1).sum()",
    "sort_lists": "total += sorted((step * 7919 % n for n in range(3, 13)))[0]",
    "pack_bytes": "total += struct.pack('<IH', step, 7)[0]",
    "call_functions": "total = add(total, add(step, 1))",
}

NAMES = tuple(_BODIES)

_HEAD = """\
import json
import struct


class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y

    def sum(self):
        return self.x + self.y


def add(one, other):
    return one + other
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
            steps=round(STEPS * (1 + slower.get(name, 0.0))),
        )
        for name, body in _BODIES.items()
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
