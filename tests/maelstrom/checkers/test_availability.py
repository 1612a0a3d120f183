"""Availability."""

from messenger.maelstrom.checkers.availability import check
from messenger.maelstrom.history import Outcome

from ..samples import indexes, kinds


def test_answers_about_the_data_are_answers(op):
    """A compare-and-set that finds another value has been served."""
    history = [op("read", result=1), op("cas", outcome=Outcome.FAIL, error_code=22)]

    assert check(history).passed


def test_no_answer_and_unavailable_are_none(op):
    """Error 11 is definite, and says in so many words that the node is not available."""
    history = [
        op("read", result=1),
        op("read", outcome=Outcome.INFO, error_code=0),
        op("read", outcome=Outcome.FAIL, error_code=11),
        op("read", outcome=Outcome.INFO, error_code=13),
    ]

    findings = check(history)

    assert kinds(findings) == ["unavailable"]
    assert indexes(findings.anomalies[0]) == [1, 2, 3]
    assert findings.measures == {"available_fraction": 0.25}


def test_final_reads_do_not_count(op):
    """They are our questions, and come after the test."""
    assert check([op("read", outcome=Outcome.INFO, final=True)]).passed
