import json

import pytest

from messenger.gate.command import main

from .samples import baseline, measurement, name, report, write


@pytest.fixture
def here(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def gate(here, capsys):
    """Run the command, and return its exit status, the lines on stdout and the text on stderr."""

    def run(*arguments):
        status = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return status, captured.out.splitlines(), captured.err

    return run


PARSE = name("parse")


def test_reports_of_five_processes_become_the_baseline_and_are_compared(here, gate):
    runs = [write(here / f"{n}.json", report({PARSE: 450e-9}, process=str(n))) for n in range(5)]
    slow = write(here / "slow.json", report({PARSE: 900e-9}))

    assert gate("accept", *runs)[0] == 0
    assert gate("check", runs[0])[:1] == (0,)
    status, out, _ = gate("check", slow)
    assert (status, out[-1]) == (1, "FAILED: 1 of 1 benchmark regressed.")


def test_accept_says_what_changes_and_warns_of_few_processes(here, gate):
    run = write(here / "run.json", report({PARSE: 450e-9}))

    status, out, err = gate("accept", run)

    assert (status, out[1:3]) == (0, ["  added    bench_parse.py::bench_parse: 450 ns", "1 added"])
    assert "warning: measured in fewer than 5 processes (1)" in err


@pytest.mark.parametrize("verb", ["check", "accept"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot read run.json: No such file or directory; write one with: pytest"),
        ("", "run.json is empty"),
        ("hello", "run.json is not a pytest-benchmark report"),
        ('{"benchmarks": []}', "run.json is not a pytest-benchmark report"),
    ],
)
def test_what_is_no_report_is_refused_in_a_sentence(here, gate, verb, content, said):
    if content is not None:
        (here / "run.json").write_text(content)

    status, out, err = gate(verb, "run.json")

    assert (status, out) == (2, [])
    assert err.startswith(f"messenger gate: {said}")
    assert len(err.splitlines()) == 1


def test_a_folder_is_no_report(here, gate):
    status, _, err = gate("check", ".")

    assert (status, err.count("\n")) == (2, 1)
    assert "Is a directory" in err


def test_the_same_report_twice_is_refused(here, gate):
    """The process is the sample; a copy adds nothing, and would narrow the spread."""
    run = write(here / "run.json", report({PARSE: 1.0}))

    status, _, err = gate("accept", run, run)

    assert status == 2
    assert "same process" in err


def test_a_corrupt_baseline_is_named(here, gate):
    run = write(here / "run.json", report({PARSE: 1.0}))
    gate("accept", run)
    (file,) = (here / "baselines").glob("*/*.json")
    file.write_text("<<<<<<< HEAD")

    status, _, err = gate("check", run)

    assert status == 2
    assert f"{file} is not a baseline file" in err


@pytest.mark.parametrize("option", ["--markdown", "--json"])
@pytest.mark.parametrize("place", ["folder", "file/table"])
def test_a_place_that_cannot_be_written_is_refused_before_measuring(here, gate, option, place):
    """Nobody wants to hear it after ten minutes of measuring."""
    (here / "folder").mkdir()
    (here / "file").touch()

    status, _, err = gate("check", "--measure", 1, ".", option, place)

    assert status == 2
    assert "measuring" not in err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["judge"],
        ["check"],
        ["accept"],
        ["check", "--nonsense", "run.json"],
        ["check", "--measure", "0", "benches"],
        ["check", "--measure", "many", "benches"],
        ["check", "--base", "HEAD", "--budget", "nan"],
        ["check", "--base", "HEAD", "--timeout", "inf"],
        ["self-check", "--minutes", "nan"],
        ["check", "run.json", "--keep", "folder"],
        ["check", "run.json", "--only", ""],
        ["check", "--measure", "3", "run.json"],
        ["check", "run.json", "--baselines", "run.json"],
    ],
)
def test_wrong_usage_is_2_and_says_what_is_right(here, gate, arguments):
    write(here / "run.json", report({PARSE: 1.0}))

    status, out, err = gate(*arguments)

    assert (status, out) == (2, [])
    assert err


def test_wrong_settings_are_2(here, gate):
    (here / "pyproject.toml").write_text("[tool.messenger.gate]\nbase = 1")

    status, _, err = gate("check", "run.json")

    assert status == 2
    assert "known keys: baselines, reports, " in err


@pytest.mark.parametrize("verb", ["check", "accept"])
def test_help_has_an_example_and_the_exit_statuses(gate, verb):
    status, out, _ = gate(verb, "--help")

    text = "\n".join(out)
    assert status == 0
    assert f"messenger gate {verb} --measure" in text
    assert "3 could not tell" in text


@pytest.mark.parametrize(("required", "expected"), [([], 0), (["--require-verdict"], 3)])
def test_another_machine_is_advisory_and_a_verdict_can_be_required(here, gate, required, expected):
    there = {"cpu": "Neoverse-N1", "cores": 64}
    gate("accept", write(here / "there.json", report({PARSE: 1e-6}, environment=there)))

    status, out, _ = gate("check", write(here / "run.json", report({PARSE: 9.0})), *required)

    assert status == expected
    assert out[-1].startswith("ADVISORY: nothing was judged")
    assert out[-1].endswith("make a baseline here with: messenger gate accept " + str(here / "run.json"))


