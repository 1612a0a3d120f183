"""What each face of a report must withstand."""

import csv
import io
import json
import re
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from messenger.gate.comparison import Status
from messenger.gate.publish import append_step_summary, write_reports
from messenger.gate.report import Prerequisite, Promise, Result
from messenger.gate.reports.annotations import render_annotations
from messenger.gate.reports.csv import render_csv
from messenger.gate.reports.html import render_html
from messenger.gate.reports.junit import render_junit
from messenger.gate.reports.markdown import COMMENT_LIMIT, render_markdown
from messenger.gate.reports.terminal import render_terminal
from messenger.gate.source import Source

from .test_reports import everything, hostile, side_by_side

ANY_TEXT = some.text(max_size=80)


def with_rows(*rows):
    return msgspec.structs.replace(everything(), results=rows)


def failing(count, length=60):
    """Name *count* regressed benchmarks, each with a name of so many characters."""
    names = [f"benches/shop/bench_{number % 40:02}.py::bench_{number}" for number in range(count)]
    return [
        Result(
            name=name.ljust(length, "x"),
            status=Status.REGRESSED,
            change_percent=10.0 + number,
            interval_percent=(9.0, 11.0),
            baseline_q25_ms=1.0,
            note="slower in many ways" * 3,
        )
        for number, name in enumerate(names)
    ]


def names_in(text, rows):
    return [row.name for row in rows if row.name.rpartition("::")[2] in text]


def test_a_thousand_failures_are_all_named_in_a_comment():
    """GitHub refuses a longer comment, and a failure that is not named is a failure that is not seen."""
    rows = failing(1000)

    text = render_markdown(with_rows(*rows))

    assert len(text.encode()) <= COMMENT_LIMIT
    assert len(names_in(text, rows)) == 1000


def test_what_passes_is_said_shorter_before_what_fails():
    stable = [Result(name=f"benches/a.py::stable_{n}", status=Status.STABLE) for n in range(1000)]
    rows = failing(100)

    text = render_markdown(with_rows(*rows, *stable))

    assert len(text.encode()) <= COMMENT_LIMIT
    assert "Not shown: 1000 stable." in text
    assert text.count("✗ Regressed") == 100


def test_what_cannot_be_named_is_counted():
    rows = failing(5000, length=300)

    text = render_markdown(with_rows(*rows))

    assert len(text.encode()) <= COMMENT_LIMIT
    assert "lines of failures do not fit here; report.json has them all." in text


def test_what_fits_is_told_in_full():
    assert render_markdown(everything(), limit=4096) == render_markdown(everything(), limit=10**9)


@given(
    some.lists(
        some.builds(
            Result,
            name=ANY_TEXT,
            status=some.sampled_from(Status),
            note=ANY_TEXT,
            change_percent=some.none() | some.floats(-99, 999),
        ),
        max_size=60,
    ),
    some.integers(4096, 20_000),
)
def test_a_limit_is_kept_whatever_the_report_says(rows, limit):
    assert len(render_markdown(with_rows(*rows), limit=limit).encode("utf-8", "replace")) <= limit


