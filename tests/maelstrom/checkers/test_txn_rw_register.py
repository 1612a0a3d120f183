"""Transactions on registers."""

import pytest

from messenger.maelstrom.checkers.txn_rw_register import check
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
        txn(("r", 1, None), ("w", 1, 1), ("w", 2, 1)),
        txn(("r", 1, 1), ("w", 1, 2), ("r", 1, 2)),
        txn(("r", 1, 2), ("r", 2, 1), ("w", 2, 2)),
    ]

    findings = check(history, "serializable")

    assert findings.passed
    assert findings.information == ()


def test_a_read_of_an_aborted_write_is_g1a(txn):
    """A definite error says that it never happened."""
    history = [txn(("w", 1, 1), outcome=Outcome.FAIL, error_code=30), txn(("r", 1, 1))]

    findings = check(history, "read-committed")

    assert kinds(findings) == ["G1a"]
    assert indexes(findings.anomalies[0]) == [0, 1]


def test_a_read_of_what_its_transaction_overwrote_is_g1b(txn):
    """It was never committed."""
    history = [txn(("w", 1, 1), ("w", 1, 2)), txn(("r", 1, 1))]

    assert kinds(check(history, "read-committed")) == ["G1b"]


def test_two_transactions_that_read_each_other_are_g1c(txn):
    """Neither can have been first."""
    history = [txn(("w", 1, 1), ("r", 2, 1)), txn(("w", 2, 1), ("r", 1, 1))]

    assert kinds(check(history, "read-committed")) == ["G1c"]


def test_a_lost_update_is_g_single_which_weak_models_allow(txn):
    """Both have read the first version, and written the one after it."""
    history = [
        txn(("w", 1, 1)),
        txn(("r", 1, 1), ("w", 1, 2), ("w", 2, 2)),
        txn(("r", 1, 1), ("r", 2, 2)),
    ]

    assert check(history, "read-committed").passed
    assert kinds(check(history, "snapshot-isolation")) == ["G-single"]


def test_a_value_that_nobody_has_written_is_found(txn):
    """Nodes may not make things up."""
    assert kinds(check([txn(("r", 1, 7))], "read-uncommitted")) == ["never-written"]


def test_a_transaction_sees_its_own_writes(txn):
    """And not what was there before."""
    history = [txn(("w", 1, 1)), txn(("w", 1, 2), ("r", 1, 1))]

    assert kinds(check(history, "snapshot-isolation")) == ["internal"]


def test_a_stale_read_is_an_anomaly_in_real_time_alone(txn):
    """It fits before the write, which was over when it began, with another between the two."""
    history = [txn(("w", 1, 1)), txn(("w", 2, 1)), txn(("r", 1, None)), txn(("r", 1, 1))]

    assert check(history, "serializable").passed
    assert kinds(check(history, "strict-serializable")) == ["G-single-realtime"]
