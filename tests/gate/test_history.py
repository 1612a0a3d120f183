import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest

from messenger.gate.baseline import format_baseline
from messenger.gate.command import main
from messenger.gate.error import GateError
from messenger.gate.history.read import read_history, read_trends
from messenger.gate.history.trend import Trend
from messenger.gate.machine import capture
from messenger.gate.report import format_report
from messenger.gate.reports.history import render_history
from messenger.gate.settings import Settings, read_settings

from .repository import Repository
from .samples import ELSEWHERE, HERE, baseline, measurement, name, report, write
from .test_reports import everything

EXPECTED = Path(__file__).parent / "expected"
PARSE, READ = name("parse"), name("read")
BACK = "@{-1}"  # the branch that was checked out before


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path / "project")


def of(ns, benchmark=PARSE, environment=HERE, **fields):
    return baseline(measurement(benchmark, ns, **({"spread": 0.02} | fields)), environment=environment)


def points(repository, **options):
    """Return the points of the only trend, a time and a commit each."""
    [trend] = read_history(repository.folder, Settings(), **options).trends
    return [(point.q25_ms * 1e6, point.commit) for point in trend.points]


def test_every_accepted_row_is_a_point(repository):
    first = repository.accept(of(100))
    second = repository.accept(of(110))

    assert points(repository) == [(100, first), (110, second)]


def test_the_working_tree_is_the_last_point(repository):
    """Whoever has just accepted looks at the history before the commit."""
    first = repository.accept(of(100))
    repository.write(of(110))

    assert points(repository) == [(100, first), (110, None)]


