import pytest

from messenger.gate.error import GateError
from messenger.gate.lockstep.marks import Marks, read_marks

TABLE = {"parse": {"min_effect": "10%"}, "parse*stdlib": {"skip": True}, "threads": {"pin": False}}


@pytest.mark.parametrize(
    ("name", "marker", "marks"),
    [
        ("bench_ship", {}, Marks()),
        ("bench_parse[orjson]", {}, Marks(min_effect=0.10)),
        ("bench_parse[stdlib]", {}, Marks(min_effect=0.10, skip=True)),
        ("bench_parse[stdlib]", {"skip": "False", "min_effect": "20 %"}, Marks(min_effect=0.20)),
        ("bench_threads", {}, Marks(pinned=False)),
        ("bench_ship", {"skip": "takes an hour"}, Marks(skip=True)),
    ],
)
def test_the_marker_of_a_benchmark_counts_more_than_the_table(name, marker, marks):
    assert read_marks(name, marker, TABLE) == marks


@pytest.mark.parametrize(
    ("marker", "table", "reason"),
    [
        ({"min_efect": "1%"}, {}, "@pytest.mark.gate has no 'min_efect'; it knows min_effect, skip, pin"),
        ({}, {"a": {"pinned": False}}, "benchmarks.\"a\"] has no 'pinned'"),
        ({"min_effect": "0.1"}, {}, "min_effect=0.1 is no percentage"),
        ({}, {"a": {"min_effect": "0%"}}, "min_effect=0% is no percentage"),
    ],
)
def test_a_mark_that_means_nothing_is_refused(marker, table, reason):
    """A typo must not switch a gate off in silence."""
    with pytest.raises(GateError) as raised:
        read_marks("bench_a", marker, table)

    assert reason in str(raised.value)
