"""Where the time of a benchmark goes, seen on a project that is not ours."""

import json

import pytest

from .. import project
from .shop import FILES, make, write

PARSE = """\
def parse(): return add(3000)
def add(n): return sum([one(i) for i in range(n)])
def one(i): return i
"""
SHIP = "def ship(): return 1\n"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = make(tmp_path_factory.mktemp("shop"), FILES | {"src/shop/__init__.py": PARSE + SHIP})
    write(folder, {"src/shop/__init__.py": PARSE.replace("return i", "return int(str(i))") + SHIP})
    return folder


def test_both_sides_are_profiled_and_what_differs_most_is_first(shop):
    done = project.gate(shop, "profile", "test_parse", "--base", "HEAD", "--seconds", "0.3")

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[3].split() == ["base", "head", "difference", "function"]
    assert lines[4].endswith("  one (shop/__init__.py)")
    assert "arm/" not in done.stdout
    for side in ("base", "head"):
        profile = json.loads(
            (shop / "tmp" / "benchmarks" / "profiles" / f"{side}.speedscope.json").read_text()
        )
        assert "parse" in {frame["name"] for frame in profile["shared"]["frames"]}


def test_the_head_alone_is_profiled_into_a_folder_of_ones_choice(shop, tmp_path):
    done = project.gate(shop, "profile", "test_parse", "--seconds", "0.1", "--output", str(tmp_path / "p"))

    assert done.returncode == 0, done.stderr
    assert [path.name for path in (tmp_path / "p").iterdir()] == ["head.speedscope.json"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nosuch", "0 benchmarks are called so"),
        ("speed", "2 benchmarks are called so: tests/test_speed.py::test_p"),
    ],
)
def test_one_name_is_asked_for(shop, name, said):
    done = project.gate(shop, "profile", name)

    assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (3, True, False)