def test_nothing_in_a_report_is_nothing_accepted(here, gate):
    status, out, _ = gate("accept", write(here / "run.json", report({})))

    assert (status, out[-1].partition(":")[0]) == (3, "NOTHING ACCEPTED")


def test_a_run_narrowed_by_a_pattern_does_not_miss_the_rest(here, gate):
    """`pytest --gate-only parse` did not set out to time the others."""
    gate("accept", write(here / "all.json", report({PARSE: 1.0, name("other"): 1.0})))

    status, out, _ = gate(
        "check", write(here / "run.json", report({PARSE: 1.0}, process="p2", only=["parse"]))
    )

    assert (status, out[-1]) == (0, "PASSED: 1 benchmark compared, none regressed.")


def test_the_folder_of_baselines_is_a_setting_and_an_option(here, gate):
    (here / "pyproject.toml").write_text('[tool.messenger.gate]\nbaselines = "perf"')
    run = write(here / "run.json", report({PARSE: 1.0}))

    gate("accept", run)
    gate("accept", run, "--baselines", "option")

    assert sorted(path.name for path in here.iterdir() if path.is_dir()) == ["option", "perf"]


def test_columns_say_how_wide_a_table_is(here, gate, monkeypatch):
    monkeypatch.setenv("COLUMNS", "70")

    _, out, _ = gate("check", write(here / "run.json", report({"benches/t.py::t[" + "x" * 100: 1.0})))

    assert max(len(line) for line in out if "┃" in line) <= 70


def test_a_thousand_benchmarks_are_reported(here, gate):
    times = {name(f"n{number}"): 1e-6 for number in range(1000)}
    run = write(here / "run.json", report(times))
    gate("accept", run)

    status, out, _ = gate("check", run, "--json", "table.json")

    assert (status, out[-1]) == (0, "PASSED: 1000 benchmarks compared, none regressed.")
    assert json.loads((here / "table.json").read_text())["summary"]["total_tests"] == 1000


def test_a_baseline_written_by_hand_with_another_tool_is_read(here, gate):
    """Formatting is for people; only the content counts."""
    from messenger.gate.baseline import format_baseline, parse_baseline

    text = json.dumps(json.loads(format_baseline(baseline(measurement(PARSE)))), indent=8)

    assert parse_baseline(text.encode(), "x.json") == baseline(measurement(PARSE))


def test_a_slower_run_is_no_baseline_until_somebody_has_said_so(here, gate):
    """A refreshed number would hide the slowdown for ever."""
    runs = [write(here / f"{n}.json", report({PARSE: 450e-9}, process=str(n))) for n in range(5)]
    slow = write(here / "slow.json", report({PARSE: 900e-9}))
    gate("accept", *runs)

    status, out, err = gate("accept", slow)
    entry = 'benchmark = "parse"\npercent = 110\nreason = "checks UTF-8"\nuntil = 2999-01-01\n'
    (here / "baselines" / "accepted.toml").write_text(f"[[accepted]]\n{entry}")

    assert (status, out[-1]) == (1, "NOT JUDGED: the reason is on stderr.")
    assert f"  {PARSE}: +100.0 %\n" in err
    assert (
        gate("check", slow)[:2][1][-1]
        == "PASSED: 1 benchmark compared, none regressed, 1 slower and accepted."
    )
    assert gate("accept", slow, "--reason", "checks UTF-8")[0] == 0
    assert '"reason": "checks UTF-8"' in next((here / "baselines").glob("*/*.json")).read_text()


@pytest.mark.parametrize("verb", ["check", "accept"])
def test_a_mistyped_path_is_refused_before_anything_is_measured(gate, verb):
    status, _, err = gate(verb, "--measure", "1", "nosuch")

    assert (status, "there is no nosuch, and no baseline knows it" in err) == (2, True)


def test_a_check_of_nothing_is_not_the_last_check(here, gate):
    """`explain` would know no benchmark any more."""
    run = write(here / "run.json", report({PARSE: 450e-9}))
    gate("check", run)

    gate("check", run, "--only", "nosuch")

    assert gate("explain", "parse")[0] == 0


def test_an_acceptance_that_fits_nothing_is_told_where_something_is_slower(here, gate):
    runs = [write(here / f"{n}.json", report({PARSE: 450e-9}, process=str(n))) for n in range(5)]
    gate("accept", *runs)
    entry = 'benchmark = "prase"\npercent = 110\nreason = "checks UTF-8"\nuntil = 2999-01-01\n'
    (here / "baselines" / "accepted.toml").write_text(f"[[accepted]]\n{entry}")

    _, _, err = gate("check", write(here / "slow.json", report({PARSE: 900e-9})))

    assert "note: accepted.toml: no benchmark here is called 'prase'\n" in err
