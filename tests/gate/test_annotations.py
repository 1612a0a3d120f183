import msgspec
import pytest

from messenger.gate.report import Result
from messenger.gate.reports.annotations import render_annotations
from messenger.gate.source import Source

from .test_reports import all_stable, elsewhere, everything, nothing
from .test_workflow_command import commands_in


def report_with(*rows):
    return msgspec.structs.replace(everything(), results=rows)


def regressed(name, **fields):
    return Result(name=name, status="regressed", change_percent=50.0, baseline_q25_ms=1.0, **fields)


def test_a_failure_stands_on_the_line_of_its_benchmark():
    row = regressed("benches/a.py::a", source=Source("benches/a.py", 12, "f"))

    text = render_annotations(report_with(row))

    assert text == (
        "::error file=benches/a.py,line=12,title=benches/a.py%3A%3Aa::slowed down 1.50x: 1 ms -> 1.5 ms\n"
    )


def test_a_project_in_a_folder_has_its_files_there():
    """GitHub knows the files of a repository, and a project may be a part of it."""
    row = regressed("a.py::a", source=Source("a.py", 12, "f"))

    assert "file=packages/shop/a.py," in render_annotations(report_with(row), "packages/shop/")


@pytest.mark.parametrize(
    ("failing", "counted"), [(10, []), (11, ["1 failing benchmark"]), (500, ["490 failing benchmarks"])]
)
def test_what_github_would_drop_is_counted(failing, counted):
    """It shows ten errors of a step, and of the others nothing."""
    text = render_annotations(report_with(*(regressed(f"a.py::a{number}") for number in range(failing))))

    commands = commands_in(text)
    assert sum(about.startswith("error") for about, _ in commands) == 10
    assert [message for about, message in commands if about.startswith("warning")] == [
        f"and {many} more; the table has all" for many in counted
    ]


@pytest.mark.parametrize("make", [all_stable, elsewhere])
def test_what_is_green_says_nothing(make):
    assert render_annotations(make()) == ""


def test_what_is_red_without_a_failure_says_why():
    """A check that compared nothing ends in 3, and no row is to blame."""
    [(_, message)] = commands_in(render_annotations(nothing()))

    assert message.startswith("NOTHING COMPARED: no benchmark was selected")


def test_a_hostile_name_is_one_annotation():
    name = "a.py::a[\n::add-mask::x\r##[add-mask]y,line=1::z]"

    commands = commands_in(render_annotations(report_with(regressed(name, note=name))))

    assert [about.partition(" ")[0] for about, _ in commands] == ["error"]
