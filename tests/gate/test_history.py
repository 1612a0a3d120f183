"""What benchmarks took, commit by commit, from real repositories."""

import json

import msgspec
import pytest

from messenger.gate.baseline import format_baseline
from messenger.gate.git_history import read_versions
from messenger.gate.history import Anchor, add_reports, creeps, follow, trends_of
from messenger.gate.reports.history import render_history
from messenger.gate.store import read_baselines
from messenger.gate.trend import Point, Shift, Trend
from messenger.gate.trends import read_history, read_trends

from . import project
from .samples import ELSEWHERE, baseline, measurement, name
from .test_reports import EXPECTED, everything

PARSE, SHIP = name("parse"), name("ship")


@pytest.fixture
def repository(tmp_path):
    project.git(tmp_path, "init", "-q", "-b", "main")
    return tmp_path


def accept(repository, *rows, suite="node", **fields):
    """Write a baseline, without committing it."""
    written = baseline(*rows, suite=suite, **fields)
    path = repository / "baselines" / written.environment.slug / f"{suite}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(format_baseline(written), encoding="utf-8")
    return path


def commit(repository):
    project.git(repository, "add", "-A")
    project.git(repository, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "work")
    return project.git(repository, "rev-parse", "HEAD").strip()


def series(repository, *values, test=PARSE):
    return [commit_one(repository, measurement(test, value)) for value in values]


def commit_one(repository, *rows):
    accept(repository, *rows)
    return commit(repository)


def values_of(repository, test=PARSE):
    history, _ = read_history(repository, repository / "baselines")
    return [one.row.q25_ns for (_, found), seen in history.items() for one in seen if found == test]


def test_every_accepted_value_is_a_point(repository):
    shas = series(repository, 450, 460, 470)

    [trend] = read_trends(repository, repository / "baselines", "")

    assert [point.q25_ms for point in trend.points] == [450e-6, 460e-6, 470e-6]
    assert [point.commit for point in trend.points] == [sha[:12] for sha in shas]


def test_a_row_that_was_not_measured_again_is_no_new_point(repository):
    """Accepting one benchmark writes the file of all."""
    commit_one(repository, measurement(PARSE, 450), measurement(SHIP, 100))
    commit_one(repository, measurement(PARSE, 460), measurement(SHIP, 100))

    assert (values_of(repository), values_of(repository, SHIP)) == ([450, 460], [100])


def test_what_is_not_committed_is_the_last_point(repository):
    series(repository, 450)
    accept(repository, measurement(PARSE, 500))

    [trend] = read_trends(repository, repository / "baselines", "")

    assert [(point.q25_ms, point.commit is None) for point in trend.points] == [
        (450e-6, False),
        (500e-6, True),
    ]


def test_a_benchmark_that_moved_keeps_its_history(repository):
    moved = name("parse", "benches/wire")
    commit_one(repository, measurement(PARSE, 450, fingerprint="aaaa"))
    accept(repository, suite="node").unlink()
    accept(repository, measurement(moved, 460, fingerprint="aaaa"), suite="wire")
    commit(repository)

    [trend] = read_trends(repository, repository / "baselines", "")

    assert (trend.name, len(trend.points)) == (moved, 2)


def test_environments_are_never_mixed(repository):
    accept(repository, measurement(PARSE, 450))
    accept(repository, measurement(PARSE, 900), environment=ELSEWHERE)
    commit(repository)

    trends = read_trends(repository, repository / "baselines", "")

    assert sorted(trend.points[0].q25_ms for trend in trends) == [450e-6, 900e-6]
    assert "2 environments: compare numbers within one only." in render_history(trends, "here")


def test_a_branch_is_what_its_merge_brought(repository):
    series(repository, 450)
    project.git(repository, "checkout", "-qb", "branch")
    series(repository, 700, 500)
    project.git(repository, "checkout", "-q", "main")
    project.git(
        repository, "-c", "user.name=a", "-c", "user.email=a@b", "merge", "-q", "--no-ff", "-m", "m", "branch"
    )

    assert values_of(repository) == [450, 500]


def test_versions_that_cannot_be_read_are_counted_and_left_out(repository):
    series(repository, 450)
    accept(repository).write_text("<<<<<<< HEAD\n")
    commit(repository)
    series(repository, 460)

    history, warnings = read_history(repository, repository / "baselines")

    assert [one.row.q25_ns for seen in history.values() for one in seen] == [450, 460]
    assert warnings == ["1 committed version of baselines cannot be read; left out"]


def test_a_deleted_baseline_leaves_what_it_said(repository):
    series(repository, 450, 460)
    accept(repository).unlink()
    commit(repository)

    assert values_of(repository) == [450, 460]


def test_strange_names_are_read(repository):
    strange = 'benches/ü/bench "x".py::bench[\n\t]'
    accept(repository, measurement(strange), suite='ü "x"')
    commit(repository)

    assert values_of(repository, strange) == [450]


