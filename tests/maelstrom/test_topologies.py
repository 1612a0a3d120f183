"""Topologies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.maelstrom.topologies import TOPOLOGIES, grid, tree


@pytest.mark.parametrize("name", TOPOLOGIES)
@given(count=st.integers(1, 30))
def test_everyone_can_be_reached_and_neighbours_know_each_other(name, count):
    """Else no broadcast could arrive."""
    nodes = [f"n{number}" for number in range(count)]

    topology = TOPOLOGIES[name](nodes)

    reached, waiting = {"n0"}, ["n0"]
    while waiting:
        node = waiting.pop()
        assert all(node in topology[other] for other in topology[node])
        assert len(set(topology[node])) == len(topology[node])
        waiting.extend(set(topology[node]) - reached)
        reached.update(topology[node])
    assert reached == set(nodes) == set(topology)


def test_a_grid_is_a_square():
    """With as few hops as four neighbours allow."""
    assert grid(["n0", "n1", "n2", "n3", "n4"]) == {
        "n0": ["n1", "n3"],
        "n1": ["n0", "n2", "n4"],
        "n2": ["n1"],
        "n3": ["n4", "n0"],
        "n4": ["n3", "n1"],
    }


def test_a_tree_has_as_many_branches_as_it_is_told():
    """And a parent each, but for the root."""
    assert tree(["n0", "n1", "n2", "n3", "n4"], 3)["n0"] == ["n1", "n2", "n3"]
    assert tree(["n0", "n1", "n2", "n3", "n4"], 3)["n4"] == ["n1"]
