"""Linearizable key-value store."""

from messenger.maelstrom.checkers.lin_kv import check
from messenger.maelstrom.history import Outcome

from ..samples import indexes, kinds


def test_reads_of_the_latest_value_are_fine(op):
    """Keys and values may be any JSON."""
    history = [
        op("read", ["x", None], None),
        op("write", ["x", [1]]),
        op("cas", ["x", [[1], {"two": 2}]]),
        op("read", ["x", None], {"two": 2}),
    ]

    assert check(history).passed


def test_a_stale_read_is_shown_with_the_write_that_it_has_missed(op):
    """That is what to look for in the logs."""
    findings = check([op("write", ["x", 1]), op("write", ["x", 2]), op("read", ["x", None], 1)])

    assert kinds(findings) == ["not-linearizable"]
    assert indexes(findings.anomalies[0]) == [1, 2]


def test_keys_have_nothing_to_do_with_each_other(op):
    """1 and "1" are two keys."""
    history = [op("write", [1, "a"]), op("write", ["1", "b"]), op("read", [1, None], "a")]

    assert check(history).passed


def test_a_compare_and_set_that_found_another_value_is_not_explained(op):
    """It was acknowledged, so it must have found it."""
    findings = check([op("write", ["x", 1]), op("cas", ["x", [2, 3]]), op("write", ["x", 2])])

    assert kinds(findings) == ["not-linearizable"]


def test_a_write_that_was_refused_may_not_be_read(op):
    """A definite error says that it never will be there."""
    refused = op("write", ["x", 1], outcome=Outcome.FAIL, error_code=11)

    assert kinds(check([refused, op("read", ["x", None], 1)])) == ["not-linearizable"]


def test_an_unanswered_write_may_be_read_or_not(op):
    """Nobody was promised anything."""
    unanswered = op("write", ["x", 1], outcome=Outcome.INFO)

    assert check([unanswered, op("read", ["x", None], None), op("read", ["x", None], 1)]).passed


def test_a_key_that_does_not_exist_although_it_was_written_is_a_stale_read(op):
    """Error 20 is an answer: the node has looked, and found nothing."""
    write = op("write", ["x", 1])
    absent = op("read", ["x", None], outcome=Outcome.FAIL, error_code=20)

    assert kinds(check([write, absent])) == ["not-linearizable"]
