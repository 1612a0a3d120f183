"""Transactions on lists."""

import pytest

from messenger.maelstrom.checkers.txn_list_append import check
from messenger.maelstrom.history import Outcome

from ..samples import indexes, kinds


@pytest.fixture
def txn(op):
    """Make a transaction of what was answered; what was asked follows from that."""

    def make(*micro_operations, **fields):
        result = [list(one) for one in micro_operations]
        asked = [[kind, key, None if kind == "r" else value] for kind, key, value in result]
        return op("txn", asked, result if fields.get("outcome", "ok") == "ok" else None, **fields)

    return make


def test_transactions_one_after_another_are_fine(txn):
    """Under every model."""
    history = [
        txn(("r", 1, None), ("append", 1, 1), ("append", 2, 1)),
        txn(("append", 1, 2), ("r", 1, [1, 2]), ("append", 1, 3)),
        txn(("r", 1, [1, 2, 3]), ("r", 2, [1])),
    ]

    findings = check(history, "serializable")

    assert findings.passed
    assert findings.information == ()


def test_a_read_of_an_aborted_append_is_g1a(txn):
    """A definite error says that it never happened."""
    history = [txn(("append", 1, 1), outcome=Outcome.FAIL, error_code=30), txn(("r", 1, [1]))]

    findings = check(history, "read-committed")

    assert kinds(findings) == ["G1a"]
    assert indexes(findings.anomalies[0]) == [0, 1]


def test_a_read_of_an_unanswered_append_is_fine(txn):
    """It may have happened, and now it is known that it has."""
    history = [txn(("append", 1, 1), outcome=Outcome.INFO), txn(("r", 1, [1]))]

    assert check(history, "serializable").passed


def test_a_read_between_two_appends_of_a_transaction_is_g1b(txn):
    """The list ends with what its transaction has gone on from."""
    history = [txn(("append", 1, 1), ("append", 1, 2)), txn(("r", 1, [1])), txn(("r", 1, [1, 2]))]

    findings = check(history, "read-committed")

    assert kinds(findings) == ["G1b"]
    assert indexes(findings.anomalies[0]) == [0, 1]


def test_appends_in_two_orders_at_two_keys_are_g0(txn):
    """The dirty write."""
    history = [
        txn(("append", 1, 1), ("append", 2, 1)),
        txn(("append", 1, 2), ("append", 2, 2)),
        txn(("r", 1, [1, 2]), ("r", 2, [2, 1])),
    ]

    assert kinds(check(history, "read-uncommitted")) == ["G0"]


def test_two_transactions_that_read_each_other_are_g1c(txn):
    """Neither can have been first."""
    history = [
        txn(("append", 1, 1), ("r", 2, [1])),
        txn(("append", 2, 1), ("r", 1, [1])),
    ]

    assert kinds(check(history, "read-uncommitted")) == []
    assert kinds(check(history, "read-committed")) == ["G1c"]


def test_a_lost_update_is_g_single_which_weak_models_allow(txn):
    """Both have read the same list, and one append was overwritten."""
    history = [
        txn(("r", 1, None), ("append", 1, 1)),
        txn(("r", 1, None), ("append", 1, 2)),
        txn(("r", 1, [1])),
    ]

    weak = check(history, "read-committed")

    assert weak.passed
    assert [one.kind for one in weak.information] == ["G-single"]
    assert kinds(check(history, "snapshot-isolation")) == ["G-single"]


def test_write_skew_is_g2_which_snapshot_isolation_allows(txn):
    """Each has read what the other then changed."""
    history = [
        txn(("r", 1, None), ("append", 2, 1)),
        txn(("r", 2, None), ("append", 1, 1)),
        txn(("r", 1, [1]), ("r", 2, [1])),
    ]

    assert check(history, "snapshot-isolation").passed
    assert kinds(check(history, "serializable")) == ["G2"]


def test_a_stale_read_is_an_anomaly_in_real_time_alone(txn):
    """It fits before the append, which was over when it began."""
    history = [txn(("append", 1, 1)), txn(("r", 1, None)), txn(("r", 1, [1]))]

    assert check(history, "serializable").passed
    assert kinds(check(history, "strict-serializable")) == ["G-single-realtime"]


def test_a_stale_read_that_began_before_the_append_ended_is_fine(txn):
    """They were concurrent."""
    history = [txn(("append", 1, 1), at=(0, 10)), txn(("r", 1, None), at=(5, 20)), txn(("r", 1, [1]))]

    assert check(history, "strict-serializable").passed


def test_lists_that_do_not_begin_alike_have_no_order(txn):
    """One of them was never there."""
    history = [txn(("append", 1, 1)), txn(("append", 1, 2)), txn(("r", 1, [1])), txn(("r", 1, [2, 1]))]

    assert kinds(check(history, "read-committed")) == ["incompatible-order"]


def test_an_element_twice_in_a_list_is_found(txn):
    """It was appended once."""
    assert kinds(check([txn(("append", 1, 1)), txn(("r", 1, [1, 1]))], "read-uncommitted")) == [
        "duplicate-elements"
    ]


def test_an_element_that_nobody_has_appended_is_found(txn):
    """Nodes may not make things up."""
    assert kinds(check([txn(("r", 1, [7]))], "read-uncommitted")) == ["never-written"]


def test_a_transaction_sees_its_own_appends(txn):
    """Behind whatever it has seen before."""
    forgotten = txn(("r", 1, None), ("append", 1, 1), ("r", 1, None))
    overtaken = txn(("append", 2, 1), ("append", 2, 2), ("r", 2, [1]))
    fine = txn(("append", 3, 1), ("r", 3, [1]), ("append", 3, 2), ("r", 3, [1, 2]))

    findings = check([forgotten, overtaken, fine], "snapshot-isolation")

    assert kinds(findings) == ["internal", "internal"]


def test_another_transaction_than_was_asked_for_is_malformed(op):
    """Its reads belong to no question."""
    history = [op("txn", [["r", 1, None], ["append", 1, 1]], [["r", 1, None]])]

    assert kinds(check(history, "read-uncommitted")) == ["malformed-txn"]
