"""The whole gate on a project that is not ours: real git, real pytest processes, exact times."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest

from .project import SLOW, commit, gate, git, last_line, make, start


def check(folder, *arguments):
    return gate(folder, "check", "--measure", "1", *arguments)


def test_accepting_writes_one_line_a_benchmark(shop):
    (file,) = (shop / "baselines").glob("*/*.json")

    rows = json.loads(file.read_text(encoding="utf-8"))["benchmarks"]
    assert file.name == "speed.json"
    assert [(row["name"], row["q25_ns"], row["processes"], row["spread"]) for row in rows] == [
        ("tests/speed/test_parse.py::test_parse[1 KiB|a::b]", pytest.approx(2e6), 2, None),
        ("tests/speed/test_ship.py::test_ship", pytest.approx(1e6), 2, None),
    ]


def test_unchanged_code_passes_and_leaves_no_litter(shop):
    done = check(shop, "tests/speed", "--markdown", "out/table.md", "--json", "out/table.json")

    assert (done.returncode, last_line(done)) == (0, "PASSED: 2 benchmarks compared, none regressed.")
    assert "50x better" in (shop / "out" / "table.md").read_text(encoding="utf-8")
    assert json.loads((shop / "out" / "table.json").read_text())["environment_match"] is True
    assert sorted(path.name for path in (shop / "out").iterdir()) == ["table.json", "table.md"]


def test_a_slowdown_is_confirmed_and_named(shop):
    (shop / "src" / "shop.py").write_text(SLOW)

    done = check(shop, "tests/speed", "--markdown", "table.md")

    assert (done.returncode, last_line(done)) == (1, "FAILED: 1 of 2 benchmarks regressed.")
    (row,) = [line for line in (shop / "table.md").read_text().splitlines() if "Regressed" in line]
    assert "test_parse[1 KiB\\|a::b]" in row
    assert "confirmed by 5 fresh processes" in row


def test_a_slowdown_of_one_process_is_not_called_a_regression(shop):
    """The neighbour's backup ran while the first process measured."""
    (shop / "hiccup").touch()
    (shop / "tests" / "conftest.py").write_text(
        "import pathlib, clock, shop\n"
        "hiccup = pathlib.Path(__file__).parents[1] / 'hiccup'\n"
        "def pytest_configure():\n"
        "    if hiccup.exists():\n"
        "        hiccup.unlink()\n"
        "        shop.parse = lambda: clock.tick(0.01)\n"
    )

    done = check(shop, "tests/speed")

    assert (done.returncode, last_line(done)) == (0, "PASSED: 2 benchmarks compared, none regressed.")
    assert "not confirmed by 5 fresh processes" in done.stdout


def test_a_deleted_benchmark_is_missing(shop):
    (shop / "tests" / "speed" / "test_parse.py").unlink()

    done = check(shop, "tests/speed", "--markdown", "table.md")

    assert (done.returncode, last_line(done)) == (1, "FAILED: 1 of 2 benchmarks missing.")
    assert "test_parse" in (shop / "table.md").read_text()


@pytest.mark.parametrize("path", ["tests/speed", "tests/speed/test_parse.py"])
def test_a_deleted_folder_or_file_that_is_asked_for_is_missing(shop, path):
    shutil.rmtree(shop / "tests" / "speed")

    done = check(shop, path)

    assert done.returncode == 1
    assert "missing" in last_line(done)


def test_a_skipped_benchmark_is_missing(shop):
    """A benchmark nobody times protects nobody."""
    file = shop / "tests" / "speed" / "test_parse.py"
    file.write_text(file.read_text(encoding="utf-8") + "pytestmark = pytest.mark.skip\n", encoding="utf-8")

    assert last_line(check(shop, "tests")) == "FAILED: 1 of 2 benchmarks missing."


def test_one_file_asks_for_its_benchmarks_only_from_any_folder(shop):
    """An editor runs the gate from where the file is."""
    done = check(shop / "tests", "./speed/test_parse.py")

    assert (done.returncode, last_line(done)) == (0, "PASSED: 1 benchmark compared, none regressed.")


def test_only_runs_and_judges_what_it_matches(shop):
    (shop / "src" / "shop.py").write_text(SLOW)

    done = check(shop, "tests/speed", "--only", "test_s*ip")

    assert (done.returncode, last_line(done)) == (0, "PASSED: 1 benchmark compared, none regressed.")


