"""Echo."""

from messenger.maelstrom.checkers.echo import check
from messenger.maelstrom.history import Outcome

from ..samples import indexes, kinds


def test_an_equal_echo_is_fine(op):
    """Equal as JSON is: objects have no order."""
    findings = check([op("echo", "hello", "hello"), op("echo", {"a": 1, "b": 2}, {"b": 2, "a": 1})])

    assert findings.passed


def test_another_echo_is_shown_with_its_operation(op):
    """Who reads it shall see which one."""
    findings = check([op("echo", "hello", "hello"), op("echo", "hello", "hell")])

    assert kinds(findings) == ["different-echo"]
    assert indexes(findings.anomalies[0]) == [1]


def test_true_is_no_echo_of_one(op):
    """Python thinks that they are equal; JSON does not."""
    findings = check([op("echo", 1, True)])

    assert kinds(findings) == ["different-echo"]


def test_an_echo_that_never_came_is_not_wrong(op):
    """It may be unavailable, which is another question."""
    assert check([op("echo", "hello", outcome=Outcome.INFO)]).passed
