"""What a person sees of a session while it runs, on a terminal and in a log."""

import re
from itertools import dropwhile

import pytest
from rich.cells import cell_len

from .project import SLOW
from .terminal import on_terminal, seen
from .test_plugin import session

PARSE = "tests/speed/test_parse.py::test_parse[1 KiB|a::b]"
SHIP = "tests/speed/test_ship.py::test_ship"
RATE = r", [0-9.]+/s"
ORDINARY = "tests/test_ordinary.py ."


def run(shop, *arguments, **terminal):
    written, _ = on_terminal(shop, "pytest", *arguments, **terminal)
    return written


def timeless(text):
    """Take out what differs from run to run: rates, and the time that is left."""
    return re.sub(r"/s, about \d+ s left", "/s, LEFT", re.sub(RATE, ", N/s", text))


def drawn(written):
    """Return what was drawn over, in the order in which it was shown."""
    return [frame.rstrip() for frame in timeless(written).split("\r") if re.match(r"\d+ of \d+", frame)]


def between(lines):
    """Return what stands between the collection and the first section."""
    start = next(number for number, line in enumerate(lines) if "collected" in line)
    end = next(number for number, line in enumerate(lines) if number > start and re.match("=+ ", line))
    # The prerequisites come first, and wrap where the terminal is narrow.
    told = dropwhile(lambda line: not line.startswith("tests/"), lines[start + 1 : end])
    return [timeless(line) for line in told if line]


def test_a_terminal_shows_one_line_that_leaves_nothing_behind(shop):
    written = run(shop, "tests/speed", "--gate")

    assert drawn(written) == [f"0 of 2: {PARSE}", f"1 of 2, N/s, LEFT: {SHIP}"]
    assert between(seen(written)) == []


def test_a_failure_keeps_a_line(shop):
    (shop / "src" / "shop.py").write_text(SLOW)

    written = run(shop, "tests/speed", "--gate=check")

    assert between(seen(written)) == [f"{PARSE}: FAILED, 6 ms, 1 of 2, N/s, LEFT"]


def test_ordinary_tests_keep_their_dots_and_percentages(shop):
    lines = between(seen(run(shop, "tests", "--gate")))

    assert [re.sub(" +", " ", line) for line in lines] == [f"{ORDINARY} [100%]"]


@pytest.mark.parametrize("name", ["test_a_name_that_is_longer_than_half_a_line", "test_" + "日本語" * 10])
def test_no_line_is_wider_than_the_terminal(shop, name):
    """One that wraps cannot be drawn over, and fills the screen."""
    (shop / "tests" / "speed" / "test_ship.py").rename(shop / "tests" / "speed" / f"{name}.py")

    written = run(shop, "tests/speed", "--gate", columns=40)

    frames = [frame for frame in re.split(r"[\r\n]", written) if re.match(r"\d+ of \d+", frame)]
    assert [cell_len(frame) for frame in frames] == [39, 39]


@pytest.mark.parametrize("settings", [{"TERM": "dumb"}, {"TERM": "dumb", "NO_COLOR": "1"}])
def test_a_dumb_terminal_gets_lines_and_no_escapes(shop, settings):
    written = run(shop, "tests/speed", "--gate", settings=settings)

    assert between(seen(written)) == [f"{PARSE}: 2 ms, 1 of 2, N/s, LEFT", f"{SHIP}: 1 ms, 2 of 2, N/s"]
    assert "\x1b" not in written


def test_no_colour_where_none_is_wanted(shop):
    """See no-color.org; the words say the same."""
    (shop / "src" / "shop.py").write_text(SLOW)

    plain = run(shop, "tests/speed", "--gate=check", settings={"NO_COLOR": "1"})
    coloured = run(shop, "tests/speed", "--gate=check")

    assert "\x1b[" not in plain
    assert "\x1b[1;31mFAILED: 1 of 2 benchmarks regressed." in coloured
    assert [line for line in seen(plain) if "Regressed" in line] == [
        line for line in seen(coloured) if "Regressed" in line
    ]