def test_baselines_without_any_commit_are_one_point(tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    path = tmp_path / "baselines" / "here" / "node.json"
    path.parent.mkdir(parents=True)
    path.write_text(format_baseline(of(100)), encoding="utf-8")

    [trend] = read_trends(tmp_path / "baselines", Settings())

    assert [point.commit for point in trend.points] == [None]


def test_a_renamed_folder_is_the_same_environment(repository):
    """What a file says decides, not where it stands."""
    first = repository.accept(of(100))
    repository.git("mv", f"baselines/{HERE.slug}", "baselines/another-name")
    repository.commit()

    history = read_history(repository.folder, Settings())

    assert [point.commit for point in history.trends[0].points] == [first]
    assert history.warnings == ()


def test_a_merge_brings_what_its_branch_came_to(repository):
    """The steps on a branch were never in force, and lie beside what was."""
    first = repository.accept(of(100))
    repository.git("switch", "-qc", "branch")
    repository.accept(of(300))
    repository.accept(of(120))
    repository.git("switch", "-q", BACK)
    repository.accept(of(50, READ, ELSEWHERE))
    repository.git("merge", "-q", "--no-ff", "-m", "merge", "branch")
    merge = repository.git("rev-parse", "HEAD")

    trends = {trend.name: trend for trend in read_trends(repository.folder, Settings())}

    assert [point.commit for point in trends[PARSE].points] == [first, merge]


def test_damaged_and_deleted_versions_are_skipped_and_counted(repository):
    """History cannot be repaired, and must not stand in the way."""
    first = repository.accept(of(100))
    path = repository.folder / HERE.slug / "node.json"
    for content in ("{", '{"schema_version": 99}', '"\udcff"'):
        path.write_text(content, errors="surrogateescape")
        damaged = repository.commit()
    path.unlink()
    repository.commit()
    last = repository.accept(of(110))

    history = read_history(repository.folder, Settings())

    assert [point.commit for point in history.trends[0].points] == [first, last]
    [warning] = history.warnings
    assert warning.startswith(
        "4 of 6 versions of baseline files skipped: 1 deleted; 3 damaged or of another schema, such as "
    )
    assert damaged[:12] not in warning


def test_what_is_no_baseline_in_that_folder_does_not_matter(repository):
    repository.accept(of(100))
    for file in ("accepted.toml", "top.json", "a/b/deep.json", "a/notes.txt"):
        path = repository.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{")
    (repository.folder / "a" / "link.json").symlink_to("notes.txt")
    repository.commit()
    (repository.folder / "a" / "link.json").unlink()

    assert read_history(repository.folder, Settings()).warnings == ()


@pytest.mark.parametrize("link", [False, True])
def test_a_project_in_a_folder_of_its_repository_has_a_history(tmp_path, link):
    """A repository of many packages; git names paths from its own root."""
    repository = Repository(tmp_path / "many")
    repository.folder = tmp_path / "many" / "packages" / "ünïcode [1]" / "baselines"
    first = repository.accept(of(100))
    if link:
        (tmp_path / "linked").symlink_to(repository.folder)
        repository.folder = tmp_path / "linked"

    assert points(repository, anchor="main") == [(100, first)]


def test_a_hook_of_git_has_the_same_history(repository, monkeypatch):
    """It is run with a GIT_DIR that is relative to another folder than ours."""
    first = repository.accept(of(100))
    monkeypatch.setenv("GIT_DIR", ".git")

    assert [commit for _, commit in points(repository)] == [first]


def test_as_many_processes_read_a_long_history_as_a_short_one(repository, tmp_path, monkeypatch):
    """A process a commit would make a history of a thousand take a minute."""
    git, log = shutil.which("git"), tmp_path / "log"
    shim = tmp_path / "bin" / "git"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\necho "$@" >> "{log}"\nexec "{git}" "$@"\n')
    shim.chmod(0o755)

    counts = []
    for length in (2, 10):
        for number in range(length):
            repository.accept(of(100 + number))
        with monkeypatch.context() as patched:
            patched.setenv("PATH", f"{shim.parent}{os.pathsep}{os.environ['PATH']}")
            log.write_text("")
            read_trends(repository.folder, Settings())
        counts.append(len(log.read_text().splitlines()))

    assert counts[0] == counts[1] <= 6


def anchor_of(repository, **options):
    [trend] = read_history(repository.folder, Settings(), **options).trends
    return trend.anchor, trend.anchor_percent


def test_the_anchor_is_the_latest_release_before_head(repository):
    """A release is held against the one before, and everything else against the release before it."""
    for number, tag in enumerate(["v1.9", "v1.10", "v2"]):
        repository.accept(of(100 + 10 * number))
        repository.git("tag", tag)

    assert anchor_of(repository) == ("v1.10", pytest.approx(9.09, abs=0.01))


def test_of_two_tags_at_one_commit_the_greater_version_is_the_release(repository):
    repository.accept(of(100))
    for tag in ("v1.9", "v1.10"):
        repository.git("tag", tag)
    repository.accept(of(110))

    assert anchor_of(repository)[0] == "v1.10"


def test_a_release_of_another_branch_is_no_anchor(repository):
    repository.accept(of(100))
    repository.git("tag", "v1")
    repository.git("switch", "-qc", "maintenance")
    repository.accept(of(50))
    repository.git("tag", "v1.1")
    repository.git("switch", "-q", BACK)
    repository.accept(of(110))

    assert anchor_of(repository)[0] == "v1"
    assert anchor_of(repository, anchor="v1.1") == ("v1.1", 120.0)


def test_a_release_without_that_environment_is_no_anchor_of_it(repository):
    repository.accept(of(100))
    repository.git("tag", "v1")
    repository.git("rm", "-qr", "baselines")
    repository.accept(of(100, READ, ELSEWHERE))
    repository.git("tag", "-a", "-m", "release", "v2")
    repository.accept(of(120), of(100, READ, ELSEWHERE))

    anchors = {trend.environment: trend.anchor for trend in read_trends(repository.folder, Settings())}

    assert anchors == {HERE.slug: "v1", ELSEWHERE.slug: "v2"}


def test_the_settings_name_the_anchor(repository):
    repository.accept(of(100))
    repository.git("tag", "v1")
    repository.accept(of(110))
    repository.git("tag", "v2")
    repository.accept(of(121))

    [trend] = read_trends(repository.folder, Settings(anchor="v1"))

    assert (trend.anchor, trend.anchor_percent) == ("v1", 21.0)


@pytest.mark.parametrize("ref", ["v9", "--output=x", "HEAD:pyproject.toml", "ü\n"])
def test_an_anchor_that_is_no_commit_is_wrong_input(repository, ref):
    repository.accept(of(100))

    with pytest.raises(GateError, match="there is no commit called") as raised:
        read_history(repository.folder, Settings(), anchor=ref)

    assert raised.value.exit_code == 2


def test_reports_of_the_gate_are_points(repository, tmp_path):
    """CI keeps them of every push, and accepts a baseline once a month."""
    repository.accept(baseline(*(measurement(name(row), 100, spread=0.01) for row in ("stable", "slow"))))
    (tmp_path / "kept" / "deep").mkdir(parents=True)
    (tmp_path / "kept" / "deep" / "report.json").write_text(format_report(everything()), encoding="utf-8")

    trends = {
        trend.name: trend
        for trend in read_history(repository.folder, Settings(), reports=tmp_path / "kept").trends
    }

    slow = trends[name("slow")]
    assert [(point.q25_ms * 1e6, point.normalised) for point in slow.points] == [
        (pytest.approx(100), True),
        (pytest.approx(240), True),
    ]
    assert slow.points[-1].commit == "1" * 12


def test_reports_of_pytest_benchmark_are_points_one_a_commit(tmp_path):
    """Without git, and without our plugin: `--benchmark-autosave` is a history, too."""
    for number, (commit, seconds) in enumerate([("a", 100e-9), ("a", 104e-9), ("b", 150e-9)]):
        document = report({PARSE: seconds}, process=str(number))
        del document["messenger_gate"]
        document |= {
            "datetime": f"2026-11-0{number + 1}T00:00:00+00:00",
            "commit_info": {"id": commit * 40, "dirty": False},
        }
        write(tmp_path / f"{number}.json", document)
    write(tmp_path / "other.json", {"hello": 1})
    (tmp_path / "damaged.json").write_text("{")

    history = read_history(tmp_path / "baselines", Settings(), reports=tmp_path)

    [trend] = history.trends
    told = [(point.commit, round(point.q25_ms * 1e6), point.normalised) for point in trend.points]
    assert told == [("a" * 12, 102, False), ("b" * 12, 150, False)]
    skipped, without_git = history.warnings
    assert skipped.startswith("2 JSON files in ")
    assert without_git.startswith("only reports and the baselines as they stand are told: git does not tell")


@pytest.fixture
def gate(repository, monkeypatch, capsys):
    """Run `messenger gate history`, and return its exit status, stdout and stderr."""

    def run(*arguments, folder=repository.root):
        monkeypatch.chdir(folder)
        status = main(["history", *map(str, arguments)])
        return status, *capsys.readouterr()

    return run


def test_a_shallow_clone_cannot_tell(repository, gate, tmp_path):
    """CI checks out one commit, and a history of one point would look like a benchmark that never changed."""
    repository.accept(of(100))
    repository.accept(of(110))
    repository.git("clone", "-q", "--depth=1", f"file://{repository.root}", tmp_path / "shallow")

    status, out, err = gate(folder=tmp_path / "shallow")

    assert (status, out) == (3, "NOT JUDGED: the reason is on stderr.\n")
    assert "this clone is shallow" in err
    assert "git fetch --unshallow --tags" in err


def test_outside_a_repository_nobody_can_tell(gate, tmp_path):
    (tmp_path / "pyproject.toml").touch()

    status, _, err = gate(folder=tmp_path)

    assert status == 3
    assert "not a git repository" in err


def test_without_git_nobody_can_tell(repository, gate, monkeypatch):
    repository.accept(of(100))
    monkeypatch.setenv("PATH", "")

    status, _, err = gate()

    assert status == 3
    assert "cannot run git (No such file or directory)" in err


def test_without_baselines_nobody_can_tell(gate):
    status, _, err = gate()

    assert status == 3
    assert "there are no baselines in " in err
    assert "messenger gate accept" in err


def test_deleted_baselines_are_said_to_be_deleted(repository, gate):
    repository.accept(of(100))
    shutil.rmtree(repository.folder)

    status, _, err = gate()

    assert status == 3
    assert "holds no baseline now, although it did; restore it with: git checkout HEAD -- " in err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nothing"], f"none of the 1 trend is of a benchmark called nothing; .* such as {PARSE}"),
        ([""], "an empty NAME or REF says nothing"),
        (["--anchor", ""], "an empty NAME or REF says nothing"),
        (["--anchor", "v9"], "there is no commit called v9 here"),
        (["--fail-on-creep", "nan"], "nan is not a finite number"),
        (["--fail-on-creep", "-1"], "-1"),
        (["--reports", "missing"], "missing is not a folder"),
        (["--json", "baselines"], "cannot write baselines: it is a folder"),
        (["--baselines", "pyproject.toml"], "pyproject.toml is not a folder"),
    ],
)
def test_nonsense_is_refused_with_a_sentence(repository, gate, arguments, complaint):
    repository.accept(of(100))

    status, out, err = gate(*arguments)

    assert (status, out) == (2, "")
    assert re.search(complaint, err), err


