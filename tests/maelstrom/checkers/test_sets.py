"""Broadcast and grow-only sets."""

from messenger.maelstrom.checkers.sets import check
from messenger.maelstrom.history import Outcome

from ..samples import indexes, kinds


def test_elements_that_are_in_all_final_reads_are_fine(op):
    """Reads in between may lack them: gossip takes its time."""
    findings = check(
        [
            op("add", 1),
            op("read", result=[]),
            op("add", "one"),
            op("read", result=["one", 1], final=True),
        ],
        adding="add",
    )

    assert findings.passed


def test_an_acknowledged_element_that_one_final_read_lacks_is_lost(op):
    """The message names the nodes that do not have it."""
    findings = check(
        [
            op("broadcast", 1),
            op("read", result=[1], final=True, node="n0"),
            op("read", result=[], final=True, node="n1"),
        ],
        adding="broadcast",
    )

    assert kinds(findings) == ["lost"]
    assert indexes(findings.anomalies[0]) == [0, 2]
    assert findings.anomalies[0].text.endswith("final reads of n1")


def test_an_indefinite_element_may_be_there_or_not(op):
    """Nobody was promised anything."""
    adds = [op("add", 1, outcome=Outcome.INFO), op("add", 2, outcome=Outcome.INFO)]

    assert check([*adds, op("read", result=[2], final=True)], adding="add").passed


def test_an_element_that_nobody_has_sent_is_found(op):
    """Nodes may not make things up."""
    findings = check([op("add", 1), op("read", result=[1, 2], final=True)], adding="add")

    assert kinds(findings) == ["never-sent"]


def test_an_element_that_is_read_before_it_is_sent_is_found(op):
    """It must have been made up, and sent later by chance."""
    findings = check([op("read", result=[1]), op("add", 1), op("read", result=[1], final=True)], adding="add")

    assert kinds(findings) == ["never-sent"]


def test_an_element_that_was_refused_may_not_be_there(op):
    """A definite error says that it never will be."""
    refused = op("add", 1, outcome=Outcome.FAIL, error_code=11)

    findings = check([refused, op("read", result=[1], final=True)], adding="add")

    assert kinds(findings) == ["refused-but-there"]


def test_an_element_that_is_twice_in_a_read_is_found(op):
    """A set has each element once."""
    findings = check([op("add", 1), op("read", result=[1, 1], final=True)], adding="add")

    assert kinds(findings) == ["duplicated"]


def test_the_stable_latency_lasts_until_the_last_read_that_lacks_the_element(op):
    """That is when the slowest node has learnt of it."""
    findings = check(
        [
            op("add", 1, at=(0, 10)),
            op("read", result=[], at=(30, 31)),
            op("read", result=[1], at=(40, 41)),
            op("read", result=[], at=(45, 46)),
            op("read", result=[1], at=(50, 51), final=True),
        ],
        adding="add",
    )

    assert findings.measures["stable_latency_ms"]["max"] == 35.0


def test_without_a_final_read_nobody_can_tell(op):
    """Silence is no proof."""
    findings = check([op("add", 1)], adding="add")

    assert not findings.passed
    assert findings.undecided
