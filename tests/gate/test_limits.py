"""What GitHub cuts off, or refuses, must not be what mattered."""

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.gate.report import Promise, Result
from messenger.gate.reports.markdown import (
    COMMENT_CHARACTERS,
    LEAST_ROOM,
    SUMMARY_BYTES,
    render_markdown,
    render_summary,
)

from .test_reports import everything, hostile, side_by_side

REPORT = everything()
GITHUB_COMMENT_CHARACTERS = 65_536


def report_with(rows, **fields):
    return msgspec.structs.replace(REPORT, results=tuple(rows), **fields)


def regressed(name):
    return Result(
        name=name, status="regressed", change_percent=12.3, baseline_q25_ms=0.1, interval_percent=(10.0, 14.0)
    )


def names_in(text):
    """Expand the names that a block lists, whose files may stand in lines of their own."""
    below = re.search(r"All names stand below `(.*)`", text)
    lines = [re.sub(r" (\+12\.3 %|regressed)$", "", line) for line in text.split("```")[1].splitlines()[1:]]
    names, file = [], ""
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith(" "):
            names.append(f"{file}::{line[1:]}")
        elif following.startswith(" "):
            file = line
        else:
            names.append(line)
    return [(below[1] if below else "") + name for name in names]


FILES = ["benches/node/bench_all.py", "benches/node/bench_{}.py", "benches_{}/bench.py"]


def sixty(number, file):
    return f"{file.format(number)}::bench_{number}[".ljust(59, "é") + "]"


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("missed", [False, True], ids=["regressed", "and missed targets"])
def test_a_thousand_failing_benchmarks_are_all_named_in_a_comment(file, missed):
    """A comment that GitHub refuses says nothing; one that drops a row says that the row is well."""
    promise = Promise("p99", 2.0, 1.0, met=False)
    rows = [
        msgspec.structs.replace(regressed(sixty(number, file)), targets=(promise,) if missed else ())
        for number in range(1000)
    ]

    text = render_markdown(report_with(rows))

    assert len(text) <= COMMENT_CHARACTERS < GITHUB_COMMENT_CHARACTERS
    assert sorted(names_in(text)) == sorted(row.name for row in rows)


TIMES = st.floats(allow_nan=False)  # JSON has no NaN
TEXT = st.text(max_size=80)
FINITE = st.floats(allow_nan=False, allow_infinity=False)  # as JSON has them
ROWS = st.lists(
    st.builds(
        Result,
        name=st.text(min_size=1, max_size=60),
        status=st.sampled_from(["regressed", "missing", "failed", "failed-target", "stable", "new", "noisy"]),
        note=TEXT,
        targets=st.lists(st.builds(Promise, TEXT, FINITE, FINITE, st.booleans()), max_size=2).map(tuple),
    ),
    max_size=60,
    unique_by=lambda row: row.name,
)


@given(
    rows=ROWS,
    sentence=st.text(max_size=4000),
    lines=st.lists(TEXT, max_size=20).map(tuple),
    command=st.text(max_size=3000),
    limit=st.integers(LEAST_ROOM, 20_000),
)
def test_no_report_is_longer_than_its_limit(rows, sentence, lines, command, limit):
    commands = msgspec.structs.replace(REPORT.commands, reproduce=command)
    report = report_with(rows, sentence=sentence, lines=lines, commands=commands)

    assert len(render_markdown(report, limit)) <= limit
    assert len(render_summary(report, limit).encode()) <= limit


@pytest.mark.parametrize("make", [everything, side_by_side, hostile])
def test_what_fits_is_not_shortened(make):
    whole = render_markdown(make(), limit=None)

    assert render_markdown(make(), len(whole)) == whole
    assert len(render_markdown(make(), len(whole) - 1)) < len(whole)


def test_forms_grow_shorter_and_name_every_failure():
    """Whatever is left out first is what needs nobody's attention."""
    rows = [*REPORT.results, *(msgspec.structs.replace(REPORT.results[-1], name=f"s{n}") for n in range(50))]
    report = report_with(rows)
    texts = {limit: render_markdown(report, limit) for limit in range(1000, 8000, 100)}

    assert len(set(texts.values())) >= 5
    for text in texts.values():
        assert all(row.name.rpartition("::")[2] in text for row in rows if row.failed)


def test_where_names_alone_are_too_long_the_rest_is_counted():
    report = report_with([regressed(sixty(number, FILES[2])) for number in range(5000)])

    text = render_markdown(report)

    [left] = re.findall(r"(\d+) failing benchmarks more for which there is no room", text)
    assert len(names_in(text)) + int(left) == 5000


def test_a_report_for_the_summary_may_be_longer_than_a_comment():
    report = report_with([regressed(sixty(number, FILES[2])) for number in range(1000)])

    text = render_summary(report)

    assert COMMENT_CHARACTERS < len(text.encode()) <= SUMMARY_BYTES
    assert text == render_markdown(report, limit=None)
