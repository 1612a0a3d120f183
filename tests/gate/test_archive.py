"""What a run leaves behind."""

import os
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from pathlib import Path

import msgspec
import pytest

from messenger.gate.archive import archive_of, keep_report, last_report
from messenger.gate.error import GateError
from messenger.gate.report import parse_report
from messenger.gate.reports.log import render_log
from messenger.gate.settings import Settings

from . import project
from .test_reports import all_stable, everything


def files(folder):
    return sorted(path.name for path in folder.iterdir() if not path.is_dir())


def test_a_run_leaves_a_dated_log_and_is_the_latest(tmp_path):
    report = everything()

    logs = keep_report(report, tmp_path)

    latest = tmp_path / "latest"
    assert [path.name for path in logs] == ["2026-11-21-node.log"]
    assert logs[0].read_text(encoding="utf-8") == render_log(report, "node")
    assert files(tmp_path) == [".gitignore", "2026-11-21-node.log", "2026-11-21-report.json"]
    assert files(latest) == ["index.html", "node.log", "plotly.min.js", "report.json", "summary.md"]
    assert os.readlink(latest / "node.log") == "../2026-11-21-node.log"
    assert parse_report(last_report(tmp_path).read_bytes(), "report.json") == report


def test_a_second_run_on_one_day_leaves_the_first_alone(tmp_path):
    first, second = everything(), all_stable()
    keep_report(first, tmp_path)

    keep_report(second, tmp_path)

    assert files(tmp_path)[1:] == [
        "2026-11-21-node-2.log",
        "2026-11-21-node.log",
        "2026-11-21-report-2.json",
        "2026-11-21-report.json",
    ]
    assert (tmp_path / "2026-11-21-node.log").read_text(encoding="utf-8") == render_log(first, "node")
    assert (tmp_path / "latest" / "node.log").read_text(encoding="utf-8") == render_log(second, "node")


def keep_one(folder):
    return [path.name for path in keep_report(all_stable(), folder)]


def test_runs_at_the_same_time_take_a_name_each(tmp_path):
    """Two gates may run at once in one repository."""
    with ProcessPoolExecutor(8) as pool:
        names = [name for found in pool.map(keep_one, [tmp_path] * 40) for name in found]

    assert len(set(names)) == 40
    assert {f"2026-11-21-node-{number}.log" for number in range(2, 41)} < set(names)
    assert not [name for name in files(tmp_path / "latest") if name.startswith(".")]


@pytest.mark.parametrize("timestamp", ["", "../../../x", "yesterday"])
def test_a_date_is_a_date(tmp_path, timestamp):
    """A report's text must not become a path."""
    report = msgspec.structs.replace(all_stable(), timestamp=timestamp)

    [log] = keep_report(report, tmp_path / "kept")

    assert log == tmp_path / "kept" / f"{date.today().isoformat()}-node.log"


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "tmp").write_text("")

    with pytest.raises(GateError, match=r"cannot keep this run in .*: Not a directory; .* reports = \"\""):
        keep_report(all_stable(), tmp_path / "tmp" / "benchmarks")


def test_a_project_may_keep_nothing():
    assert archive_of(Path("shop"), Settings(reports="")) is None
    assert archive_of(Path("shop"), Settings()) == Path("shop/tmp/benchmarks")


def test_a_check_keeps_what_it_says_and_git_sees_nothing(shop):
    done = project.gate(shop, "check", "--measure", "1", "tests/speed")

    assert done.returncode == 0, done.stderr
    assert "latest" in done.stderr.splitlines()[-1]
    report = parse_report(last_report(shop / "tmp" / "benchmarks").read_bytes(), "report.json")
    assert f"{report.verdict.word}: {report.sentence}" == project.last_line(done)
    assert project.git(shop, "status", "--porcelain") == "?? baselines/\n"


def test_a_link_is_not_followed(tmp_path):
    """What a repository's link leads to is not ours to overwrite."""
    (tmp_path / "site").mkdir()
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "latest").symlink_to(tmp_path / "site")

    with pytest.raises(GateError, match="is a link"):
        keep_report(everything(), tmp_path / "kept")

    assert files(tmp_path / "site") == []


def test_a_file_system_without_links_keeps_runs_too(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)

    logs = [log for _ in range(2) for log in keep_report(everything(), tmp_path)]

    assert [log.name for log in logs] == ["2026-11-21-node.log", "2026-11-21-node-2.log"]
    assert logs[1].read_text(encoding="utf-8") == render_log(everything(), "node")


def test_a_suite_of_any_name_has_a_file(tmp_path):
    first = everything().results[0]
    rows = [
        msgspec.structs.replace(first, name=f"benches/{folder}/b.py::b") for folder in ("x" * 300, "a\nb")
    ]

    logs = keep_report(msgspec.structs.replace(everything(), results=tuple(rows)), tmp_path)

    assert all(len(log.name) < 130 and "\n" not in log.name for log in logs)
