"""Faces of a report of a thousand benchmarks, each of which a person or a job waits for."""

import pytest

from messenger.gate.comparison import Status
from messenger.gate.history.trend import Point, Trend
from messenger.gate.report import Report, Result, Summary, format_report, parse_report
from messenger.gate.reports.html import render_html
from messenger.gate.reports.junit import render_junit
from messenger.gate.reports.markdown import COMMENT_CHARACTERS, render_markdown
from messenger.gate.reports.terminal import render_terminal
from messenger.gate.verdict import Commands, Outcome

COUNT = 1000
STATUSES = (Status.REGRESSED, Status.IMPROVED, *[Status.STABLE] * 8)


def result(number: int) -> Result:
    return Result(
        name=f"benches/node/bench_{number % 40}.py::bench_it[{number}-1024B]",
        status=STATUSES[number % len(STATUSES)],
        mean_ms=0.01,
        q25_ms=0.009 + number / 1e6,
        samples_ms=tuple(0.009 + step / 1e5 for step in range(10)),
        baseline_q25_ms=0.009,
        baseline_samples_ms=tuple(0.009 + step / 2e5 for step in range(10)),
        change_percent=number / 90,
        interval_percent=(number / 90 - 1, number / 90 + 1),
        rounds=1000,
        processes=10,
    )


def trend(name: str) -> Trend:
    points = [
        Point(date=f"2026-{month:02}-01", commit=f"{month:040x}", q25_ms=0.009, low_ms=0.0088, high_ms=0.0092)
        for month in range(1, 11)
    ]
    return Trend(name=name, environment="here", points=tuple(points))


@pytest.fixture(scope="module")
def report() -> Report:
    results = tuple(map(result, range(COUNT)))
    return Report(
        benchmark_suite="node",
        timestamp="2026-11-24T12:00:00+00:00",
        commit="1" * 40,
        dirty=False,
        verdict=Outcome.FAILED,
        exit_code=1,
        sentence="100 of 1000 benchmarks regressed.",
        side_by_side=True,
        environment="here",
        environment_match=True,
        environment_differences=(),
        processes=8,
        reference_ratio=None,
        lines=("Head: 111111111111. Base: 000000000000.",),
        warnings=(),
        results=results,
        trends=tuple(trend(one.name) for one in results),
        summary=Summary(COUNT, 900, 100, 0),
        commands=Commands("messenger gate check --base main", "# slower on purpose?"),
    )


def bench_render_html(benchmark, report):
    page = benchmark(render_html, report)
    assert page.count("<tr ") == COUNT


def bench_render_markdown(benchmark, report):
    text = benchmark(render_markdown, report)
    assert len(text) <= COMMENT_CHARACTERS
    assert text.count("Regressed") == COUNT / 10


def bench_render_terminal(benchmark, report):
    text = benchmark(render_terminal, report)
    assert text.count("bench_it") == COUNT


def bench_render_junit(benchmark, report):
    text = benchmark(render_junit, report)
    assert text.count("<failure") == COUNT / 10


def bench_read_and_write(benchmark, report):
    again = benchmark(lambda: parse_report(format_report(report).encode(), "report.json"))
    assert again == report
