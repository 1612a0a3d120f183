from msgspec.structs import replace

from messenger.gate.nearest import choose_baselines

from .samples import ELSEWHERE, HERE, baseline, measurement

ROW = measurement("benches/node/x.py::x")
LIKE_HERE = replace(HERE, python="CPython 3.12.1")


def test_the_same_environment_is_chosen_before_a_newer_other():
    mine = baseline(ROW)
    newer = baseline(ROW, environment=LIKE_HERE, date="2027-01-01")

    assert choose_baselines([newer, mine], HERE, ["node"]) == (mine,)


def test_without_the_same_the_most_alike_is_chosen():
    alike, far = baseline(ROW, environment=LIKE_HERE), baseline(ROW, environment=ELSEWHERE)

    assert choose_baselines([far, alike], HERE, ["node"]) == (alike,)


def test_a_suite_that_only_another_environment_has_is_shown_against_that():
    node, bus = baseline(ROW), baseline(ROW, suite="bus", environment=ELSEWHERE)

    assert choose_baselines([node, bus], HERE, ["bus", "node"]) == (bus, node)


def test_a_suite_deleted_long_ago_is_not_missed_for_another_machine():
    node, forgotten = baseline(ROW), baseline(ROW, suite="old", environment=ELSEWHERE)

    assert choose_baselines([node, forgotten], HERE, ["node"]) == (node,)


def test_a_suite_that_was_not_measured_is_missed_here():
    node, bus = baseline(ROW), baseline(ROW, suite="bus")

    assert choose_baselines([node, bus], HERE, ["node"]) == (bus, node)


def test_nothing_stored_is_nothing_chosen():
    assert choose_baselines([], HERE, ["node"]) == ()
