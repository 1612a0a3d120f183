"""Where developers look: a benchmark that fails the gate is a test that fails."""

import json
import re
from xml.etree import ElementTree

import pytest

from .project import SLOW, python
from .test_plugin import session

CACHED = ("-o", "addopts=-p no:hypothesispytest")  # the project does without pytest's cache to be quick
SLOWED = "slowed down 3.00x: 2 ms -> 6 ms, tolerance 25 %"


def rows(shop, file="report.json"):
    return {
        row["name"].partition("::")[2]: row["status"]
        for row in json.loads((shop / file).read_text())["results"]
    }


@pytest.fixture
def slow(shop):
    (shop / "src" / "shop.py").write_text(SLOW)
    return shop


def test_a_regression_fails_its_test_with_one_line(slow):
    """Nobody wants to read our frames to learn that their code is slow."""
    done = session(slow, "tests", "--gate=check")

    at = done.stdout.index("= FAILURES =")
    failures = done.stdout[at : done.stdout.index("= messenger gate =")]
    assert failures.splitlines()[2:] == [SLOWED, "=" * 31]
    assert "1 failed, 2 passed" in done.stdout


def test_junit_knows_the_reason(slow):
    session(slow, "tests", "--gate=check", "--junitxml=junit.xml")

    (suite,) = ElementTree.parse(slow / "junit.xml").getroot()
    (failure,) = suite.iter("failure")
    assert (suite.get("tests"), suite.get("failures")) == ("3", "1")
    assert (failure.get("message"), failure.text) == (f"Failed: {SLOWED}", SLOWED)


def test_a_missed_target_fails_its_test(shop):
    (shop / "src" / "shop.py").write_text(
        "import clock\ndef parse(): clock.tick(0.002)\ndef ship(): clock.tick(0.06)\n"
    )

    done = session(shop, "tests/speed/test_ship.py", "--gate=check")

    assert (
        "\nslowed down 60.00x: 1 ms -> 60 ms, tolerance 25 %; "
        "missed its target: p99 60 ms, target 50 ms, 1.2x over; "
        "missed its target: median 60 ms, target 2 ms, 30x over\n"
    ) in done.stdout


def test_a_table_fails_no_test(slow):
    done = session(slow, "tests", "--gate=table")

    assert done.returncode == 0
    assert "3 passed" in done.stdout


def test_what_was_judged_stays_judged(shop):
    """The machine can turn out faster later; a table that then blames a test that has passed helps nobody."""
    (shop / "conftest.py").write_text(
        "from messenger.gate.session import session\n"
        "pace = [1_000_000]\nsession.time_slice = lambda: pace[0]\n"
        "def pytest_runtest_setup(item):\n    if 'ship' in item.nodeid: pace[0] = 400_000\n"
    )

    done = session(shop, "tests", "--gate=check", "--gate-json=report.json")

    assert "1 failed, 2 passed" in done.stdout
    assert rows(shop) == {"test_ship": "regressed", "test_parse[1 KiB|a::b]": "stable"}


def test_stopping_at_the_first_failure_misses_nothing(slow):
    """What had no turn is not gone."""
    done = session(slow, "tests", "--gate=check", "-x", "--gate-json=report.json")

    assert done.returncode == 1
    assert rows(slow) == {"test_parse[1 KiB|a::b]": "regressed"}
    assert "Note: the session ended early; 1 benchmark had no turn." in done.stdout


def test_what_failed_can_be_run_again_alone(slow):
    """Who has mended one of many must not wait for the others, nor be told that they are missing."""
    session(slow, "tests", "--gate=check", *CACHED)
    failing = session(slow, "tests", "--gate=check", "--lf", "--gate-json=report.json", *CACHED)
    (slow / "src" / "shop.py").write_text(SLOW.replace("0.006", "0.002"))
    mended = session(slow, "tests", "--gate=check", "--lf", *CACHED)
    everything = session(slow, "tests", "--gate=check", "--lf", *CACHED)

    assert rows(slow) == {"test_parse[1 KiB|a::b]": "regressed"}
    assert "Note: only what failed before ran again" in failing.stdout
    assert (failing.returncode, mended.returncode, everything.returncode) == (1, 0, 0)
    assert "PASSED: 2 benchmarks compared" in everything.stdout


@pytest.mark.parametrize(
    ("code", "note"),
    [
        ("benchmark.pedantic(shop.ship)\n    assert False, 'wrong result'", "AssertionError: wrong result"),
        ("benchmark.pedantic(lambda: 1 / 0)", "ZeroDivisionError: division by zero"),
        ("pytest.fail('no server')", "Failed: no server"),
    ],
)
def test_a_benchmark_that_fails_by_itself_is_failed_in_the_table(shop, code, note):
    """A table that says stable, or missing, beside a failing test would be one of two truths."""
    (shop / "tests" / "speed" / "test_ship.py").write_text(
        "import clock, pytest, shop\n@pytest.mark.benchmark(timer=clock.now)\n"
        f"def test_ship(benchmark):\n    {code}\n"
    )

    done = session(shop, "tests", "--gate=check", "--gate-json=report.json")

    (row,) = [row for row in json.loads((shop / "report.json").read_text())["results"] if row["note"]]
    assert (done.returncode, row["status"], row["note"]) == (1, "failed", note)
    assert "FAILED: 1 of 2 benchmarks failed." in done.stdout


