"""Unique ids."""

from messenger.maelstrom.checkers.unique_ids import check

from ..samples import indexes, kinds


def test_different_ids_are_fine(op):
    """Also those that Python takes for equal: 1, true, 1.0 and "1" are four JSON values."""
    findings = check([op("generate", result=id_) for id_ in (1, True, 1.0, "1", [1], {"id": 1}, None)])

    assert findings.passed
    assert findings.measures == {"ids": 7}


def test_an_id_that_came_twice_is_shown_with_both_operations(op):
    """Where they came from is the question that follows."""
    findings = check([op("generate", result=id_) for id_ in (7, 8, 7)])

    assert kinds(findings) == ["duplicate-id"]
    assert indexes(findings.anomalies[0]) == [0, 2]


def test_integers_that_differ_past_64_bits_differ(op):
    """An id may be as long as a UUID, and a float that stood for it would be the same for many."""
    findings = check([op("generate", result=2**128), op("generate", result=2**128 + 1)])

    assert findings.passed