def test_names_narrow_what_is_shown_and_written(repository, gate, tmp_path):
    repository.accept(baseline(measurement(PARSE), measurement(READ)))
    trends = tmp_path / "trends.json"

    status, out, _ = gate("bench_r*d", "--json", trends)

    assert status == 0
    assert READ in out
    assert PARSE not in out
    assert [trend.name for trend in msgspec.json.decode(trends.read_bytes(), type=list[Trend])] == [READ]


def test_a_benchmark_is_found_by_its_former_name(repository, gate):
    repository.accept(of(100, fingerprint="f"))
    repository.accept(of(100, READ, fingerprint="f"))

    status, out, _ = gate("parse")

    assert status == 0
    assert f"formerly {PARSE}" in out


CREEP = (100, 106, 112, 118, 124)


@pytest.mark.parametrize(("limit", "status", "word"), [("10", 1, "FAILED"), ("30", 0, "PASSED")])
def test_creep_fails_where_that_was_asked_for(repository, gate, limit, status, word):
    for ns in CREEP:
        repository.accept(of(ns))

    found, out, _ = gate("--fail-on-creep", limit)

    assert found == status
    assert out.splitlines()[-1].startswith(f"{word}: ")


def test_creep_is_a_warning_as_long_as_nobody_asks_for_more(repository, gate):
    for ns in CREEP:
        repository.accept(of(ns))

    status, out, _ = gate()

    assert status == 0
    assert "! creeps: +18.0 % since the first point, " in out


