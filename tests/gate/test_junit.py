from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.gate.reports.junit import render_junit
from messenger.gate.reports.words import plain
from messenger.gate.source import Source

from .samples import measurement, run
from .test_reports import elsewhere, everything, nothing, report_on


def cases(report):
    return ElementTree.fromstring(render_junit(report)).findall("testsuite/testcase")


@given(st.text(min_size=1))
def test_any_name_is_a_name_in_xml(name):
    """XML has no way to write most control characters, and a server drops the whole file for one of them."""
    [case, _] = cases(report_on(run(measurement(f"t.py::t[{name}]"))))

    assert case.get("name") == f"t[{plain(name)}]"


def test_a_case_is_named_as_pytest_names_it():
    """So that a server shows tests and benchmarks of a file together."""
    [case, _] = cases(report_on(run(measurement("benches/node/bench_a.py::Fast::bench_b[a/b::c.py]"))))

    assert (case.get("classname"), case.get("name")) == ("benches.node.bench_a.Fast", "bench_b[a/b::c.py]")


def test_a_case_says_where_its_code_stands():
    report = everything()
    [first, *_] = report.results
    placed = msgspec.structs.replace(first, source=Source("benches/a.py", 12, "f"))

    [case] = cases(msgspec.structs.replace(report, results=(placed,)))

    assert (case.get("file"), case.get("line")) == ("benches/a.py", "12")


@pytest.mark.parametrize("make", [everything, elsewhere, nothing])
def test_the_counts_are_those_of_the_cases(make):
    suite = ElementTree.fromstring(render_junit(make())).find("testsuite")

    assert int(suite.get("tests")) == len(suite.findall("testcase"))
    for count, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(suite.get(count)) == len(suite.findall(f"testcase/{tag}"))


def test_a_check_that_could_not_tell_is_not_green():
    """A server that sees no failure would call it a success."""
    [case] = cases(nothing())

    assert case.find("error").get("message").startswith("NOTHING COMPARED")