@pytest.mark.parametrize("option", ["-s", "--capture=tee-sys", "--log-cli-level=INFO", "--setup-show"])
def test_where_tests_write_to_the_terminal_nothing_is_drawn_over(shop, option):
    file = shop / "tests" / "speed" / "test_ship.py"
    file.write_text(file.read_text().replace("benchmark.p", "print('hello', end=''); benchmark.p"))

    written = run(shop, "tests/speed", "--gate", option)

    assert drawn(written) == []
    assert f"{SHIP}: 1 ms, 2 of 2" in written
    assert ("hello" in written) == (option in ("-s", "--capture=tee-sys"))


def test_a_debugger_has_the_screen_to_itself(shop):
    file = shop / "tests" / "speed" / "test_ship.py"
    file.write_text(file.read_text().replace("benchmark.p", "breakpoint(); benchmark.p"))
    (shop / ".pdbrc").write_text("continue\n")

    written = run(shop, "tests/speed", "--gate")

    (dialogue,) = re.findall(r"PDB set_trace.*PDB continue", written, re.DOTALL)
    assert "--Call--" in dialogue or "Pdb" in dialogue
    assert " " * 50 not in dialogue


def test_a_terminal_without_our_letters_gets_question_marks(shop):
    """Box and check mark must not turn the table into one line of escapes."""
    written = run(shop, "tests/speed", "--gate=check", settings={"PYTHONIOENCODING": "ascii"})

    assert "PASSED: 2 benchmarks compared, none regressed." in seen(written)
    assert "? Stable" in written


def test_an_interrupt_leaves_no_half_line(shop):
    (shop / "tests" / "speed" / "test_ship.py").write_text(
        "def test_ship(benchmark): raise KeyboardInterrupt\n"
    )

    written, code = on_terminal(shop, "pytest", "tests/speed", "--gate=check")

    assert code == 2
    assert drawn(written) == [f"0 of 2: {PARSE}", f"1 of 2, N/s, LEFT: {SHIP}"]
    assert "1 of 2" not in "\n".join(between(seen(written)))


def test_a_log_has_a_line_a_benchmark(shop):
    done = session(shop, "tests", "--gate")

    lines = between(done.stdout.splitlines())
    assert [re.sub(" +", " ", line) for line in lines] == [
        f"{PARSE}: 2 ms, 1 of 2, N/s, LEFT",
        f"{SHIP}: 1 ms, 2 of 2, N/s",
        f"{ORDINARY} [100%]",
    ]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["-v"], [f"{PARSE} PASSED [ 50%]", f"{SHIP} PASSED [100%]"]),
        (["-q"], []),
    ],
)
def test_pytest_itself_speaks_where_more_or_less_is_asked_for(shop, options, expected):
    done = session(shop, "tests/speed", "--gate", *options)

    lines = [re.sub(" +", " ", line) for line in done.stdout.splitlines() if line.startswith("tests/speed/")]
    assert lines == expected
    assert ".. " in done.stdout or expected


def test_whoever_configured_the_table_sees_what_one_sees_who_asked_for_it(shop):
    configured = session(shop, "tests", "-o", "messenger_gate=table")

    assert f"{SHIP}: 1 ms, 2 of 2" in configured.stdout
    assert "benchmark: 2 tests" not in configured.stdout


def test_sessions_without_a_table_are_left_alone(shop):
    done = session(shop, "tests", "--benchmark-json=run.json")

    assert "tests/speed/test_ship.py ." in done.stdout
    assert "benchmark: 2 tests" in done.stdout


@pytest.mark.parametrize(
    "asking",
    [
        ["-v"],
        ["--benchmark-columns=min"],
        ["--benchmark-sort=min"],
        ["--benchmark-cprofile=tottime"],
        ["-o", "addopts=--benchmark-sort=name"],
        ["--gate-baselines=pyproject.toml"],  # the gate could not judge, and times must not be lost with it
    ],
)
def test_the_other_table_is_shown_to_whoever_asks(shop, asking):
    """It is 200 columns wide and says less, so nobody gets both by accident."""
    assert "benchmark: 2 tests" not in session(shop, "tests", "--gate").stdout

    assert "benchmark: 2 tests" in session(shop, "tests", "--gate", *asking).stdout
