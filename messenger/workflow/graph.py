"""Graph: which step comes after which, given the parents of each by name.

Parents that are no step of the graph are passed over, for a checker has more to say than the first of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush

Parents = Mapping[str, Sequence[str]]


def children_of(parents: Parents) -> dict[str, tuple[str, ...]]:
    """Turn the edges round: who waits for each step, in the order of *parents*.

    >>> children_of({"a": (), "b": ("a",), "c": ("a", "b")})
    {'a': ('b', 'c'), 'b': ('c',), 'c': ()}
    """
    children: dict[str, list[str]] = {name: [] for name in parents}
    for name, waits_for in parents.items():
        for parent in dict.fromkeys(waits_for):
            if parent in children:
                children[parent].append(name)
    return {name: tuple(found) for name, found in children.items()}


def order_of(parents: Parents) -> tuple[str, ...]:
    """Return the steps so that each comes after its parents, and otherwise as they were given.

    Steps of a cycle, and what waits for them, are left out. Source: A. B. Kahn, "Topological sorting of large
    networks" (1962), with a heap so that the order is the same every time.

    >>> order_of({"c": ("b",), "b": ("a",), "a": ()})
    ('a', 'b', 'c')
    """
    names = list(parents)
    rank = {name: number for number, name in enumerate(names)}
    children = children_of(parents)
    missing = {name: len({parent for parent in parents[name] if parent in rank}) for name in names}
    ready = [rank[name] for name in names if not missing[name]]
    heapify(ready)
    order = []
    while ready:
        name = names[heappop(ready)]
        order.append(name)
        for child in children[name]:
            missing[child] -= 1
            if not missing[child]:
                heappush(ready, rank[child])
    return tuple(order)


def cycles_of(parents: Parents) -> Iterator[tuple[str, ...]]:
    """Yield cycles without a step in common, each as a parent, its child and so on to where it began.

    >>> list(cycles_of({"a": ("b",), "b": ("a",), "c": ("b",)}))
    [('a', 'b', 'a')]
    """
    left = dict(parents)
    while True:
        ordered = set(order_of(left))
        left = {name: waits_for for name, waits_for in left.items() if name not in ordered}
        if not left:
            return
        cycle = _cycle_in(left)
        yield cycle
        for name in set(cycle):
            del left[name]


def _cycle_in(parents: Parents) -> tuple[str, ...]:
    """Follow parents from the first step until one comes again; each step has a parent here."""
    walk: dict[str, None] = {}
    name = next(iter(parents))
    while name not in walk:
        walk[name] = None
        name = next(parent for parent in parents[name] if parent in parents)
    path = list(walk)
    steps = path[path.index(name) :][::-1]  # against the walk, which goes from child to parent
    first = min(range(len(steps)), key=lambda at: list(parents).index(steps[at]))
    return (*steps[first:], *steps[:first], steps[first])
