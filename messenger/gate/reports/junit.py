"""JUnit: a report as test cases, for the servers and editors that show those."""

from collections.abc import Sequence
from xml.etree import ElementTree

from ..comparison import Status
from ..report import Report, Result
from .words import failure, headline, plain

# Measured or not, nothing was held against anything.
_SKIPPED = frozenset({Status.SKIPPED, Status.ADVISORY, Status.FAILED_IN_BASE})
_COULD_NOT_TELL = 3


def render_junit(report: Report) -> str:
    """Write *report* as one test case a benchmark, whose time is its mean.

    A check that could not tell has one case more, an error: without it nothing in the file would be red.
    Characters that XML forbids are made visible.
    """
    results = report.results
    errors = int(report.exit_code == _COULD_NOT_TELL)
    counts = {
        "tests": str(len(results) + errors),
        "failures": str(sum(row.failed for row in results)),
        "errors": str(errors),
        "skipped": str(sum(row.status in _SKIPPED for row in results)),
        "time": _seconds(sum(row.mean_ms or 0.0 for row in results)),
    }
    suites = ElementTree.Element("testsuites", {"name": "messenger gate", **counts})
    about = {"name": plain(report.benchmark_suite) or "messenger gate", **counts}
    if report.timestamp:
        about["timestamp"] = plain(report.timestamp)
    suite = ElementTree.SubElement(suites, "testsuite", about)
    _add_cases(suite, results)
    if errors:
        verdict = ElementTree.SubElement(
            suite, "testcase", classname="messenger.gate", name="verdict", time="0"
        )
        ElementTree.SubElement(verdict, "error", message=plain(headline(report)), type=report.verdict)
    ElementTree.indent(suites)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(suites, encoding="unicode")}\n'


def _add_cases(suite: ElementTree.Element, results: Sequence[Result]) -> None:
    for row in results:
        case = ElementTree.SubElement(suite, "testcase", _attributes(row))
        if row.failed:
            ElementTree.SubElement(case, "failure", message=plain(failure(row)), type=row.status)
        elif row.status in _SKIPPED:
            ElementTree.SubElement(case, "skipped", message=plain(failure(row)))


def _attributes(row: Result) -> dict[str, str]:
    """Split a name as pytest's own JUnit report does, so that a server sees both as one history."""
    # What a parameter says is no part of the path, whatever it looks like.
    path, bracket, parameters = row.name.partition("[")
    file, *classes = path.split("::")
    name = (classes.pop() if classes else file) + bracket + parameters
    classname = ".".join([file.removesuffix(".py").replace("/", "."), *classes])
    attributes = {"classname": plain(classname), "name": plain(name)}
    if row.source:
        attributes |= {"file": plain(row.source.file), "line": str(row.source.line)}
    return attributes | {"time": _seconds(row.mean_ms or 0.0)}


def _seconds(milliseconds: float) -> str:
    return f"{milliseconds / 1e3:.9f}"
