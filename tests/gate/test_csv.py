import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.gate.reports.csv import render_csv
from messenger.gate.reports.words import plain

from .samples import measurement, run
from .test_reports import everything, report_on, side_by_side


def read(text):
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


@pytest.mark.parametrize("begin", ["=1+1", "+1", "-1", "@SUM(A1)", "  =1+1"])
def test_what_a_spreadsheet_would_compute_is_text(begin):
    """A benchmark's name comes from a branch of anybody, and the file is opened by whoever reviews it."""
    [row] = read(render_csv(report_on(run(measurement(begin)))))

    assert row["name"] == f"'{begin}"


def test_a_tab_before_a_formula_is_no_tab():
    [row] = read(render_csv(report_on(run(measurement("\t=1+1")))))

    assert row["name"] == r"\t=1+1"


def test_numbers_stay_numbers_whatever_they_begin_with():
    """A change of -50 % begins with what a formula begins with."""
    faster = next(row for row in read(render_csv(everything())) if row["status"] == "improved")

    assert float(faster["change_percent"]) == -50.0


def test_an_interval_has_a_column_for_each_end():
    [row, *_] = read(render_csv(side_by_side()))

    assert float(row["low_percent"]) < float(row["change_percent"]) < float(row["high_percent"])


@given(st.lists(st.text(min_size=1), min_size=1, max_size=5, unique=True))
def test_a_row_is_a_line_and_reads_back_as_it_was(names):
    """Line tools read these files too."""
    text = render_csv(report_on(run(*map(measurement, names))))

    assert len(text.splitlines()) == 1 + len(names)
    assert text.count("\r\n") == text.count("\n") == 1 + len(names)
    assert sorted(row["name"].removeprefix("'") for row in read(text)) == sorted(
        plain(name).removeprefix("'") for name in names
    )
