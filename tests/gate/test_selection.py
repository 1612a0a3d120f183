import pytest

from messenger.gate.selection import Selection, selects
from messenger.gate.suite import suite_of

PARSE = "benches/node/bench_parse.py::bench_parse[128B-a|b::c]"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "benches",
        "benches/node",
        "benches/node/bench_parse.py",
        "benches/node/bench_parse.py::bench_parse",
        PARSE,
    ],
)
def test_a_path_selects_what_is_under_it(path):
    assert selects(Selection(paths=(path,)), PARSE)


@pytest.mark.parametrize(
    "path", ["bench", "benches/no", "benches/node/bench_parse.p", "benches/node/bench_parse.py::bench"]
)
def test_a_path_does_not_select_what_only_begins_alike(path):
    assert not selects(Selection(paths=(path,)), PARSE)


@pytest.mark.parametrize("pattern", ["parse", "node*[128B", "bench_*::*a|b", "*", "c]"])
def test_a_pattern_is_a_substring_with_stars(pattern):
    assert selects(Selection(only=((pattern,),), paths=("",)), PARSE)


@pytest.mark.parametrize("pattern", ["PARSE", "[12]", "parse.py$", "bench.parse", "128?"])
def test_a_pattern_is_neither_a_glob_nor_an_expression(pattern):
    """`bench_parse[128B]` is a name people paste; brackets mean themselves."""
    assert not selects(Selection(only=((pattern,),), paths=("",)), PARSE)


def test_every_group_of_patterns_must_match():
    assert selects(Selection(only=(("parse", "x"), ()), paths=("",)), PARSE)
    assert not selects(Selection(only=(("parse",), ("x",)), paths=("",)), PARSE)


def test_unknown_paths_select_by_suite():
    assert selects(Selection(suites=frozenset({"node"})), PARSE)
    assert not selects(Selection(suites=frozenset({"bus"})), PARSE)


def test_no_path_selects_nothing():
    assert not selects(Selection(paths=()), PARSE)


@pytest.mark.parametrize(
    ("name", "suite"),
    [
        (PARSE, "node"),
        ("benches/a/b/bench_x.py::bench_x", "a.b"),
        ("benches/bench_x.py::bench_x", "benches"),
        ("bench_x.py::bench_x[a/b]", "root"),
        ("tests\\perf\\test_x.py::test_x", "perf"),
    ],
)
def test_a_suite_is_a_folder(name, suite):
    assert suite_of(name) == suite
