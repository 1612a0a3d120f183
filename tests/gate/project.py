"""A project that is not ours, whose time stands still until its code says how long it took.

Its benchmarks read a clock that only `clock.tick(seconds)` moves, so every number is exact and nothing
here waits or wavers, although real pytest processes measure it.
"""

import os
import subprocess
import sys
from pathlib import Path

FILES = {
    "pyproject.toml": (
        '[project]\nname = "shop"\n'
        '[tool.pytest.ini_options]\npythonpath = ["src"]\n'
        'addopts = "-p no:hypothesispytest -p no:cacheprovider"\n'  # half of what a process costs
    ),
    # The reference loop is real work in real time; here it takes a millisecond by decree.
    "conftest.py": "from messenger.gate.session import session\nsession.time_slice = lambda: 1_000_000\n",
    ".gitignore": "__pycache__\n",
    "src/clock.py": "_now = [0.0]\ndef now(): return _now[0]\ndef tick(seconds): _now[0] += seconds\n",
    "src/shop.py": "import clock\ndef parse(): clock.tick(0.002)\ndef ship(): clock.tick(0.001)\n",
    "tests/test_ordinary.py": "def test_ordinary(): pass\n",
    "tests/speed/test_parse.py": (
        "import clock, pytest, shop\n"
        "@pytest.mark.benchmark(timer=clock.now)\n"
        "@pytest.mark.parametrize('size', ['1 KiB|a::b'])\n"
        "def test_parse(benchmark, size): benchmark.pedantic(lambda: shop.parse(), rounds=5)\n"
    ),
    "tests/speed/test_ship.py": (
        "import clock, pytest, shop\n"
        "@pytest.mark.benchmark(timer=clock.now)\n"
        "@pytest.mark.target(p99='50ms', median='2ms')\n"
        "def test_ship(benchmark): benchmark.pedantic(lambda: shop.ship(), rounds=5)\n"
    ),
}
SLOW = "import clock\ndef parse(): clock.tick(0.006)\ndef ship(): clock.tick(0.001)\n"


def make(folder: Path) -> Path:
    """Write the project to *folder* and commit it."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    git(folder, "init", "-q")
    commit(folder)
    return folder


def commit(folder: Path) -> None:
    git(folder, "add", "-A")
    git(folder, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "work")


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True, text=True)
    return done.stdout


def start(folder: Path, *command: str) -> "subprocess.Popen[str]":
    """Start `python -m COMMAND` in *folder*, away from the settings of the pytest that runs us."""
    inherited = {
        key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "COLUMNS"))
    }
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=folder,
        # Bytecode is told from its source by size and second, and tests write twice in one.
        env=inherited | {"PYTHONIOENCODING": "utf-8", "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def python(folder: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    """Run `python -m COMMAND` in *folder* to its end."""
    child = start(folder, *command)
    out, err = child.communicate(timeout=120)
    return subprocess.CompletedProcess(command, child.returncode, out, err)


def gate(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return python(folder, "messenger", "gate", *arguments)


def last_line(done: "subprocess.CompletedProcess[str]") -> str:
    return done.stdout.splitlines()[-1]
