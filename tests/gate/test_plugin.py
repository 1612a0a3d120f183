"""The plugin in real pytest sessions, of the project that is not ours."""

import json

import pytest

from .project import SLOW, python

XDIST = "def pytest_addoption(parser): parser.addoption('--dist', default='load')\n"


def session(folder, *arguments):
    return python(folder, "pytest", *arguments)


def test_a_report_is_stamped_without_being_asked(shop):
    """The stamp is what makes a report of any project comparable."""
    session(shop, "tests/speed/test_ship.py", "--benchmark-json=run.json", "-q")

    document = json.loads((shop / "run.json").read_text())
    stamp = document["messenger_gate"]
    assert (stamp["paths"], stamp["only"]) == (["tests/speed/test_ship.py"], [])
    assert (stamp["reference_ns"], stamp["commit"]["dirty"], len(stamp["commit"]["sha"])) == (1e6, False, 40)
    assert [target["statistic"] for target in document["benchmarks"][0]["extra_info"]["target"]] == [
        "p99",
        "median",
    ]


def test_two_sessions_are_two_processes(shop):
    for number in (1, 2):
        session(shop, "tests/speed", f"--benchmark-json={number}.json", "-q")

    done = python(shop, "messenger", "gate", "check", "1.json", "2.json")

    assert done.returncode == 0
    assert "2 fresh processes" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["tests"],
        ["tests", "--benchmark-disable"],
        ["tests", "-p", "no:benchmark", "--ignore=tests/speed"],
        ["tests", "--collect-only", "--gate"],
        ["tests/test_ordinary.py", "--gate"],
        ["tests/speed", "--gate", "--benchmark-disable"],
        ["tests/test_ordinary.py", "-p", "no:benchmark", "--gate"],
    ],
)
def test_whoever_times_nothing_hears_nothing(shop, arguments):
    done = session(shop, *arguments)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "messenger gate" not in done.stdout


def test_a_session_that_asked_for_nothing_loads_nothing_of_the_gate(shop):
    """Every pytest session of everybody who has us installed pays for what the plugin imports."""
    (shop / "conftest.py").write_text(
        "import sys\n"
        "def pytest_unconfigure():\n"
        "    print('LOADED', sorted(name for name in sys.modules if name.startswith('messenger.gate.')))\n"
    )

    done = session(shop, "tests/test_ordinary.py")

    assert "LOADED ['messenger.gate.plugin']" in done.stdout


@pytest.mark.parametrize(("mode", "code"), [("--gate=table", 0), ("--gate=check", 1)])
def test_a_table_shows_and_a_check_decides(shop, mode, code):
    (shop / "src" / "shop.py").write_text(SLOW)

    done = session(shop, "tests/speed", mode, "--gate-markdown=table.md", "--gate-json=table.json")

    assert done.returncode == code
    assert "FAILED: 1 of 2 benchmarks regressed." in done.stdout
    assert "Regressed" in (shop / "table.md").read_text()
    assert json.loads((shop / "table.json").read_text())["exit_code"] == 1


def test_the_mode_can_be_configured(shop):
    (shop / "src" / "shop.py").write_text(SLOW)

    assert session(shop, "tests/speed", "-o", "messenger_gate=check").returncode == 1
    assert session(shop, "tests/test_ordinary.py", "-o", "messenger_gate=check").returncode == 0


def test_a_misspelt_mode_is_refused(shop):
    done = session(shop, "tests", "-o", "messenger_gate=chek")

    assert done.returncode == 4
    assert "messenger_gate is 'chek'" in done.stderr


