"""How often a benchmark is called; who said so may rely on it."""

import pytest

from messenger.gate.lockstep.arm.subject import Rationed, Subject


def called(rounds, warmup_rounds, iterations):
    """Do with a rationed subject what a conductor does with one side; return how often it was called."""
    calls = []
    subject = Rationed(Subject(lambda: calls.append(1), (), {}), rounds, warmup_rounds, iterations)
    subject.prepare()
    size = subject.calibrate()
    for _ in range(size["slices"]):
        for _ in range(size["rounds"]):
            subject.round(size["iterations"])
    subject.result()
    return len(calls)


@pytest.mark.parametrize(
    ("rounds", "warmup_rounds"), [(1, 0), (1, 2), (2, 0), (3, 1), (5, 0), (100, 0), (1000, 3)]
)
def test_a_subject_is_called_no_more_often_than_its_author_said(rounds, warmup_rounds):
    """It may consume what was made for so many calls."""
    assert called(rounds, warmup_rounds, 1) <= rounds + warmup_rounds


def test_iterations_are_those_that_were_said_and_one_more_for_the_result():
    """Just as pytest-benchmark does it."""
    assert called(10, 1, 3) <= (10 + 1) * 3 + 1


def test_the_result_is_that_of_a_call_alone():
    subject = Subject(iter(range(100)).__next__, (), {})
    subject.prepare()
    subject.round(10)

    assert subject.result() == 0


def test_a_rationed_subject_that_nobody_times_has_a_result_all_the_same():
    subject = Rationed(Subject(lambda: "parsed", (), {}), 1, 0, 1)
    subject.prepare()

    assert subject.result() == "parsed"
