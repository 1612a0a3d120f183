"""Partitions."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from messenger.maelstrom.partitions import KINDS, halves, isolated_node, majorities_ring

CLUSTERS = st.integers(1, 12).map(lambda count: [f"n{number}" for number in range(count)])
CHANCE = st.integers().map(Random)


def seen_by(node, nodes, blocked):
    return {other for other in nodes if (other, node) not in blocked}


@given(CLUSTERS, CHANCE)
def test_every_partition_blocks_both_ways_and_no_node_from_itself(nodes, random):
    """A link that works one way only is another fault."""
    for cut in KINDS.values():
        blocked = cut(nodes, random)

        assert all((dest, source) in blocked and source != dest for source, dest in blocked)


@given(CLUSTERS, CHANCE)
def test_halves_are_halves(nodes, random):
    """Whoever sees anyone sees the same as they do."""
    blocked = halves(nodes, random)

    parts = {frozenset(seen_by(node, nodes, blocked)) for node in nodes}
    sizes = sorted(map(len, parts))
    assert sizes[-1] - sizes[0] <= 1
    assert len(sizes) == min(2, len(nodes))
    assert sum(map(len, parts)) == len(nodes)


@given(CLUSTERS, CHANCE)
def test_an_isolated_node_sees_nobody_and_the_others_see_each_other(nodes, random):
    """The classic."""
    blocked = isolated_node(nodes, random)

    counts = sorted(len(seen_by(node, nodes, blocked)) for node in nodes)
    assert counts == [1] + [len(nodes) - 1] * (len(nodes) - 1)


@given(st.integers(5, 12), CHANCE)
def test_in_a_ring_everyone_sees_a_majority_and_no_two_the_same(count, random):
    """Two leaders may both believe that they have one."""
    nodes = [f"n{number}" for number in range(count)]

    blocked = majorities_ring(nodes, random)

    views = [frozenset(seen_by(node, nodes, blocked)) for node in nodes]
    assert all(len(view) > count / 2 for view in views)
    assert len(set(views)) == count or all(len(view) == count for view in views)
