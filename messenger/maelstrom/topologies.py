"""Who is whose neighbour, as broadcast nodes are told."""

import math
from collections.abc import Callable, Iterable, Sequence

Topology = dict[str, list[str]]


def grid(nodes: Sequence[str]) -> Topology:
    """Arrange nodes in a square, or almost: 4 neighbours at most."""
    side = math.ceil(math.sqrt(len(nodes)))
    across = ((one, one + 1) for one in range(len(nodes) - 1) if (one + 1) % side)
    down = ((one, one + side) for one in range(len(nodes) - side))
    return _connect(nodes, (*across, *down))


def line(nodes: Sequence[str]) -> Topology:
    """Arrange nodes in a row."""
    return _connect(nodes, ((one, one + 1) for one in range(len(nodes) - 1)))


def total(nodes: Sequence[str]) -> Topology:
    """Make everyone everyone's neighbour."""
    return _connect(nodes, ((one, other) for other in range(len(nodes)) for one in range(other)))


def tree(nodes: Sequence[str], branches: int = 2) -> Topology:
    """Arrange nodes in a tree, in which everyone has so many *branches* or fewer."""
    return _connect(nodes, (((other - 1) // branches, other) for other in range(1, len(nodes))))


TOPOLOGIES: dict[str, Callable[[Sequence[str]], Topology]] = {
    "grid": grid,
    "line": line,
    "total": total,
    "tree": tree,
    "tree2": tree,
    "tree3": lambda nodes: tree(nodes, 3),
    "tree4": lambda nodes: tree(nodes, 4),
}
"""By the names that Maelstrom gives them."""


def _connect(nodes: Sequence[str], edges: Iterable[tuple[int, int]]) -> Topology:
    neighbours: Topology = {node: [] for node in nodes}
    for one, other in edges:
        neighbours[nodes[one]].append(nodes[other])
        neighbours[nodes[other]].append(nodes[one])
    return neighbours
