"""Instructions, as valgrind counts them for real; few machines lend a program the processor's own counter."""

import shutil

import pytest

from messenger.gate.lockstep import compare
from messenger.gate.lockstep.instructions import Counting, find_counter

from .shop import FILES, SLOW, make, measure, rows, write

CALLGRIND = pytest.mark.skipif(
    "find_counter() is not Counting.CALLGRIND", reason="valgrind is not what counts here"
)


def shop_that(folder, instructions):
    settings = FILES["pyproject.toml"].replace('instructions = "off"', f'instructions = "{instructions}"')
    return make(folder, FILES | {"pyproject.toml": settings})


@CALLGRIND
def test_a_slowdown_tells_how_many_more_instructions_it_takes(monkeypatch, tmp_path):
    """Who sees that the code does not do more need not search the code."""
    folder = shop_that(tmp_path, "advise")
    write(folder, {"src/shop/__init__.py": SLOW.replace("range(1000)", "range(5000)")})

    duel = measure(monkeypatch, folder)

    found = {name: row.instructions for name, row in rows(duel).items()}
    assert found == {"test_parse": pytest.approx(2, rel=0.3), "test_ship": pytest.approx(4, rel=0.3)}
    assert duel.counting is Counting.CALLGRIND


@CALLGRIND
def test_they_judge_where_the_project_says_so(monkeypatch, tmp_path):
    """Where nothing can be timed, what the code does can still be counted."""
    folder = shop_that(tmp_path, "judge")
    monkeypatch.setattr(compare, "suspects", lambda _: ())
    write(folder, {"src/shop/__init__.py": SLOW})

    row = rows(measure(monkeypatch, folder))["test_parse"]

    assert (row.status, row.note.endswith("% instructions")) == ("regressed", True)


@pytest.mark.parametrize("given", [{"budget_seconds": 600.0}, {}], ids=["budget", "absent"])
def test_nothing_is_counted_where_that_is_slow_or_impossible(monkeypatch, tmp_path, given):
    monkeypatch.setattr(compare, "find_counter", lambda: Counting.CALLGRIND if given else None)
    folder = shop_that(tmp_path, "advise")
    write(folder, {"src/shop/__init__.py": SLOW})

    duel = measure(monkeypatch, folder, only=("parse",), **given)

    assert (duel.counting, duel.counts) == (None, ())
    assert rows(duel)["test_parse"].instructions is None


def test_without_valgrind_and_counter_nobody_counts(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)

    assert find_counter() in (None, Counting.PERF)
