"""The whole comparison on a project that is not ours: real git, real processes, real time."""

import math
import statistics

import pytest

from messenger.gate.error import GateError
from messenger.gate.lockstep.findings import rows_of

from ..project import git, start
from .shop import FAST, FILES, SLOW, make, measure, rows, statuses, write


def test_identical_commits_are_green(monkeypatch, tmp_path):
    """Ordinary tests, failing ones too, are none of the gate's business."""
    duel = measure(monkeypatch, make(tmp_path))

    assert [bout.name for bout in duel.bouts] == [
        "tests/test_speed.py::test_parse",
        "tests/test_speed.py::test_ship",
    ]
    assert not any(row.failed for row in rows(duel).values())
    assert not duel.troubles


def test_benches_beside_the_product_still_meet_the_base(monkeypatch, tmp_path):
    """Lending the base the head's folder of benches would lend it the head's product."""
    files = {"pyproject.toml": FILES["pyproject.toml"], "shop/__init__.py": FAST}
    folder = make(tmp_path, files | {"shop/test_speed.py": FILES["tests/test_speed.py"]})
    write(folder, {"shop/__init__.py": SLOW})

    assert statuses(measure(monkeypatch, folder, only=("parse",))) == {"test_parse": "regressed"}


def test_every_kind_of_benchmark_is_driven(monkeypatch, tmp_path):
    """Suites are measured unchanged: parametrised, pedantic, asynchronous, threaded."""
    folder = make(tmp_path, FILES | {"tests/test_speed.py": KINDS})
    write(folder, {"src/shop/__init__.py": SLOW})

    found = statuses(measure(monkeypatch, folder))

    assert found == dict.fromkeys(
        [
            "test_sizes[1]",
            "test_sizes[1 KiB|a::b]",
            "test_pedantic",
            "test_setup",
            "test_consumes",
            "test_async",
            "test_thread",
        ],
        "regressed",
    )


def test_a_benchmark_that_can_be_called_once_is_timed_once_a_pair(monkeypatch, tmp_path):
    """One call may meet anything: a few pairs prove nothing, but most of them see the slowdown."""
    folder = make(tmp_path, FILES | {"tests/test_speed.py": ONCE})
    write(folder, {"src/shop/__init__.py": SLOW})

    duel = measure(monkeypatch, folder, pairs=5)

    assert not duel.troubles
    (bout,) = duel.bouts
    assert len(bout.ratios.screen) == 5
    assert statistics.median(bout.ratios.screen) > math.log(1.5)


ONCE = """
import shop

def test_once(benchmark):
    orders = iter([shop.parse])
    def call():
        order = next(orders)
        for _ in range(50): order()
    benchmark.pedantic(call, rounds=1, iterations=1)
"""


KINDS = """
import asyncio, threading, pytest, shop

@pytest.mark.parametrize("size", ["1", "1 KiB|a::b"])
def test_sizes(benchmark, size):
    assert benchmark(shop.parse)

def test_pedantic(benchmark):
    assert benchmark.pedantic(shop.parse, rounds=5, iterations=3)
    assert benchmark.stats.stats.mean > 0

def test_setup(benchmark):
    made = []
    def setup():
        made.append(1)
        return ([made],), {"extra": 1}
    def target(lists, extra):
        assert made.pop() == extra
        return shop.parse() + shop.parse()
    def teardown(lists, extra):
        assert not made
    assert benchmark.pedantic(target, setup=setup, teardown=teardown, rounds=3)

def test_consumes(benchmark):
    orders = iter([shop.parse] * 9)
    benchmark.pedantic(lambda: next(orders)(), rounds=7, warmup_rounds=2)

def test_async(benchmark):
    async def work():
        return shop.parse() + shop.parse() + shop.parse()
    with asyncio.Runner() as runner:
        assert benchmark(lambda: runner.run(work()))

def test_thread(benchmark):
    def work():
        thread = threading.Thread(target=lambda: [shop.parse() for _ in range(20)])
        thread.start()
        thread.join()
    benchmark(work)
"""


