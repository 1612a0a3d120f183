import json
import math
import re
from datetime import date
from pathlib import Path

import jsonschema
import msgspec
import pytest
from rich.cells import cell_len

from messenger import gate
from messenger.gate.circumstances import of_baselines
from messenger.gate.comparison import compare, confirm
from messenger.gate.history.trend import Point, Shift, Trend
from messenger.gate.lockstep.duel import Bout, Duel
from messenger.gate.lockstep.findings import circumstances_of, rows_of
from messenger.gate.lockstep.instructions import Count, Counting
from messenger.gate.lockstep.judge import Ratios
from messenger.gate.lockstep.plan import Mode
from messenger.gate.report import (
    Prerequisite,
    Result,
    UnreadableReport,
    format_report,
    parse_report,
    report_of,
    schema,
)
from messenger.gate.reports.annotations import render_annotations
from messenger.gate.reports.csv import render_csv
from messenger.gate.reports.html import render_html
from messenger.gate.reports.junit import render_junit
from messenger.gate.reports.log import render_log
from messenger.gate.reports.markdown import render_markdown
from messenger.gate.reports.terminal import render_terminal
from messenger.gate.reports.words import failure
from messenger.gate.selection import Selection
from messenger.gate.source import Source
from messenger.gate.verdict import Commands, judge

from .samples import COMMANDS, ELSEWHERE, NEW, OLD, baseline, measurement, name, run, target

SCHEMA = Path(gate.__file__).parent / "report.schema.json"
EXPECTED = Path(__file__).parent / "expected"
ALL = Selection(paths=("",))


def report_on(current, *baselines):
    rows = compare(current, baselines, ALL)
    return report_of(judge(rows, of_baselines(current, baselines, rows), COMMANDS))


def everything():
    """One row of every status, one that was not confirmed, and one of every outcome of a target."""
    rows = {"stable": 100, "slow": 250, "faster": 50, "suspect": 140, "broken_promise": 100, "both": 300}
    before = baseline(
        *(measurement(name(row), 100, spread=0.01) for row in [*rows, "gone"]), reference_ns=1e6
    )
    current = run(
        *(
            measurement(name(row), ns, processes=3, max_ns=ns * 40, outliers=17, samples_ns=(ns, ns * 1.1))
            for row, ns in rows.items()
        ),
        measurement(name("new"), 4512.3),
        targets={
            name("stable"): (target("p99", 0.05, 0.004),),
            name("broken_promise"): (target("median", 2e-6, 3e-6),),
            name("both"): (target("p99.9", 0.001, 0.0024), target("mean", 0.001, 0.0005)),
        },
        reference_ns=1.07e6,
    )
    fresh = compare(
        run(measurement(name("slow"), 240, processes=5), measurement(name("suspect"), 101, processes=5)),
        [before],
        ALL,
    )
    again = [row for row in fresh if row.name in (name("slow"), name("suspect"))]
    rows = confirm(compare(current, [before], ALL), again)
    return report_of(
        judge(rows, of_baselines(current, [before], rows), COMMANDS),
        {name("slow"): Source("benches/node/bench_slow.py", 12, "0123456789ab")},
        (
            Prerequisite("fork", True, "there"),
            Prerequisite("load", False, "1.9 on 2 cores", "end what else runs"),
        ),
    )


def all_stable():
    names = [name("parse"), name("serialize")]
    before = baseline(*(measurement(one, 450, spread=0.02) for one in names))
    return report_on(run(*(measurement(one, 460) for one in names)), before)


def elsewhere():
    before = baseline(measurement(name("parse"), 450, reference_ns=None), reference_ns=None)
    return report_on(
        run(
            measurement(name("parse"), 900), environment=ELSEWHERE, commit=OLD, reference_ns=1e6, processes=1
        ),
        before,
    )


def nothing():
    return report_on(run(commit=type(OLD)()))


