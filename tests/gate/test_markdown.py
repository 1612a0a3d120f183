"""A report is written by whoever wrote the code, and read in a comment that speaks for the project."""

from itertools import pairwise

import msgspec
import pytest
from markdown_it import MarkdownIt

from messenger.gate.report import Promise, Result
from messenger.gate.reports.markdown import render_markdown
from messenger.gate.reports.words import plain, status_cell
from messenger.gate.verdict import Commands

from .test_markup import NOTICED
from .test_reports import everything

HOSTILE = (
    "@everyone #1 GH-1 a@b.example https://evil.example www.evil.example [x](http://evil.example) "
    "![y](http://evil.example) <http://evil.example> <img src=x> </details> <!-- ` `` | || \\| ~x~ *x*\n"
    "# heading\n```\n~~~\n---\n| a | b |\n[x]: http://evil.example\n"
)
OURS = {"</details>", *(f"<details><summary>{number} stable</summary>" for number in range(9))}


def hostile_report(rows=1):
    def row(number, status):
        return Result(
            name=f"{HOSTILE}/t.py::{number}{HOSTILE}",
            status=status,
            note=HOSTILE,
            targets=(Promise(HOSTILE, 2.0, 1.0, met=False), Promise("p99", 1e308, 0.0, met=False)),
        )

    return msgspec.structs.replace(
        everything(),
        sentence=HOSTILE,
        lines=(HOSTILE, f"# {HOSTILE}", f"- {HOSTILE}"),
        warnings=(HOSTILE,),
        commands=Commands(HOSTILE, "```", HOSTILE),
        results=tuple(
            row(number, status)
            for number in range(rows)
            for status in ("regressed", "missing", "failed-target", "noisy", "stable")
        ),
    )


def tokens_of(text):
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    return tokens + [child for token in tokens for child in token.children or ()]


def forms():
    """Give every form that a report takes as the room for it gets less."""
    whole = render_markdown(hostile_report(), limit=None)
    return sorted({render_markdown(hostile_report(), limit) for limit in range(1000, len(whole) + 1, 100)})


@pytest.mark.parametrize("text", forms(), ids=lambda text: f"{len(text)} characters")
def test_no_text_of_a_report_becomes_more_than_text(text):
    """Neither a link, nor a picture, nor a call, nor an end of what it stands in."""
    tokens = tokens_of(text)

    kinds = {token.type for token in tokens}
    assert not kinds & {"link_open", "image", "html_inline", "heading_open", "hr", "s_open", "em_open"}
    assert {token.content.strip() for token in tokens if token.type == "html_block"} <= OURS
    assert not [token.content for token in tokens if token.type == "text" and NOTICED.search(token.content)]


def test_the_forms_differ():
    """One form alone would say little of the others."""
    assert len(forms()) >= 4


def test_a_reason_stands_whole_in_its_cell():
    """One bar in it would move the columns after it, and what is after the last is dropped."""
    report = hostile_report()
    tokens = tokens_of(render_markdown(report, limit=None))

    cells = [
        "".join(child.content for child in token.children).replace("\u200b", "")
        for before, token in pairwise(tokens)
        if before.type == "td_open" and token.type == "inline"
    ]
    assert {plain(status_cell(row)) for row in report.results} <= set(cells)
    assert {plain(row.name) for row in report.results} <= set(cells)