@pytest.fixture(scope="module")
def changed(tmp_path_factory):
    """Measure a head that changes which benchmarks there are, and how they end."""
    bench = "import pytest, shop\n"
    base = bench + (
        "def test_kept(benchmark): benchmark(shop.parse)\n"
        "def test_gone(benchmark): benchmark(shop.parse)\n"
        "def test_breaks(benchmark): benchmark(shop.parse)\n"
    )
    head = bench + (
        "@pytest.mark.parametrize('name', sorted(dir(shop), reverse='added' in dir(shop)))\n"
        "def test_order(benchmark, name):\n"
        "    if name in ('parse', 'ship'): benchmark(getattr(shop, name))\n"
        "    else: pytest.skip('another name')\n"
        "def test_kept(benchmark): benchmark(shop.parse)\n"
        "def test_new(benchmark): benchmark(shop.added)\n"
        "def test_breaks(benchmark): benchmark(shop.parse); assert 1 == 2, 'broken'\n"
        "@pytest.mark.gate(skip=True)\n"
        "def test_marked(benchmark): benchmark(shop.parse)\n"
        "def test_skips(benchmark): pytest.skip('not today')\n"
        "def test_idle(benchmark): pass\n"
        "def test_idle_in_head(benchmark):\n"
        "    if not hasattr(shop, 'added'): benchmark(shop.parse)\n"
        "@pytest.mark.gate(min_effect='900%')\n"
        "def test_tolerant(benchmark): benchmark(shop.parse)\n"
    )
    folder = make(tmp_path_factory.mktemp("changed"), FILES | {"tests/test_speed.py": base})
    write(folder, {"src/shop/__init__.py": SLOW + "def added(): pass\n", "tests/test_speed.py": head})
    with pytest.MonkeyPatch.context() as monkeypatch:
        return rows(measure(monkeypatch, folder))


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("test_kept", "regressed"),
        ("test_gone", "missing"),
        ("test_new", "new"),
        ("test_breaks", "failed"),
        ("test_marked", "skipped"),
        ("test_skips", "skipped"),
        ("test_idle", "skipped"),
        ("test_idle_in_head", "failed"),
    ],
)
def test_every_benchmark_is_told_of(changed, name, status):
    """A benchmark that vanishes from the table would be a way past the gate."""
    assert changed[name].status == status


def test_a_benchmark_may_tolerate_more(changed):
    """Three times as slow is less than the 900 % it asks for."""
    assert changed["test_tolerant"].status in ("stable", "noisy")


def test_a_failure_is_quoted(changed):
    assert "broken" in changed["test_breaks"].note


def test_each_side_may_collect_in_its_own_order(changed):
    """The product may say what a benchmark is parametrised with."""
    assert changed["test_order[parse]"].status in ("regressed", "new")


def test_what_the_base_cannot_import_failed_in_the_base(monkeypatch, tmp_path):
    folder = make(tmp_path)
    write(folder, {"src/shop/__init__.py": FAST + "added = 1\n"})
    write(folder, {"tests/test_speed.py": FILES["tests/test_speed.py"] + "from shop import added\n"})

    found = rows(measure(monkeypatch, folder))

    assert {row.status for row in found.values()} == {"failed-in-base"}
    assert "cannot import name 'added'" in found["test_parse"].note


