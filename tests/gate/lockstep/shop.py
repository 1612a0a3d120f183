"""A project that is not ours, in real time: its slowdowns are so large that no weather hides them."""

from contextlib import nullcontext

from messenger.gate.lockstep import compare
from messenger.gate.lockstep.compare import compare_commits
from messenger.gate.lockstep.findings import rows_of
from messenger.gate.lockstep.order import Order
from messenger.gate.settings import read_settings

from ..project import commit, git

PAIRS = 3
FAST = "def parse(): return sum(range(2000))\ndef ship(): return sum(range(1000))\n"
SLOW = FAST.replace("2000", "6000")
FILES = {
    "pyproject.toml": (
        '[project]\nname = "shop"\n'
        '[tool.messenger.gate]\ninstructions = "off"\n'  # valgrind takes ten seconds a comparison
        '[tool.pytest.ini_options]\naddopts = "-p no:hypothesispytest"\n'  # half of what a process costs
    ),
    ".gitignore": "__pycache__\n",
    "src/shop/__init__.py": FAST,
    "tests/conftest.py": "",
    "tests/test_speed.py": (
        "import shop\n"
        "def test_parse(benchmark): assert benchmark(shop.parse)\n"
        "def test_ship(benchmark): assert benchmark(shop.ship)\n"
        "def test_ordinary(): raise AssertionError('no benchmark')\n"
    ),
}


class Silence:
    """A progress that is shown to nobody."""

    def start(self, number, processes):
        pass

    def expect(self, benchmarks):
        pass

    def advance(self):
        pass

    def finish(self):
        pass


def write(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def make(folder, files=FILES):
    """Write a project to *folder* and commit it."""
    write(folder, files)
    git(folder, "init", "-q")
    commit(folder)
    return folder


def measure(monkeypatch, folder, *paths, pairs=PAIRS, **order):
    """Compare the files in *folder* with its last commit, in as few pairs as can be judged."""
    monkeypatch.setattr(compare, "SCREENING_PAIRS", pairs)
    monkeypatch.setattr(compare, "CONFIRMING_PAIRS", pairs)
    monkeypatch.setattr(compare, "wavering", lambda _: ())  # of so few pairs everything varies
    wanted = Order(ref="HEAD", paths=paths, **order)
    return compare_commits(wanted, read_settings(folder), folder, lambda _: nullcontext(Silence()))


def rows(duel, accepted=(), today=None):
    """Return the rows of *duel* by the name of their function, or of their file."""
    found = rows_of(duel, accepted, today)
    return {row.name.partition("::")[2] or row.name.rpartition("/")[2]: row for row in found}


def statuses(duel):
    return {name: row.status.value for name, row in rows(duel).items()}