def test_fixtures_are_torn_down_as_after_any_failure(slow):
    (slow / "tests" / "conftest.py").write_text(
        "import pytest\n"
        "@pytest.fixture(autouse=True)\n"
        "def server(request):\n"
        "    yield\n"
        "    with open('down', 'a') as file: file.write(request.node.name + '\\n')\n"
    )

    session(slow, "tests/speed", "--gate=check")

    assert (slow / "down").read_text() == "test_parse[1 KiB|a::b]\ntest_ship\n"


def test_a_session_without_a_terminal_is_judged_all_the_same(slow):
    done = session(slow, "tests", "--gate=check", "-p", "no:terminal", "--gate-json=report.json")

    assert (done.returncode, done.stderr) == (1, "")
    assert rows(slow)["test_parse[1 KiB|a::b]"] == "regressed"


def test_real_workers_are_refused(shop):
    pytest.importorskip("xdist")

    done = session(shop, "tests", "--gate=check", "-n", "2")

    assert done.returncode == 4
    assert done.stderr == (
        "ERROR: --gate needs benchmarks that run one at a time, and pytest-xdist is active; "
        "run again with -n 0\n\n"
    )


def test_no_workers_are_no_obstacle(shop):
    pytest.importorskip("xdist")

    assert session(shop, "tests", "--gate=check", "-n", "0").returncode == 0


ASYNC = """
import asyncio, functools, types, pytest

async def work(): await asyncio.sleep(0)
async def stream(): yield 1

class Worker:
    async def __call__(self): await asyncio.sleep(0)
    async def work(self): await asyncio.sleep(0)

@types.coroutine
def old(): yield

GIVEN = {
    "function": work,
    "partial": functools.partial(functools.partial(work)),
    "method": Worker().work,
    "object": Worker(),
    "lambda": lambda: work(),
    "stream": stream,
    "lambda-stream": lambda: stream(),
    "old": old,
}
given = pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN.keys())

@given
def test_plain(benchmark, given): benchmark(given)
@given
def test_pedantic(benchmark, given): benchmark.pedantic(given, rounds=3)
@given
def test_iterated(benchmark, given): benchmark.pedantic(given, rounds=3, iterations=3)
@given
def test_warm(benchmark, given): benchmark.pedantic(given, rounds=3, warmup_rounds=1)

def test_driven(benchmark):
    with asyncio.Runner() as runner: benchmark(lambda: runner.run(work()))
def test_a_future_is_a_product(benchmark):
    with asyncio.Runner() as runner: benchmark.pedantic(runner.get_loop().create_future, rounds=3)
"""


@pytest.mark.parametrize("mode", ["--gate", "--gate=check", "--benchmark-json=run.json"])
def test_the_making_of_a_coroutine_is_never_timed(shop, mode):
    """It would look a thousand times as fast as it is."""
    (shop / "tests" / "speed" / "test_async.py").write_text(ASYNC)

    done = session(shop, "tests/speed/test_async.py", mode, "-W", "error", "-rA")

    assert "32 failed, 2 passed" in done.stdout, done.stdout
    assert done.stdout.count("\ncalling ") == 32
    assert "benchmark(lambda: runner.run(batch()))" in done.stdout
    assert "never awaited" not in done.stdout + done.stderr


def test_a_session_without_the_gate_times_what_it_is_given(shop):
    """Whoever has merely installed us did not ask."""
    (shop / "tests" / "speed" / "test_async.py").write_text(ASYNC)

    done = session(shop, "tests/speed/test_async.py", "-k", "plain", "-p", "no:warnings")

    assert "8 passed" in done.stdout


def test_the_first_call_is_looked_at_and_no_call_is_added(shop):
    """A benchmark may consume what was made for so many calls."""
    (shop / "tests" / "speed" / "test_calls.py").write_text(
        "def test_calls(benchmark):\n    left = iter(range(12))\n"
        "    assert benchmark.pedantic(lambda: next(left), rounds=2, iterations=5, warmup_rounds=0) == 10\n"
        "def test_alone(benchmark):\n    left = iter(range(3))\n"
        "    assert benchmark.pedantic(lambda: next(left), rounds=3) == 2\n"
    )

    done = session(shop, "tests/speed/test_calls.py", "--gate")

    assert done.returncode == 0, done.stdout


def test_a_measuring_parent_tells_of_each_benchmark(shop):
    """In a log of CI, silence for minutes looks like a hang."""
    done = python(shop, "messenger", "gate", "check", "--measure", "2", "tests/speed")

    told = [line for line in done.stderr.splitlines() if "::" in line]
    assert [re.sub(r", [0-9.]+/s.*", "", line) for line in told] == [
        "measuring: tests/speed/test_parse.py::test_parse[1 KiB|a::b] 2 ms, 1 of 4",
        "measuring: tests/speed/test_ship.py::test_ship 1 ms, 2 of 4",
        "measuring: tests/speed/test_parse.py::test_parse[1 KiB|a::b] 2 ms, 3 of 4",
        "measuring: tests/speed/test_ship.py::test_ship 1 ms, 4 of 4",
    ]