def test_what_fails_on_both_sides_has_failed(monkeypatch, tmp_path):
    """The base runs the head's benches: that it fails first must not hide that the head does."""
    bench = "import os, signal, pytest, shop\ndef test_kept(benchmark): benchmark(shop.parse)\n"
    folder = make(
        tmp_path, FILES | {"tests/test_speed.py": bench + "def test_dies(benchmark): benchmark(shop.ship)\n"}
    )
    worse = (
        "def test_dies(benchmark): benchmark(lambda: os._exit(3))\n"
        "def test_new_and_dies(benchmark): benchmark(lambda: os._exit(4))\n"
        "def test_new_and_hangs(benchmark): benchmark(signal.pause)\n"
        "def test_new(benchmark): benchmark(shop.added)\n"
        "@pytest.mark.gate(skip=True)\n"
        "def test_new_and_marked(benchmark): benchmark(shop.parse)\n"
    )
    write(
        folder, {"src/shop/__init__.py": FAST + "def added(): pass\n", "tests/test_speed.py": bench + worse}
    )

    duel = measure(monkeypatch, folder, timeout_seconds=3.0)
    found = statuses(duel)

    assert found.pop("test_kept") not in ("new", "missing", "failed")
    assert found == {
        "test_dies": "failed",
        "test_new_and_dies": "failed",
        "test_new_and_hangs": "failed",
        "test_new": "new",
        "test_new_and_marked": "skipped",
    }
    assert len(rows_of(duel, (), None)) == 6


def test_a_package_that_the_base_has_not_yet_costs_no_other_its_verdict(monkeypatch, tmp_path):
    """An editable installation would lend it the head's."""
    folder = make(tmp_path)
    bench = "from extra import more\ndef test_more(benchmark): benchmark(more)\n"
    write(folder, {"src/shop/__init__.py": SLOW, "src/extra/__init__.py": "def more(): pass\n"})
    write(folder, {"tests/test_more.py": bench})
    monkeypatch.setenv("PYTHONPATH", str(folder / "src"))

    found = statuses(measure(monkeypatch, folder, only=("parse", "more")))

    assert found == {"test_parse": "regressed", "test_more": "new"}


def test_what_the_head_cannot_import_has_failed(monkeypatch, tmp_path):
    folder = make(tmp_path)
    write(folder, {"tests/test_speed.py": "import nothing_like_this\n"})

    found = rows(measure(monkeypatch, folder))

    assert found["test_speed.py"].status == "failed"
    assert "nothing_like_this" in found["test_speed.py"].note


@pytest.mark.parametrize("side", ["head", "base"])
def test_a_conftest_that_cannot_be_imported_could_not_tell(monkeypatch, tmp_path, side):
    folder = make(tmp_path)
    write(folder, {"tests/conftest.py": "from shop import added\n"})
    write(folder, {"src/shop/__init__.py": FAST + ("added = 1\n" if side == "base" else "")})

    with pytest.raises(GateError, match="cannot import name 'added'") as raised:
        measure(monkeypatch, folder)

    assert raised.value.exit_code == 3
    assert f"the {side} side" in str(raised.value)


def test_a_path_that_the_head_has_not_does_not_hide_the_others(monkeypatch, tmp_path):
    """Pytest itself collects nothing at all when one of its paths is not there."""
    bench = "import shop\ndef test_more(benchmark): benchmark(shop.ship)\n"
    folder = make(tmp_path, FILES | {"benches/test_more.py": bench})
    git(folder, "rm", "-rq", "benches")

    found = statuses(measure(monkeypatch, folder, "tests", "benches", only=("parse", "more")))

    assert found["test_more"] == "missing"
    assert found["test_parse"] not in ("new", "missing", "failed")


@pytest.mark.parametrize(
    "addopts",
    [
        "--benchmark-disable -x --lf --benchmark-autosave --strict-config --strict-markers -W error",
        pytest.param(
            "-n 2", marks=pytest.mark.skipif("not __import__('importlib.util').util.find_spec('xdist')")
        ),
    ],
)
def test_what_addopts_say_for_everyday_does_not_matter(monkeypatch, tmp_path, addopts):
    bench = FILES["tests/test_speed.py"] + "def test_a(benchmark): assert not benchmark(shop.ship)\n"
    folder = make(tmp_path, FILES | {"tests/test_speed.py": bench})
    write(
        folder,
        {"pyproject.toml": f"[tool.pytest.ini_options]\naddopts = '{addopts}'\npythonpath = ['src']\n"},
    )
    write(folder, {"src/shop/__init__.py": SLOW})

    found = statuses(measure(monkeypatch, folder))

    assert (found["test_parse"], found["test_a"]) == ("regressed", "failed")