def test_values_are_shown_at_one_pace():
    """A machine that ran at half speed that day must not look like a slowdown."""
    rows = [measurement(PARSE, 450, reference_ns=1e6), measurement(PARSE, 900, reference_ns=2e6)]
    history, _ = follow([], [])
    history["here", PARSE] = [seen(row, number) for number, row in enumerate(rows)]

    [trend] = trends_of(history, None)

    assert [point.q25_ms for point in trend.points] == [900e-6, 900e-6]


def seen(row, number):
    from messenger.gate.history import Seen

    return Seen(
        date=f"2026-{number // 28 + 1:02}-{number % 28 + 1:02}T00:00:00+00:00", sha=f"{number:040x}", row=row
    )


def trend_over(*values, anchor=None):
    history = {
        ("here", PARSE): [seen(measurement(PARSE, value), number) for number, value in enumerate(values)]
    }
    [trend] = trends_of(history, anchor)
    return trend


def test_a_level_that_changed_is_a_shift():
    trend = trend_over(100, 101, 99, 100, 120, 121, 119, 120)

    assert [shift.at for shift in trend.shifts] == [4]
    assert trend.shifts[0].change_percent == pytest.approx(20, abs=0.1)


def test_many_small_steps_are_slow_creep():
    """None of them is a regression, and together they are a fifth."""
    creeping = trend_over(*(100 * 1.02**number for number in range(10)))
    stepping = trend_over(100, 100, 100, 130, 130, 130)

    assert (creeps(creeping), creeps(stepping)) == (True, False)


def test_creep_is_counted_from_the_anchor():
    values = [100, 100, 100, 110, 110, 110]
    release = Anchor("v1.0", frozenset({f"{number:040x}" for number in range(5)}))

    assert trend_over(*values).creep_percent == pytest.approx(10)
    assert (
        trend_over(*values, anchor=release).anchor,
        trend_over(*values, anchor=release).creep_percent,
    ) == ("v1.0", 0)


def test_reports_add_their_values_at_their_time():
    history = {}

    add_reports(history, [everything()])

    assert len(history) == 7  # the eighth is missing
    assert {environment for environment, _ in history} == {everything().environment}


def test_a_history_is_exactly_the_expected_file():
    points = tuple(
        Point(
            date=f"2026-{month:02}-01",
            commit=f"{month:012x}",
            q25_ms=1e-3 * (1.2 if month > 6 else 1),
            reason="checks UTF-8" if month == 7 else None,
        )
        for month in range(1, 11)
    )
    shifted = Trend(
        name=PARSE,
        environment="here",
        points=points,
        shifts=(Shift(6, 20.0),),
        anchor="v1.0",
        creep_percent=20.0,
    )
    creeping = trend_over(*(100 * 1.02**number for number in range(50)))
    alone = Trend(name=SHIP, environment="another", points=points[:1])

    text = render_history(
        [alone, shifted, msgspec.structs.replace(creeping, name=SHIP)], "here", ["something"]
    )

    assert text == (EXPECTED / "history.txt").read_text(encoding="utf-8")


def test_the_verb_shows_what_was_committed(shop):
    project.commit(shop)

    done = project.gate(shop, "history", "parse", "--json", "trends.json")

    assert done.returncode == 0, done.stderr
    assert "test_parse[1 KiB|a::b]\n  ▁ 2 ms\n" in done.stdout
    assert done.stdout.splitlines()[-1] == "1 benchmark, 0 change points, 0 creeping."
    assert [trend["name"] for trend in json.loads((shop / "trends.json").read_text())] == [
        "tests/speed/test_parse.py::test_parse[1 KiB|a::b]"
    ]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["nosuch"], 3, "no benchmark's name contains 'nosuch'; 2 others are known"),
        (["--anchor", "v9"], 2, "cannot find 'v9'"),
        (["--anchor=--all"], 2, "cannot find '--all'"),
        (["--reports", "nowhere"], 2, "nowhere is no folder of reports"),
        (["--baselines", "other"], 3, "no baseline was ever committed in other"),
    ],
)
def test_what_cannot_be_shown_is_said(shop, arguments, status, said):
    done = project.gate(shop, "history", *arguments)

    assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (status, True, False)


def test_without_git_there_is_no_history(tmp_path):
    (tmp_path / "pyproject.toml").touch()

    done = project.gate(tmp_path, "history")

    assert (done.returncode, "not a git repository" in done.stderr) == (3, True)


def test_creep_can_fail(repository):
    (repository / "pyproject.toml").touch()
    series(repository, *(100 * 1.02**number for number in range(6)))

    watched, failed = (
        project.gate(repository, "history"),
        project.gate(repository, "history", "--fail-on-creep"),
    )

    assert (watched.returncode, failed.returncode) == (0, 1)
    assert "Slow creep: benches/node/bench_parse.py::bench_parse is +" in watched.stdout


def test_versions_are_read_oldest_first(repository):
    shas = series(repository, 1, 2, 3)

    versions = read_versions(repository, repository / "baselines")

    assert [version.sha for version in versions] == shas
    assert len(read_baselines(repository / "baselines")) == 1
