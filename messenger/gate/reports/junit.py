"""JUnit: a test case a benchmark, for whatever shows test results."""

from xml.etree import ElementTree

from ..comparison import Status
from ..report import Report, Result
from .words import failure, plain, status_cell


def render_junit(report: Report) -> str:
    """Write *report* as JUnit XML; what fails the gate is a failure with its reason, and times are means."""
    skipped = sum(row.status is Status.SKIPPED for row in report.results)
    counts = {
        "tests": str(len(report.results)),
        "failures": str(report.summary.failed),
        "errors": "0",
        "skipped": str(skipped),
    }
    root = ElementTree.Element("testsuites", counts)
    suite = ElementTree.SubElement(root, "testsuite", {"name": "messenger gate", **counts})
    if report.timestamp:
        suite.set("timestamp", _text(report.timestamp))
    for row in report.results:
        _add(suite, row)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _add(suite: ElementTree.Element, row: Result) -> None:
    file, _, test = row.name.partition("::")
    case = ElementTree.SubElement(
        suite,
        "testcase",
        {
            "classname": _text(file.removesuffix(".py").replace("/", ".")),
            "name": _text(test or file),
            "time": f"{(row.mean_ms or 0) / 1e3:.9f}",
        },
    )
    if row.source:
        case.set("file", _text(row.source.file))
        case.set("line", str(row.source.line))
    if row.failed:
        ElementTree.SubElement(case, "failure", {"message": _text(failure(row)), "type": str(row.status)})
    elif row.status is Status.SKIPPED:
        ElementTree.SubElement(case, "skipped", {"message": _text(status_cell(row))})


def _text(text: str) -> str:
    """Write what XML has no place for, lone surrogates among it, as an escape."""
    return plain(text).encode("utf-8", "backslashreplace").decode()
