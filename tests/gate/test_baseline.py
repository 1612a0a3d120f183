import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.gate.baseline import UnreadableBaseline, format_baseline, parse_baseline
from messenger.gate.measurement import Measurement

from .samples import baseline, measurement

positive = st.floats(min_value=1e-3, max_value=1e15)
rows = st.builds(
    Measurement,
    name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    q25_ns=positive,
    median_ns=positive,
    mean_ns=positive,
    stddev_ns=positive,
    min_ns=positive,
    rounds=st.integers(1, 10**9),
    processes=st.integers(1, 99),
    spread=st.none() | st.floats(0, 10),
    reference_ns=st.none() | positive,
    commit=st.none() | st.text(max_size=12),
)


@given(st.lists(rows, unique_by=lambda row: row.name))
def test_reading_undoes_writing(measured):
    """What was accepted is what is compared with, whatever people call their benchmarks."""
    given = baseline(*sorted(measured, key=lambda row: row.name))

    assert parse_baseline(format_baseline(given).encode(), "node.json") == given


def test_every_benchmark_has_a_line_of_its_own_in_order_of_names():
    """A diff shows which benchmarks changed, and nothing else."""
    text = format_baseline(baseline(measurement("b"), measurement("a")))

    lines = [line.strip().rstrip(",") for line in text.splitlines() if '"name"' in line]
    assert [json.loads(line)["name"] for line in lines] == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is not a baseline file"),
        (b"<<<<<<< HEAD", "is not a baseline file"),
        (b"[]", "is not a baseline file"),
        (b"\xff\xfe", "is not a baseline file"),
        (b'{"schema_version": 1}', "missing required field"),
        (b'{"schema_version": 99, "new": 1}', "newer messenger (schema 99"),
        (format_baseline(baseline(measurement("a"), measurement("a"))).encode(), "stands in it twice"),
        (format_baseline(baseline(measurement("a", ns=0.0))).encode(), "not positive"),
        (format_baseline(baseline(measurement("a", reference_ns=-1.0))).encode(), "not positive"),
        (format_baseline(baseline(measurement("a", ns=1e-310))).encode(), "no duration: 1e-310 ns"),
        (format_baseline(baseline(measurement("a", spread=-1.0))).encode(), "negative spread"),
    ],
)
def test_a_damaged_file_is_named_with_the_reason(content, reason):
    with pytest.raises(UnreadableBaseline) as caught:
        parse_baseline(content, "baselines/here/node.json")

    assert "baselines/here/node.json" in str(caught.value)
    assert reason in str(caught.value)
