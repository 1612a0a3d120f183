"""Cycles."""

from hypothesis import given
from hypothesis import strategies as st

from messenger.maelstrom.checkers.cycles import Dependencies, Dependency, knots, shortest_path

from ..samples import indexes

WW, WR, RW = Dependency.WW, Dependency.WR, Dependency.RW

GRAPHS = st.dictionaries(st.integers(0, 7), st.dictionaries(st.integers(0, 7), st.just("because")))


def reachable(graph, begin):
    seen, waiting = set(), [begin]
    while waiting:
        for other in graph.get(waiting.pop(), {}):
            if other not in seen:
                seen.add(other)
                waiting.append(other)
    return seen


@given(GRAPHS)
def test_knots_are_the_nodes_that_reach_each_other(graph):
    """Tarjan's algorithm, against the definition."""
    nodes = range(8)
    reach = {node: reachable(graph, node) for node in nodes}
    expected = {
        frozenset(
            other for other in nodes if other == node or (other in reach[node] and node in reach[other])
        )
        for node in nodes
    }

    assert {frozenset(knot) for knot in knots(graph)} == {knot for knot in expected if len(knot) > 1}


def test_a_deep_chain_is_no_problem():
    """Python's stack holds a thousand calls; a history has more transactions."""
    graph = {node: {node + 1: ""} for node in range(5000)} | {5000: {0: ""}}

    assert [len(knot) for knot in knots(graph)] == [5001]


def test_the_shortest_path_stays_within_its_nodes():
    """Outside a knot there is no way back."""
    graph = {0: {1: "a", 2: "b"}, 1: {3: "c"}, 2: {3: "d"}}

    assert shortest_path(graph, 0, 3, {0, 2, 3}) == [(0, "b"), (2, "d")]
    assert shortest_path(graph, 0, 3, {0, 3}) is None


def cycle_of(op, *edges):
    operations = [op("txn", []) for _ in range(4)]
    dependencies = Dependencies()
    for kind, one, other in edges:
        dependencies.add(kind, operations[one], operations[other], f"{one}{other}")
    return dependencies.anomalies({operation.index: operation for operation in operations})


def test_a_cycle_is_called_after_the_weakest_kind_of_its_edges(op):
    """Adya's names, which every paper uses."""
    assert [one.kind for one in cycle_of(op, (WW, 0, 1), (WW, 1, 0))] == ["G0"]
    assert [one.kind for one in cycle_of(op, (WW, 0, 1), (WR, 1, 0))] == ["G1c"]
    assert [one.kind for one in cycle_of(op, (WW, 0, 1), (WR, 1, 2), (RW, 2, 0))] == ["G-single"]
    assert [one.kind for one in cycle_of(op, (RW, 0, 1), (RW, 1, 0))] == ["G2"]
    assert cycle_of(op, (WW, 0, 1), (WR, 1, 2), (RW, 0, 2)) == []


def test_a_cycle_is_told_step_by_step(op):
    """With the reason for each, and the operations in that order."""
    [anomaly] = cycle_of(op, (WW, 0, 1), (WR, 1, 0))

    assert anomaly.text == "#1 -[wr 10]-> #0 -[ww 01]-> #1"
    assert indexes(anomaly) == [1, 0]


def test_a_transaction_does_not_wait_for_itself(op):
    """It reads and overwrites its own writes all the time."""
    assert cycle_of(op, (WW, 0, 0), (RW, 0, 0)) == []
