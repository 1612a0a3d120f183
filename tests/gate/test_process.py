import json

import pytest

from messenger.gate.process import STAMP_KEY, UnreadableProcess, parse_process, read_process

from .samples import report, write

PARSE = "benches/node/bench_parse.py::bench_parse"


def parse(document):
    return parse_process(json.dumps(document).encode(), "run.json")


def test_a_report_with_our_stamp_tells_everything():
    process = parse(report({PARSE: 450e-9}, only=["parse"]))

    (row,) = process.measurements
    assert (row.name, row.q25_ns, row.reference_ns) == (PARSE, pytest.approx(450), 1e6)
    assert (process.identity, process.paths, process.only) == ("p1", ("benches",), ("parse",))
    assert process.commit.sha == "1" * 40


def test_a_report_without_our_stamp_is_not_normalised():
    """Who has no plugin of ours installed where it was measured is still served."""
    document = report({PARSE: 450e-9})
    del document[STAMP_KEY]

    process = parse(document)

    assert (process.reference_ns, process.paths, process.commit.sha) == (None, None, "abc")
    assert process.environment.system == "Linux 6.18"
    assert process.identity == document["datetime"]


def test_targets_are_read_one_or_many():
    record = {"statistic": "p99", "target_seconds": 0.05, "value_seconds": 0.004}
    document = report({"one": 1.0, "many": 1.0})
    document["benchmarks"][0]["extra_info"]["target"] = record
    document["benchmarks"][1]["extra_info"]["target"] = [record, record]

    process = parse(document)

    assert {name: len(targets) for name, targets in process.targets.items()} == {"one": 1, "many": 2}


def with_stats(**stats):
    document = report({PARSE: 1.0})
    document["benchmarks"][0]["stats"].update(stats)
    return document


def with_entry(**entry):
    document = report({PARSE: 1.0})
    document["benchmarks"][0].update(entry)
    return document


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is empty"),
        ("  \n", "is empty"),
        ("junit,ok", "it is not JSON"),
        ("[1, 2]", "is not a pytest-benchmark report"),
        ('{"a": 1}', "missing required field `benchmarks`"),
        ("[" * 100_000, "is not a pytest-benchmark report"),
        (json.dumps(with_stats(q1=float("nan"))), "NaN or Infinity"),
        (json.dumps(with_stats(q1=0)), f"q1 of {PARSE} is 0.0 s"),
        (json.dumps(with_stats(mean=-1)), f"mean of {PARSE} is -1.0 s"),
        (json.dumps(with_stats(q1=None)), "is not a pytest-benchmark report"),
        (json.dumps(with_entry(stats=None)), "written with --benchmark-disable"),
        (json.dumps(with_entry(extra_info={"target": {"p99": 1}})), f"target of {PARSE} is damaged"),
        (json.dumps(report({PARSE: 1.0}, schema_version=99)), "newer messenger (schema 99"),
        (json.dumps(report({PARSE: 1.0}, environment=7)), f"{STAMP_KEY!r} part is damaged"),
        (json.dumps(report({PARSE: 1.0}, reference_ns=0)), "its reference time is 0.0 ns"),
    ],
)
def test_what_cannot_be_judged_is_refused_with_the_reason(content, reason):
    with pytest.raises(UnreadableProcess) as caught:
        parse_process(content.encode(), "run.json")

    assert "run.json" in str(caught.value)
    assert reason in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_name_that_stands_twice_is_refused():
    """A name is the key of its baseline row."""
    document = report({PARSE: 1.0})
    document["benchmarks"] *= 2

    with pytest.raises(UnreadableProcess, match="twice"):
        parse(document)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "run.json").write_bytes(b"\x80\x81{")

    with pytest.raises(UnreadableProcess, match="not JSON"):
        read_process(tmp_path / "run.json")


@pytest.mark.parametrize("name", ["nowhere.json", "."])
def test_a_file_that_cannot_be_opened_is_named(tmp_path, name):
    with pytest.raises(UnreadableProcess, match="cannot read"):
        read_process(tmp_path / name)


def test_a_file_is_read_from_disk(tmp_path):
    path = write(tmp_path / "run.json", report({PARSE: 1.0}))

    assert read_process(path).origin == str(path)