def side_by_side():
    """Two commits measured now, their instructions counted."""
    wobble = (-0.004, 0.003, 0.001, -0.002, 0.002, -0.001, 0.004, -0.003)
    changes = {"parse": 0.10, "read": 0.08, "ship": 0.0}
    counts = {"parse": (4000, 4400), "read": (4000, 4001), "ship": (900, 900)}
    bouts = []
    for one, change in changes.items():
        ratios = tuple(math.log1p(change) + value for value in wobble)
        fresh = ratios if change else ()
        pairs = len(ratios) + len(fresh)
        bouts.append(
            Bout(
                name=name(one),
                ratios=Ratios(ratios, fresh),
                base_seconds=(1e-6,) * pairs,
                head_seconds=(1e-6 * (1 + change),) * pairs,
            )
        )
    duel = Duel(
        base=OLD,
        head=NEW,
        date="2026-11-21T12:00:00+00:00",
        environment="amd",
        mode=Mode.ALIKE,
        screening_pairs=8,
        confirming_pairs=8,
        seconds=20.0,
        bouts=tuple(bouts),
        new=(name("new"),),
        changed_dependencies=("requirements.lock",),
        base_packages=("msgspec 0.19.0",),
        base_collected=False,
        counting=Counting.CALLGRIND,
        counts=tuple(Count(name(one), *both) for one, both in counts.items()),
    )
    again = Commands("messenger gate check --base main", "")
    return report_of(
        judge(rows_of(duel, [], date(2026, 11, 21)), circumstances_of(duel), again, evidence=duel)
    )


def hostile():
    """Names people really have: parameters are arbitrary text."""
    names = [
        "t.py::t[a|b]",
        "t.py::t[`x`]",
        "t.py::t[<script>]",
        "t.py::t[two\nlines \x1b[31m]",
        "t.py::t[ü 日本 __x__]",
    ]
    return report_on(run(*map(measurement, names)))


def without_style_and_script(page):
    """Leave out what is the same in every page, so that the expected files show what is not."""
    return re.sub(
        r"(<style>|<script nonce=\"\w+\">).*?(</style>|</script>)", r"\1...\2", page, flags=re.DOTALL
    )


REPORTS = [everything, side_by_side, all_stable, elsewhere, nothing, hostile]
FORMATS = {
    "md": render_markdown,
    "json": format_report,
    "txt": render_terminal,
    "log": lambda report: render_log(report, "node"),
    "csv": render_csv,
    "xml": render_junit,
    "annotations": render_annotations,
    "html": lambda report: without_style_and_script(render_html(report)),
}


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("make", REPORTS, ids=lambda make: make.__name__)
def test_a_report_is_exactly_the_expected_file(make, suffix):
    text = FORMATS[suffix](make())

    # Bytes, for the lines of CSV end in two characters.
    assert text == (EXPECTED / f"{make.__name__}.{suffix}").read_bytes().decode()


@pytest.mark.parametrize("make", REPORTS, ids=lambda make: make.__name__)
def test_the_last_line_on_a_terminal_is_the_verdict(make):
    given = make()

    assert render_terminal(given).splitlines()[-1] == f"{given.verdict.word}: {given.sentence}"


@pytest.mark.parametrize("make", REPORTS, ids=lambda make: make.__name__)
def test_the_counts_of_the_summary_agree_with_the_results(make):
    report = json.loads(format_report(make()), parse_constant=pytest.fail)

    summary = report["summary"]
    failed = [row for row in report["results"] if row["status"] in ("regressed", "missing", "failed-target")]
    assert summary["failed"] == len(failed)
    assert summary["passed"] + summary["failed"] == summary["total_tests"] == len(report["results"])


@pytest.mark.parametrize("width", [20, 60, 100])
def test_a_narrow_terminal_folds_names_and_cuts_none(width):
    long = "t.py::t[" + "x" * 70 + "THE-END]"

    text = render_terminal(report_on(run(measurement(long))), width=width)

    drawn = "".join(line.split("│")[1].strip() for line in text.splitlines() if "│" in line)
    assert drawn == long


@pytest.mark.parametrize("width", [60, 80, 100])
@pytest.mark.parametrize("make", REPORTS, ids=lambda make: make.__name__)
def test_a_report_for_a_terminal_is_no_wider_than_it(make, width):
    """Only the commands and the verdict are: they are copied, and searched for, whole."""
    report = make()

    lines = render_terminal(report, width=width).splitlines()

    commands = 3 if report.commands.closer else 2
    assert [line for line in lines[: -commands - 1] if cell_len(line) > width] == []