def test_the_environment_of_this_machine_comes_first(repository, gate):
    """However old its numbers are, it is the one that can be measured here."""
    here = capture(read_settings(repository.root).packages)
    repository.accept(of(100, environment=here))
    repository.accept(of(100, environment=ELSEWHERE))

    _, out, _ = gate()

    assert out.splitlines()[0] == f"{here.slug}: this environment"
    assert f"\n\n{ELSEWHERE.slug}: another environment\ncompared with itself only" in out


def test_a_machine_without_a_history_is_told_so(repository, gate):
    repository.accept(of(100))

    _, out, _ = gate()

    assert f"Note: this environment, {capture(read_settings(repository.root).packages).slug}, has no" in out


def eventful(repository):
    """Everything that can be said of a benchmark: steps, reasons, moves, creep, and what is not known."""
    long = f"{name('long')}[{'x' * 90}-THE-END]"
    old, new = "benches/bench_old.py::bench_old[1B]", name("new") + "[1B]"
    rows = {
        "v0": [(100, {}), (100, {}), (100, {}), (1000, {})],
        "v1": [(100, {}), (101, {}), (106, {}), (1001, {})],
        "": [(130, {"reason": "checks UTF-8"}), (99, {}), (112, {}), (1000, {"reference_ns": 2e6})],
        "v2": [(131, {}), (60, {}), (118, {"reason": "new day"}), (1002, {"reference_ns": None})],
    }
    for tag, (step, faster, creeping, paced) in rows.items():
        repository.accept(
            baseline(
                *(
                    measurement(benchmark, float(ns), **({"spread": 0.01} | fields))
                    for benchmark, (ns, fields) in {
                        PARSE: step,
                        long: faster,
                        name("creep"): creeping,
                        name("paced"): paced,
                    }.items()
                ),
                measurement(old if tag in ("v0", "v1") else new, 450, fingerprint="f"),
            ),
            of(900, environment=ELSEWHERE, reference_ns=None),
        )
        if tag:
            repository.git("tag", tag)
    path = repository.folder / HERE.slug / "node.json"
    whole = path.read_text()
    path.write_text("{")
    repository.commit()
    path.write_text(whole.replace('"q25_ns": 118.0', '"q25_ns": 125.0'))
    return read_history(repository.folder, Settings(), anchor="v0")


@pytest.mark.parametrize("width", [None, 100, 60])
def test_a_history_is_exactly_the_expected_file(repository, width):
    history = eventful(repository)

    text = render_history(history.trends, current=HERE.slug, warnings=history.warnings, width=width)

    for number, commit in enumerate(reversed(repository.git("rev-list", "HEAD").splitlines())):
        text = text.replace(commit[:12], f"commit-{number:05}")  # what they are is git's business
    assert text == (EXPECTED / f"history-{width or 'piped'}.txt").read_text(encoding="utf-8")
    assert all(len(line) <= (width or 999) for line in text.splitlines())


def test_trends_written_as_json_are_the_expected_file(repository):
    text = msgspec.json.format(msgspec.json.encode(eventful(repository).trends), indent=2).decode() + "\n"

    for number, commit in enumerate(reversed(repository.git("rev-list", "HEAD").splitlines())):
        text = text.replace(commit, f"commit-{number}")
    assert json.loads(text) == json.loads((EXPECTED / "history.json").read_text(encoding="utf-8"))


def test_hostile_names_stay_on_their_lines(repository):
    """Parameters are arbitrary text, and so are the reasons that people write."""
    repository.accept(
        of(100, "t.py::t[two\nlines \x1b[31m [bold] ü 日本]", reason="because\nof\x1b[0m [red]")
    )

    history = read_history(repository.folder, Settings())
    text = render_history(history.trends, current=HERE.slug)

    assert r"t.py::t[two\nlines \x1b[31m [bold] ü 日本]" in text
    assert r"because\nof\x1b[0m [red]" in text


def test_colour_is_asked_for(repository):
    trends = eventful(repository).trends

    assert "\x1b[" not in render_history(trends, current=HERE.slug)
    assert "\x1b[" in render_history(trends, current=HERE.slug, colour=True)