def test_narrowing_judges_what_it_runs(shop):
    done = session(shop, "tests", "--gate=check", "--gate-only", "ship")

    assert done.returncode == 0
    assert "PASSED: 1 benchmark compared" in done.stdout
    assert "2 deselected" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["tests/speed", "-k", "ship"], 1, "FAILED: 1 of 2 benchmarks missing."),
        (["tests/speed", "-k", "nothing"], 1, "FAILED: 2 of 2 benchmarks missing."),
        (["tests/speed", "--gate-only", "nothing"], 3, "NOTHING COMPARED: no benchmark was selected"),
        (["tests/test_ordinary.py"], 3, "NOTHING COMPARED: no benchmark was selected"),
        (["tests/speed", "--gate-baselines", "pyproject.toml"], 2, "ERROR: pyproject.toml is not a folder"),
        (["tests/speed", "--gate-markdown", "tests"], 2, "ERROR: cannot write tests"),
    ],
)
def test_a_check_fails_closed(shop, arguments, code, said):
    done = session(shop, "--gate=check", *arguments)

    assert done.returncode == code
    assert said in done.stdout


def test_a_failing_test_stays_a_failing_test(shop):
    (shop / "tests" / "speed" / "test_x.py").write_text("def test_x(): assert False\n")

    done = session(shop, "tests", "--gate=check")

    assert done.returncode == 1
    assert "PASSED: 2 benchmarks compared" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-p", "no:benchmark", "--ignore=tests/speed"], "needs pytest-benchmark"),
        (["--benchmark-disable"], "nothing would be timed"),
        (["-p", "no:xdist", "-p", "xdist_alike"], "pytest-xdist is active"),
    ],
)
def test_a_check_that_could_not_judge_is_refused_at_once(shop, arguments, said):
    (shop / "xdist_alike.py").write_text(XDIST)

    done = session(shop, "tests", "--gate=check", *arguments)

    assert done.returncode == 4
    assert said in done.stderr


def test_a_configured_gate_is_silent_where_tests_are_distributed(shop):
    """Who distributes ordinary tests did not ask for times."""
    (shop / "xdist_alike.py").write_text(XDIST)

    done = session(shop, "tests", "-o", "messenger_gate=check", "-p", "no:xdist", "-p", "xdist_alike")

    assert done.returncode == 0
    assert "messenger gate" not in done.stdout


@pytest.mark.parametrize(
    ("marker", "said"),
    [
        ("target('50ms')", "it takes statistics by name"),
        ("target(p99='soon')", "'soon' is not a duration"),
        ("target(p42x='1s')", "'p42x' is not a statistic"),
    ],
)
def test_a_wrong_target_is_a_usage_error_that_names_the_test(shop, marker, said):
    (shop / "tests" / "speed" / "test_x.py").write_text(
        f"import pytest\n@pytest.mark.{marker}\ndef test_x(benchmark): benchmark(int)\n"
    )

    done = session(shop, "tests", "--gate")

    assert done.returncode == 4
    assert f"target marker of tests/speed/test_x.py::test_x: {said}" in done.stderr


def test_a_target_of_another_plugin_is_none_of_our_business(shop):
    (shop / "tests" / "test_x.py").write_text(
        "import pytest\n@pytest.mark.target('moon')\ndef test_x(): pass\n"
    )

    assert session(shop, "tests", "--gate").returncode == 0


def test_a_percentile_of_calibrated_rounds_fails_the_test_with_the_way_out(shop):
    (shop / "tests" / "speed" / "test_x.py").write_text(
        "import pytest\n@pytest.mark.target(p99='50ms')\n"
        "@pytest.mark.benchmark(max_time=0.001, min_rounds=1)\ndef test_x(benchmark): benchmark(int)\n"
    )

    done = session(shop, "tests/speed/test_x.py", "--gate")

    assert done.returncode == 1
    assert "use benchmark.pedantic(..., iterations=1)" in done.stdout


def test_the_marker_is_registered(shop):
    assert "target(p99='50ms', ...)" in session(shop, "--markers").stdout


def test_a_table_says_nothing_of_benchmarks_that_were_not_run(shop):
    """Whoever runs one of many with -k is not told that the others are gone; a check is."""
    narrowed = ("tests/speed", "-k", "parse")

    table = session(shop, *narrowed, "--gate=table")
    checked = session(shop, *narrowed, "--gate=check")

    assert "missing" not in table.stdout.lower()
    assert "missing" in checked.stdout.lower()