@pytest.mark.parametrize(
    ("make", "label"),
    [(everything, "Closer"), (all_stable, "Again"), (elsewhere, "Accept"), (nothing, "Accept")],
)
def test_what_to_type_next_stands_above_the_verdict(make, label):
    """Where the eye is when the output stops."""
    assert render_terminal(make()).splitlines()[-2].startswith(f"{label}:")


def test_a_failure_says_what_happened_in_one_line():
    """It is all that JUnit and an editor show of it."""
    rows = {row.name.rpartition("_")[2]: row for row in everything().results}

    assert failure(rows["slow"]) == (
        "slowed down 2.40x: 100 ns -> 240 ns, tolerance 10 %; confirmed by 5 fresh processes"
    )
    assert failure(rows["promise"]) == "missed its target: median 3 us, target 2 us, 1.5x over"
    assert failure(rows["both"]) == (
        "slowed down 3.00x: 100 ns -> 300 ns, tolerance 10 %; "
        "missed its target: p99.9 2.4 ms, target 1 ms, 2.4x over"
    )
    assert failure(rows["gone"]) == "vanished: the baseline knows it, and the run does not"


@pytest.mark.parametrize("make", REPORTS, ids=lambda make: make.__name__)
def test_every_report_fits_the_committed_schema(make):
    """Whoever reads our reports elsewhere has nothing but the schema."""
    jsonschema.validate(json.loads(format_report(make())), json.loads(SCHEMA.read_text(encoding="utf-8")))


def test_the_committed_schema_is_that_of_the_structs():
    """Made with: python -m tests.gate.rewrite_expected."""
    assert SCHEMA.read_text(encoding="utf-8") == schema()


@pytest.mark.parametrize("make", REPORTS, ids=lambda make: make.__name__)
def test_a_report_read_back_is_the_report(make):
    """Every face is a function of the document alone, wherever it was written."""
    assert parse_report(format_report(make()).encode(), "report.json") == make()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"{", "is not a report of the gate"),
        (b"[]", "is not a report of the gate"),
        (b'{"schema_version": 2}', "is not a report of the gate"),
        (b'{"schema_version": 1}', "has schema 1, and this messenger reads 2; write such a file"),
        (b'{"schema_version": 3}', "upgrade messenger here"),
        (b"\xff" * 10, "is not a report of the gate"),
        (b"[" * 100_000, "is not a report of the gate"),
    ],
)
def test_what_is_no_report_is_refused_with_a_reason(content, complaint):
    with pytest.raises(UnreadableReport, match=complaint):
        parse_report(content, "report.json")


def damaged(**fields):
    return msgspec.structs.replace(side_by_side(), **fields)


def a_trend(at, value=1.0):
    points = (Point(date="", commit=None, q25_ms=value),) * 3
    return Trend(name="a", environment="e", points=points, shifts=(Shift(at, 1.0),))


@pytest.mark.parametrize(
    ("report", "fault"),
    [
        (damaged(exit_code=256), "exit code is 256"),
        (damaged(results=(Result(name="/etc/a.py::b", status="new"),)), "no name of a benchmark"),
        (damaged(results=(Result(name="a\0b", status="new"),)), "no name of a benchmark"),
        (damaged(trends=(a_trend(7),)), "changes where it has no point"),
        (damaged(trends=(a_trend(1, 0.0),)), "a time that is not positive"),
    ],
    ids=range(5),
)
def test_a_report_that_no_check_writes_is_refused(report, fault):
    """It may come from a stranger, and every face draws it."""
    with pytest.raises(UnreadableReport, match=fault):
        parse_report(format_report(report).encode(), "report.json")


def test_colour_is_asked_for():
    """A log file full of escape sequences is unreadable."""
    assert "\x1b[" not in render_terminal(everything())
    assert "\x1b[" in render_terminal(everything(), colour=True)


def test_a_thousand_stable_rows_are_folded():
    rows = [measurement(name(f"n{number}"), 100, spread=0.0) for number in range(1000)]

    text = render_markdown(report_on(run(*rows), baseline(*rows)), limit=None)

    assert text.index("<details>") < text.index("bench_n0")
    assert text.count("bench_n999.py") == 1