HOSTILE = (
    "@everyone",
    "fixes #1",
    "http://evil.example",
    "www.evil.example",
    "[click](http://evil.example)",
    "![x](http://evil.example/x.png)",
    "<img src=x onerror=alert(1)>",
    "</details><h1>",
    "| a | b |",
    "a\n\n# heading",
    "GH-1",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_forks_report_calls_nobody_and_links_nowhere(text):
    """The comment is written with our rights, and the text is a stranger's."""
    row = Result(
        name=f"a.py::{text}",
        status=Status.REGRESSED,
        note=text,
        targets=(Promise(text, 2.0, 1.0, False),),
    )
    report = msgspec.structs.replace(
        with_rows(row),
        sentence=text,
        lines=(text,),
        warnings=(text,),
        commands=msgspec.structs.replace(everything().commands, accept=f"``` {text}", closer=text),
    )

    shown = render_markdown(report)

    outside = without_code(shown)
    assert not re.search(r"(?<!\\)\]\(", outside)
    for forbidden in (
        "@everyone",
        "#1",
        "http://",
        "www.evil",
        "<img",
        "</details><h1>",
        "\n# heading",
        "GH-1",
    ):
        assert forbidden not in outside


def without_code(text):
    """Drop code as GitHub reads it: it ends with as many backticks as it began."""
    return re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", text, flags=re.DOTALL)


def test_a_spreadsheet_gets_no_formula():
    rows = [Result(name=name, status=Status.NEW) for name in ("=1+1", "+1", "-1", "@sum", "\t=1", "a.py::a")]

    read = list(csv.DictReader(io.StringIO(render_csv(with_rows(*rows)))))

    assert [row["name"] for row in read] == ["'=1+1", "'+1", "'-1", "'@sum", "\\t=1", "a.py::a"]


def test_a_table_for_spreadsheets_keeps_numbers():
    read = list(csv.DictReader(io.StringIO(render_csv(side_by_side()), newline="")))

    assert float(read[0]["change_percent"]) == 10.0
    assert (read[2]["status"], read[2]["change_percent"]) == ("new", "")


@given(ANY_TEXT, ANY_TEXT)
def test_junit_is_xml_whatever_a_benchmark_is_called(name, note):
    root = ElementTree.fromstring(
        render_junit(with_rows(Result(name=name, status=Status.REGRESSED, note=note))).encode()
    )

    assert (root.get("tests"), len(root.findall(".//failure"))) == ("1", 1)


def test_junit_counts_as_the_report_does():
    report = everything()

    root = ElementTree.fromstring(render_junit(report).encode())

    assert len(root.findall(".//testcase")) == report.summary.total_tests
    assert len(root.findall(".//failure")) == report.summary.failed == int(root.get("failures"))


def test_ten_annotations_and_how_many_more():
    """GitHub shows ten of a step, and drops the rest without a word."""
    lines = render_annotations(with_rows(*failing(25))).splitlines()

    assert len(lines) == 11
    assert lines[-1] == "::error title=messenger gate::and 15 benchmarks more; see the summary"


@given(ANY_TEXT, ANY_TEXT)
def test_nothing_in_a_name_is_a_workflow_command(name, note):
    """`::add-mask::` or `::set-output` in a parameter must stay text."""
    source = Source("a,b:c.py", 3, "")
    row = Result(name=name, status=Status.REGRESSED, note=note, source=source)

    text = render_annotations(with_rows(row)) + render_terminal(with_rows(row))

    commands = [line for line in text.splitlines() if line.lstrip().startswith(("::", "##["))]
    assert len(commands) == 1
    assert commands[0].startswith("::error file=a%2Cb%3Ac.py,line=3,title=")


@given(ANY_TEXT)
def test_no_text_of_a_report_is_markup_in_its_page(text):
    row = Result(name=text, status=Status.REGRESSED, note=f"<script>{text}", change_percent=3.0)
    report = msgspec.structs.replace(
        with_rows(row),
        sentence=f"<script>{text}",
        lines=(f"</style><script>{text}",),
        prerequisites=(Prerequisite(text, False, f"<script>{text}", text),),
    )

    page = render_html(report)

    assert page.count("<script") == page.count("</script>") == 3
    assert page.count("</style>") == 1
    [data] = re.findall(r'id="data" nonce="\w+">(.*?)</script>', page)
    assert json.loads(data)[0]["trend"] is None


def test_formats_go_to_the_files_that_were_asked_for(tmp_path):
    report = hostile()

    write_reports(
        report, {"csv": tmp_path / "a.csv", "junit": tmp_path / "b.xml", "markdown": None, "json": None}
    )

    assert (tmp_path / "a.csv").read_bytes().decode() == render_csv(report)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "b.xml"]


def test_a_step_summary_is_added_to_what_is_there(tmp_path, monkeypatch):
    place = tmp_path / "summary.md"
    place.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(place))

    append_step_summary(side_by_side())

    assert place.read_text(encoding="utf-8") == "before\n" + render_markdown(side_by_side())