def test_the_product_comes_from_each_tree_though_it_is_installed(monkeypatch, tmp_path):
    """An editable install puts the checkout on everybody's path."""
    folder = make(tmp_path)
    write(folder, {"src/shop/__init__.py": SLOW})
    monkeypatch.setenv("PYTHONPATH", str(folder / "src"))

    found = rows(measure(monkeypatch, folder, "tests/test_speed.py::test_parse"))

    assert {name: row.status for name, row in found.items()} == {"test_parse": "regressed"}
    assert found["test_parse"].change == pytest.approx(2.0, rel=0.3)


@pytest.mark.parametrize("place", ["lib", "../installed"], ids=["checkout", "copy"])
def test_a_product_that_does_not_come_from_its_tree_could_not_tell(monkeypatch, tmp_path, place):
    """Both sides would time the same code, and every slowdown would be stable."""
    files = {key: text for key, text in FILES.items() if not key.startswith("src/")}
    folder = make(tmp_path / "shop", files | {"lib/shop/__init__.py": FAST})
    write(folder, {f"{place}/shop/__init__.py": SLOW})
    monkeypatch.setenv("PYTHONPATH", str((folder / place).resolve()))

    with pytest.raises(GateError, match="name the folders it is imported from") as raised:
        measure(monkeypatch, folder)

    assert raised.value.exit_code == 3


def test_a_marker_that_says_nothing_is_refused(monkeypatch, tmp_path):
    bench = "import pytest\n@pytest.mark.gate(min_effect=0.1)\ndef test_a(benchmark): benchmark(int)\n"
    folder = make(tmp_path, FILES | {"tests/test_speed.py": bench})

    with pytest.raises(GateError, match="test_a: "):
        measure(monkeypatch, folder)


def test_the_project_may_mark_benchmarks_in_one_place(monkeypatch, tmp_path):
    table = '[tool.messenger.gate.benchmarks]\n"speed*ship" = { skip = true }\n'
    folder = make(tmp_path, FILES | {"pyproject.toml": FILES["pyproject.toml"] + table})

    assert statuses(measure(monkeypatch, folder))["test_ship"] == "skipped"


def test_a_budget_buys_fewer_pairs_but_never_too_few(monkeypatch, tmp_path):
    """A trimmed mean of less than five would be trimmed of nothing."""
    folder = make(tmp_path)
    write(folder, {"src/shop/__init__.py": SLOW})

    duel = measure(monkeypatch, folder, pairs=7, only=("parse",), budget_seconds=0.001)

    assert (duel.screening_pairs, duel.confirming_pairs) == (5, 5)
    assert rows(duel)["test_parse"].status == "regressed"


def test_two_gates_may_run_in_one_repository(tmp_path):
    """A push in one terminal, an impatient check in the other."""
    folder = make(tmp_path)
    command = ("messenger", "gate", "check", "--base", "HEAD", "--only", "parse", "--budget", "1")

    gates = [start(folder, *command) for _ in range(2)]
    told = [gate.communicate(timeout=120) for gate in gates]

    assert [gate.returncode for gate in gates] == [0, 0], told
    assert not (folder / ".git" / "worktrees").exists()


def test_a_benchmark_that_moved_is_not_missing(monkeypatch, tmp_path):
    """Both sides run the head's benchmarks, so under its new name it was compared all the same."""
    folder = make(tmp_path)
    text = (folder / "tests" / "test_speed.py").read_text()
    ship = "def test_ship(benchmark): assert benchmark(shop.ship)\n"
    write(
        folder, {"tests/test_speed.py": text.replace(ship, ""), "tests/test_ships.py": f"import shop\n{ship}"}
    )

    duel = measure(monkeypatch, folder)

    assert (duel.missing, duel.new) == ((), ())
    assert "tests/test_ships.py::test_ship" in {bout.name for bout in duel.bouts}
