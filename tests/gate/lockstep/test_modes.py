"""How the processes of a pair come to be, and that they are as alike as is said."""

import os
from pathlib import Path

import pytest

from messenger.gate.lockstep import compare, prepare
from messenger.gate.lockstep.launch import can_fix_layout
from messenger.gate.lockstep.plan import Mode

from .shop import FILES, PAIRS, SLOW, make, measure, rows, statuses, write

TELLING = """
import os, pytest, shop, sys

def test_tells(benchmark):
    benchmark(shop.parse)
    here = [os.environ["PYTHONHASHSEED"], hash("a"), id(object), id(sys.modules), sys.argv, sys.orig_argv]
    with open({path!r}, "a") as file: file.write(repr(here) + "\\n")
"""


@pytest.fixture
def told(monkeypatch, tmp_path):
    """Compare in the mode that is wanted; return what the sides told of themselves, pair by pair."""
    path = tmp_path / "told"

    def compare_in(**order):
        folder = make(tmp_path / "shop", FILES | {"tests/test_speed.py": TELLING.format(path=str(path))})
        mode = measure(monkeypatch, folder, **order).mode
        lines = path.read_text().splitlines()
        return mode, list(zip(lines[::2], lines[1::2], strict=True))

    return compare_in


def test_forked_sides_share_what_the_next_pair_has_not(told):
    """Hash seed and memory layout move a benchmark by more than the slowdowns that are looked for."""
    mode, pairs = told()

    assert mode is Mode.FORKED
    assert [base for base, head in pairs if base != head] == []
    assert len({base for base, _ in pairs}) == PAIRS


@pytest.mark.skipif("not can_fix_layout()", reason="this system insists on layout randomisation")
def test_started_sides_share_seed_and_layout(told):
    """What does not survive a fork has to be compared as well."""
    mode, pairs = told(spawn=True)

    assert mode is Mode.ALIKE
    assert [base for base, head in pairs if base != head] == []
    assert len({base for base, _ in pairs}) == PAIRS


def test_where_layouts_differ_more_pairs_are_measured_and_small_changes_left(monkeypatch, tmp_path):
    """A container that forbids `personality` must not make the gate cry wolf."""
    monkeypatch.setattr(prepare, "can_fix_layout", lambda: False)
    monkeypatch.setattr(compare, "UNLIKE_PAIRS", PAIRS + 1)
    folder = make(tmp_path)
    write(folder, {"src/shop/__init__.py": SLOW})

    duel = measure(monkeypatch, folder, spawn=True)

    assert (duel.mode, duel.screening_pairs, duel.confirming_pairs) == (Mode.SPAWNED, PAIRS + 1, PAIRS + 1)
    assert {bout.ratios.min_effect for bout in duel.bouts} == {0.05}
    assert rows(duel)["test_parse"].status == "regressed"


def test_the_project_may_ask_for_started_sides(monkeypatch, tmp_path):
    settings = FILES["pyproject.toml"].replace("[tool.messenger.gate]", "[tool.messenger.gate]\nspawn = true")
    folder = make(tmp_path, FILES | {"pyproject.toml": settings})

    assert measure(monkeypatch, folder, only=("parse",)).mode is not Mode.FORKED


def test_fixing_the_layout_does_not_outlive_the_start():
    """The gate itself, and what it starts later, keep the protection that randomisation is."""
    personality = Path("/proc/self/personality")
    before = personality.read_text()

    can_fix_layout()

    assert personality.read_text() == before


@pytest.mark.skipif("(os.cpu_count() or 1) < 2", reason="there is one core")
def test_a_benchmark_may_use_all_cores(monkeypatch, tmp_path):
    """Threads of a benchmark share its core, unless it asks for more: pin=False."""
    path = tmp_path / "cores"
    bench = (
        "import os, pytest\n"
        f"path = {str(path)!r}\n"
        "def look():\n"
        "    cores.add(len(os.sched_getaffinity(0)))\n"
        "cores = set()\n"
        "@pytest.mark.gate(pin=False)\n"
        "def test_all(benchmark):\n"
        "    benchmark(look)\n"
        "    with open(path, 'a') as file: file.write(f'{cores} ')\n"
    )
    folder = make(tmp_path / "shop", FILES | {"tests/test_speed.py": bench})

    assert statuses(measure(monkeypatch, folder))["test_all"] != "failed"
    assert set(path.read_text().split()) == {str({len(os.sched_getaffinity(0))})}


def test_modules_of_ours_are_not_in_the_way_of_the_products(monkeypatch, tmp_path):
    """A product may have an `arm`, and what only exists beside the gate must not be found."""
    files = FILES | {
        "src/arm/__init__.py": "from shop import parse",
        "tests/test_speed.py": (
            "import importlib.util, arm\n"
            "def test_a(benchmark):\n"
            "    assert importlib.util.find_spec('zygote') is None\n"
            "    assert benchmark(arm.parse)\n"
        ),
    }

    assert statuses(measure(monkeypatch, make(tmp_path, files)))["test_a"] != "failed"
