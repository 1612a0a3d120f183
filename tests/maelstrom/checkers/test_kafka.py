"""Kafka."""

from messenger.maelstrom.checkers.kafka import check
from messenger.maelstrom.history import Outcome

from ..samples import indexes, kinds


def final(op, **msgs):
    return op("poll", dict.fromkeys(msgs, 0), msgs, final=True, client="c9")


def test_a_log_that_keeps_everything_in_order_is_fine(op):
    """Offsets may have gaps."""
    history = [
        op("send", ["k", 1], 0),
        op("send", ["k", 2], 5),
        op("poll", {"k": 0}, {"k": [(0, 1)]}),
        op("commit_offsets", {"k": 0}),
        op("list_committed_offsets", ["k", "j"], {"k": 0}),
        op("poll", {"k": 1}, {"k": [(5, 2)]}),
        final(op, k=[(0, 1), (5, 2)]),
    ]

    assert check(history).passed


def test_an_acknowledged_message_that_no_final_poll_has_is_lost(op):
    """It was the last, so no poll went past it; it is lost all the same."""
    findings = check([op("send", ["k", 1], 0), op("send", ["k", 2], 1), final(op, k=[(0, 1)])])

    assert kinds(findings) == ["lost"]
    assert indexes(findings.anomalies[0]) == [1]


def test_a_poll_that_goes_past_a_message_has_lost_it(op):
    """Its client will never ask for it again, even if other clients get it."""
    findings = check(
        [
            op("send", ["k", 1], 0),
            op("send", ["k", 2], 1),
            op("poll", {"k": 0}, {"k": [(1, 2)]}),
            final(op, k=[(0, 1), (1, 2)]),
        ]
    )

    assert kinds(findings) == ["lost"]
    assert indexes(findings.anomalies[0]) == [0, 2]


def test_a_message_at_two_offsets_is_a_duplicate(op):
    """Whoever reads the log handles it twice."""
    findings = check([op("send", ["k", 1], 0), final(op, k=[(0, 1), (1, 1)])])

    assert kinds(findings) == ["duplicate"]


def test_two_messages_at_an_offset_are_inconsistent(op):
    """An offset names one message."""
    findings = check([op("send", ["k", 1], 0), op("send", ["j", 1], 0), op("send", ["k", 2], 0, client="c2")])

    assert kinds(findings) == ["inconsistent-offset"]


def test_a_message_that_nobody_sent_is_found(op):
    """Nodes may not make things up."""
    assert kinds(check([final(op, k=[(0, 1)])])) == ["never-sent"]


def test_an_indefinite_send_may_be_there_and_a_refused_one_may_not(op):
    """A definite error says that it never will be."""
    sends = [
        op("send", ["k", 1], outcome=Outcome.INFO),
        op("send", ["k", 2], outcome=Outcome.FAIL, error_code=11),
    ]

    assert kinds(check([*sends, final(op, k=[(0, 1), (1, 2)])])) == ["refused-but-there"]


def test_a_client_whose_sends_go_backwards_finds_that_out(op):
    """Its second message stands before its first."""
    findings = check(
        [op("send", ["k", 1], 1), op("send", ["k", 2], 0), final(op, k=[(0, 2), (1, 1)])],
    )

    assert kinds(findings) == ["nonmonotonic-send"]


def test_sends_of_different_clients_have_no_order(op):
    """As in Maelstrom: only a client's own are compared."""
    history = [
        op("send", ["k", 1], 1, client="c1"),
        op("send", ["k", 2], 0, client="c2"),
        final(op, k=[(0, 2), (1, 1)]),
    ]

    assert check(history).passed


def test_a_poll_whose_offsets_do_not_increase_is_found(op):
    """Also across polls: a client asks from where it is."""
    sends = [op("send", ["k", 1], 0), op("send", ["k", 2], 1)]
    backwards = op("poll", {"k": 0}, {"k": [(1, 2), (0, 1)]})
    again = op("poll", {"k": 1}, {"k": [(0, 1), (1, 2)]})

    findings = check([*sends, backwards, again, final(op, k=[(0, 1), (1, 2)])])

    assert kinds(findings) == ["nonmonotonic-poll", "nonmonotonic-poll"]


def test_an_offset_that_nobody_has_committed_is_not_committed(op):
    """Whoever starts there skips messages that nobody has processed."""
    history = [
        op("send", ["k", 1], 0),
        op("commit_offsets", {"k": 0}),
        op("list_committed_offsets", ["k"], {"k": 1}),
        final(op, k=[(0, 1)]),
    ]

    assert kinds(check(history)) == ["committed-too-far"]


def test_a_commit_that_may_have_happened_counts(op):
    """Nobody was promised that it has not."""
    history = [
        op("send", ["k", 1], 0),
        op("commit_offsets", {"k": 0}, outcome=Outcome.INFO),
        op("list_committed_offsets", ["k"], {"k": 0}),
        final(op, k=[(0, 1)]),
    ]

    assert check(history).passed