@pytest.mark.parametrize("arguments", [("tests/speed", "--only", "nothing"), ("tests/test_ordinary.py",)])
def test_an_empty_selection_could_not_tell(shop, arguments):
    done = check(shop, *arguments)

    assert done.returncode == 3
    assert last_line(done).startswith("NOTHING COMPARED: no benchmark was selected")


def test_a_project_without_baselines_is_told_how_to_make_them(tmp_path):
    done = check(make(tmp_path), "tests")

    assert done.returncode == 3
    assert last_line(done).endswith("make one with: messenger gate accept --measure 5 tests")


def test_a_missed_target_fails(shop):
    (shop / "src" / "shop.py").write_text(SLOW.replace("0.006", "0.002").replace("0.001", "0.003"))
    shutil.rmtree(shop / "baselines")
    gate(shop, "accept", "--measure", "1", "--allow-dirty", "tests/speed")

    done = check(shop, "tests/speed")

    assert (done.returncode, last_line(done)) == (1, "FAILED: 1 of 2 benchmarks missed a target.")
    assert "median 3 ms, target 2 ms, 1.5x over" in done.stdout


@pytest.mark.parametrize(
    ("source", "code", "said"),
    [
        ("def test_x(benchmark): assert benchmark(lambda: 1) == 2\n", 1, "had failing benchmarks"),
        ("import nothing_like_this\n", 2, "could not run"),
        (
            "import os, signal\ndef test_x(benchmark): os.kill(os.getpid(), signal.SIGKILL)\n",
            1,
            "killed by SIGKILL",
        ),
        ("import os\ndef test_x(benchmark): os._exit(9)\n", 2, "could not run (pytest's exit status 9)"),
    ],
)
def test_a_process_that_cannot_measure_is_quoted(shop, source, code, said):
    (shop / "tests" / "speed" / "test_x.py").write_text(source)

    done = check(shop, "tests/speed")

    assert done.returncode == code
    assert done.stdout == ("" if code == 2 else "NOT JUDGED: the reason is on stderr.\n")
    assert said in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_an_interrupted_measurement_leaves_no_process_behind(shop, how, code):
    """Ctrl-C must not leave a benchmark burning a core."""
    os.mkfifo(shop / "pipe")
    (shop / "tests" / "speed" / "test_x.py").write_text(
        "import os, signal\n"
        "def test_x(benchmark):\n"
        "    with open('pipe', 'w') as pipe: pipe.write(str(os.getpid()))\n"
        "    signal.pause()\n"
    )

    child = start(shop, "messenger", "gate", "check", "--measure", "1", "tests/speed/test_x.py")
    measuring = int((shop / "pipe").read_text())
    child.send_signal(how)
    _, err = child.communicate(timeout=60)

    assert (child.returncode, "Traceback" in err) == (code, False)
    with pytest.raises(ProcessLookupError):
        os.kill(measuring, 0)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has a disk that is always full")
def test_a_full_disk_is_said_in_a_sentence(shop):
    command = [sys.executable, "-m", "messenger", "gate", "check", "--measure", "1", "tests/speed"]

    with open("/dev/full", "w") as full:
        done = subprocess.run(command, cwd=shop, stdout=full, stderr=subprocess.PIPE, text=True, check=False)

    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "messenger gate: cannot write to stdout: No space left on device"


def test_reports_are_kept_where_asked(shop):
    check(shop, "tests/speed", "--keep", "kept")

    (report,) = (shop / "kept").glob("*/report.json")
    again = gate(shop, "check", str(report))
    assert (again.returncode, last_line(again)) == (0, "PASSED: 2 benchmarks compared, none regressed.")


def test_uncommitted_changes_are_not_accepted(shop):
    """A baseline must be reproducible from its commit."""
    (shop / "src" / "shop.py").write_text(SLOW)

    done = gate(shop, "accept", "--measure", "1", "tests/speed")

    assert done.returncode == 2
    assert "--allow-dirty" in done.stderr


def test_accepting_one_benchmark_keeps_the_other_and_pruning_drops_it(shop):
    git(shop, "rm", "-q", "tests/speed/test_parse.py")
    commit(shop)

    kept = gate(shop, "accept", "--measure", "1", "tests/speed")
    pruned = gate(shop, "accept", "--measure", "1", "tests/speed", "--prune")

    assert "1 changed, 1 kept though not in this run" in kept.stdout
    assert "1 changed, 1 pruned" in pruned.stdout
    assert last_line(check(shop, "tests/speed")) == "PASSED: 1 benchmark compared, none regressed."
