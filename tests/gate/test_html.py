"""The page in a real browser, opened from disk."""

import os
import shutil

import msgspec
import pytest

from messenger.gate.history.trend import Point, Shift, Trend
from messenger.gate.publish import write_html
from messenger.gate.report import Result

from .test_reports import everything, hostile, side_by_side

_BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_QUIET = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]

if _BROWSER is None and not os.environ.get("CI"):
    pytest.skip("no browser: install chromium", allow_module_level=True)


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_BROWSER, args=_QUIET)
        yield browser
        browser.close()


@pytest.fixture
def show(browser, tmp_path):
    """Write a report's page and open it; in the end, nothing may have gone wrong or left the disk."""
    contexts, wrong = [], []

    def open_page(report, **options):
        write_html(report, tmp_path)
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: request.url.startswith("file:") or wrong.append(request.url))
        page.goto((tmp_path / "index.html").as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


def with_trends(report):
    points = tuple(
        Point(
            date=f"2026-{month:02}-01T00:00:00+00:00",
            commit=f"{month:012x}",
            q25_ms=1e-3 * (1.2 if month > 6 else 1),
            low_ms=0.9e-3,
            high_ms=1.3e-3,
            reason="<b>checks</b> UTF-8" if month == 7 else None,
        )
        for month in range(1, 11)
    )
    trends = tuple(
        Trend(
            name=row.name,
            environment=environment,
            points=points,
            shifts=(Shift(6, 20.0),),
            anchor="v1.0",
            creep_percent=20.0,
        )
        for row in report.results
        for environment in (report.environment, "another")
    )
    return msgspec.structs.replace(report, trends=trends)


def column(page, number):
    return page.locator(f"#table tbody tr:visible > :nth-child({number})").all_inner_texts()


def test_the_verdict_is_what_is_seen_first(show):
    page = show(everything())

    assert page.locator("h1").inner_text() == (
        "✗ FAILED: 2 of 8 benchmarks regressed, 1 missing, 2 missed a target."
    )
    assert page.title() == "FAILED: 2 of 8 benchmarks regressed, 1 missing, 2 missed a target."
    assert column(page, 1)[0] == "bench_both.py::bench_both"


def test_a_column_is_sorted_by_value_by_mouse_and_keyboard(show):
    page = show(everything())
    button = page.get_by_role("button", name="Current")

    button.click()
    rising = column(page, 3)
    button.focus()
    page.keyboard.press("Enter")

    assert rising == ["50 ns", "100 ns", "100 ns", "101 ns", "240 ns", "300 ns", "4.512 us", "-"]
    assert column(page, 3) == ["4.512 us", "300 ns", "240 ns", "101 ns", "100 ns", "100 ns", "50 ns", "-"]
    assert page.locator("th[aria-sort]").inner_text().startswith("Current")
    assert page.locator("th[aria-sort]").get_attribute("aria-sort") == "descending"


def test_rows_are_filtered_by_name_and_status(show):
    page = show(everything())

    page.get_by_label("Name").fill("BENCH_S")
    by_name = column(page, 1)
    page.get_by_label("Regressed").uncheck()

    assert [name.partition(".")[0] for name in by_name] == ["bench_slow", "bench_stable", "bench_suspect"]
    assert [name.partition(".")[0] for name in column(page, 1)] == ["bench_stable", "bench_suspect"]
    assert page.locator("#shown").inner_text() == "2 of 8 shown"
    assert page.locator(".benchmarks > details:visible").count() == 2


def test_charts_are_drawn_when_their_section_is_opened(show):
    """A thousand charts at once would take minutes."""
    page = show(with_trends(side_by_side()))
    stable = page.locator("details.stable")

    before = stable.locator(".chart.drawn").count()
    page.get_by_role("link", name="bench_ship").click()
    stable.locator(".chart[data-kind=trend] .plot-container").wait_for()
    stable.locator(".chart[data-kind=samples] .plot-container").wait_for()

    assert before == 0
    assert stable.get_attribute("open") is not None
    labels = stable.locator(
        ".chart[data-kind=trend] .shapelayer, .chart[data-kind=trend] text"
    ).all_text_contents()
    assert {"+20.0 %", "baseline"} <= set(labels)


def test_what_others_measured_elsewhere_is_named_and_not_drawn(show):
    page = show(with_trends(side_by_side()))

    assert "values are also known from another, and are not comparable" in page.inner_text("main")


def test_the_theme_is_the_systems_until_somebody_chooses(show):
    page = show(with_trends(side_by_side()), color_scheme="dark")

    def background():
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    dark = background()
    page.get_by_role("button", name="Dark or light").click()
    light = background()
    page.reload()

    assert (dark, light, background()) == ("rgb(20, 23, 26)", "rgb(255, 255, 255)", "rgb(255, 255, 255)")


def test_without_javascript_everything_can_be_read(show):
    page = show(with_trends(side_by_side()), java_script_enabled=False)

    page.locator("details.stable > summary").click()

    assert column(page, 1)[0] == "bench_parse.py::bench_parse"
    assert not page.locator("#filters").is_visible()
    assert not page.locator("#theme").is_visible()
    assert page.locator("details.stable svg").count() == 2
    assert "Accepted 2026-07-01: <b>checks</b> UTF-8." in page.locator("details.stable").inner_text()


def test_hostile_names_are_text(show):
    rows = [
        Result(name=f"t.py::t[{text}]", status=row.status, change_percent=1.0, q25_ms=1.0, note=text)
        for text in ("<script>alert(1)</script>", "</script>", "<!--", '" onclick="alert(1)', "\u2028\u202e")
        for row in hostile().results[:1]
    ]
    page = show(with_trends(msgspec.structs.replace(hostile(), results=tuple(rows))))

    shown = column(page, 1)

    assert shown[0] == "t.py::t[<script>alert(1)</script>]"
    assert shown[3] == 't.py::t[" onclick="alert(1)]'
    assert shown[4] == "t.py::t[\\u2028\\u202e]"


def test_a_phone_scrolls_the_table_and_not_the_page(show):
    page = show(everything(), viewport={"width": 400, "height": 800})

    assert page.evaluate("document.documentElement.scrollWidth") == 400
