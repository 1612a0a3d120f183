"""The plan of a nemesis."""

from itertools import pairwise

from messenger.maelstrom.nemesis import FaultKind, plan

NODES = ["n0", "n1", "n2", "n3", "n4"]


def faults_of(*kinds, limit=100.0, seed="7"):
    return plan(kinds, NODES, interval_seconds=2.0, limit_seconds=limit, seed=seed)


def test_faults_of_a_kind_follow_each_other_with_peace_between():
    """A test of recovery needs something to recover from, and time to do it."""
    faults = faults_of(FaultKind.PARTITION)

    assert len(faults) > 20
    for one, other in pairwise(faults):
        assert one.from_seconds < one.until_seconds < other.from_seconds


def test_every_fault_is_over_when_the_test_is():
    """What comes then is recovery."""
    faults = faults_of(*FaultKind, limit=9.0)

    assert faults
    assert all(fault.until_seconds <= 9.0 for fault in faults)


def test_a_partition_is_of_each_kind_by_turns():
    """Each finds other bugs."""
    captions = [fault.caption for fault in faults_of(FaultKind.PARTITION)]

    assert captions[:4] == ["halves", "isolated node", "majorities ring", "halves"]


def test_kills_and_pauses_name_their_nodes():
    """One, a minority or a majority."""
    faults = faults_of(FaultKind.KILL, FaultKind.PAUSE)

    assert {len(fault.nodes) for fault in faults} == {1, 2, 3}
    assert all(set(fault.nodes) <= set(NODES) for fault in faults)


def test_the_same_seed_gives_the_same_faults():
    """And a kind has its own, whatever else is asked for."""
    assert faults_of(FaultKind.KILL) == faults_of(FaultKind.KILL)
    assert faults_of(FaultKind.KILL) != faults_of(FaultKind.KILL, seed="8")
    assert faults_of(FaultKind.KILL) == [
        fault for fault in faults_of(*FaultKind) if fault.kind is FaultKind.KILL
    ]


def test_without_kinds_nothing_happens():
    """The default."""
    assert faults_of() == []
