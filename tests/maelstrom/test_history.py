"""Histories."""

import pytest

from messenger.maelstrom.error_codes import is_definite
from messenger.maelstrom.history import History, Outcome, describe, events_of


def test_no_two_events_are_at_the_same_nanosecond():
    """Which came first is what checkers ask; some clocks stand still for a while."""
    history = History(clock_ns=lambda: 5)

    one = history.complete(history.invoke("c1", "n0", "add", 1), Outcome.OK)
    other = history.complete(history.invoke("c2", "n0", "add", 2), Outcome.OK)

    times = [one.invoked_ns, one.completed_ns, other.invoked_ns, other.completed_ns]
    assert times == sorted(set(times))


def test_an_operation_that_has_not_ended_is_indefinite():
    """The test may end before it does."""
    history = History()
    history.invoke("c1", "n0", "add", 1)

    assert [op.outcome for op in history.operations] == [Outcome.INFO]


def test_what_is_forgotten_was_never_asked():
    """The others keep their numbers."""
    history = History()
    begun = [history.invoke("c1", "n0", "read", None) for _ in range(3)]
    history.forget({1})
    history.complete(begun[2], Outcome.OK, 7)

    assert [(op.index, op.result) for op in history.operations] == [(0, None), (2, 7)]


def test_events_are_told_in_the_order_in_which_they_happened():
    """Two operations at a time are told interleaved."""
    history = History()
    one, other = history.invoke("c1", "n0", "add", 1), history.invoke("c2", "n1", "read", None)
    history.complete(one, Outcome.FAIL, error_code=11, error_text="busy")
    history.complete(other, Outcome.OK, [1])

    events = [(event.type, event.index, event.value) for event in events_of(history.operations)]

    assert events == [("invoke", 0, 1), ("invoke", 1, None), ("fail", 0, None), ("ok", 1, [1])]


def test_a_long_value_is_cut_for_people():
    """A read of a thousand elements would hide everything else."""
    history = History(clock_ns=lambda: 0)
    op = history.complete(history.invoke("c1", "n0", "read", None), Outcome.OK, [*range(1000)])

    assert len(describe(op)) < 200


@pytest.mark.parametrize("code", [1, 10, 11, 12, 14, 20, 21, 22, 30])
def test_definite_errors_are_definite(code):
    """Source: Maelstrom, doc/protocol.md."""
    assert is_definite(code)


@pytest.mark.parametrize("code", [0, 13, 99, 1000, -1])
def test_other_errors_may_have_happened(code):
    """Also a node's own codes, of which nobody knows what they mean."""
    assert not is_definite(code)
