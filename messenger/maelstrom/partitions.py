"""Ways to cut a network in parts, as the links that are blocked."""

from collections.abc import Callable, Iterable, Sequence
from random import Random

from .network import Link


def halves(nodes: Sequence[str], random: Random) -> frozenset[Link]:
    """Cut the nodes at random into two parts of the same size, or almost."""
    shuffled = random.sample(nodes, len(nodes))
    middle = len(nodes) // 2
    return _between(shuffled[:middle], shuffled[middle:])


def isolated_node(nodes: Sequence[str], random: Random) -> frozenset[Link]:
    """Cut one node off from all others."""
    alone = random.choice(nodes)
    return _between([alone], [node for node in nodes if node != alone])


def majorities_ring(nodes: Sequence[str], random: Random) -> frozenset[Link]:
    """Let each node see a majority, and no two nodes the same one.

    The nodes stand in a random ring, and each sees only its nearest neighbours.  It takes 5 nodes: of 4 or
    fewer, a majority around a node is everyone, and the nodes are cut in halves instead.
    Source: Jepsen, `jepsen.nemesis/majorities-ring`.
    """
    if len(nodes) < 5:
        return halves(nodes, random)
    ring = random.sample(nodes, len(nodes))
    others_in_majority = len(nodes) // 2
    reach = (others_in_majority + 1) // 2  # on either side
    count = len(ring)
    return frozenset(
        (ring[source], ring[dest])
        for source in range(count)
        for dest in range(count)
        if min((source - dest) % count, (dest - source) % count) > reach
    )


KINDS: dict[str, Callable[[Sequence[str], Random], frozenset[Link]]] = {
    "halves": halves,
    "isolated node": isolated_node,
    "majorities ring": majorities_ring,
}
"""All of them, in the order in which a nemesis takes turns with them."""


def _between(these: Iterable[str], those: Sequence[str]) -> frozenset[Link]:
    return frozenset(link for one in these for other in those for link in ((one, other), (other, one)))
