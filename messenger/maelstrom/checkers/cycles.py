"""Dependencies between transactions, and the cycles in them, which strong isolation levels rule out.

Source: Adya, Weak Consistency, 1999; Alvaro and Kingsbury, Elle, 2020.
"""

from collections import defaultdict, deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import StrEnum

from ..findings import Anomaly
from ..history import Operation

_CYCLES_MAX = 20


class Dependency(StrEnum):
    """How one transaction comes before another.

    `WW` overwrites what it wrote, `WR` reads what it wrote, `RW` overwrites what it read, and `RT` begins
    after its end.
    """

    WW = "ww"
    WR = "wr"
    RW = "rw"
    RT = "rt"


Edges = Mapping[int, Mapping[int, str]]
"""From the index of a transaction to those that come after it, with the reason."""


class Dependencies:
    """A graph of transactions, with edges of three kinds."""

    def __init__(self) -> None:
        self._edges: dict[Dependency, defaultdict[int, dict[int, str]]] = {
            kind: defaultdict(dict) for kind in Dependency
        }

    def add(self, kind: Dependency, one: Operation, other: Operation, reason: str) -> None:
        """Note that *one* comes before *other*; no transaction comes before itself."""
        if one.index != other.index:
            self._edges[kind][one.index].setdefault(other.index, f"{kind} {reason}".rstrip())

    def add_real_time(self, history: Sequence[Operation]) -> None:
        """Note which transactions were over before others began, unless other such edges say so."""
        moments = [(op.invoked_ns, True, op) for op in history]
        moments += [(op.completed_ns, False, op) for op in history if op.ok]
        over: dict[int, Operation] = {}
        before: dict[int, list[int]] = {}
        for _, begins, op in sorted(moments, key=lambda moment: moment[:2]):
            if begins:
                before[op.index] = list(over)
                for earlier in over.values():
                    self.add(Dependency.RT, earlier, op, "")
            else:
                for index in before[op.index]:
                    over.pop(index, None)
                over[op.index] = op

    def only(self, kinds: Collection[Dependency]) -> Edges:
        """Return the edges of these kinds; where there are several between two, the first kind in order."""
        merged: defaultdict[int, dict[int, str]] = defaultdict(dict)
        for kind in Dependency:
            for one, others in self._edges[kind].items() if kind in kinds else ():
                for other, reason in others.items():
                    merged[one].setdefault(other, reason)
        return merged

    def anomalies(self, operations: Mapping[int, Operation]) -> list[Anomaly]:
        """Find a short cycle in each knot of transactions: G0, else G1c, else G-single, else G2.

        Then the same in real time, where that was added.
        """
        ww, wr, rw, rt = Dependency
        found: list[Anomaly] = []
        knotted: set[int] = set()

        def look_for(name: str, through: Dependency, back: Collection[Dependency]) -> None:
            edges = self.only(back)
            for knot in knots(self.only({*back, through})):
                # One cycle tells of a knot; a worse one has told of it already.
                if not knotted & knot and len(found) < _CYCLES_MAX:
                    for cycle in self._cycles(through, edges, knot):
                        knotted.update(knot)
                        found.append(_anomaly(name, cycle, operations))
                        break

        look_for("G0", ww, {ww})
        look_for("G1c", wr, {ww, wr})
        look_for("G-single", rw, {ww, wr})
        look_for("G2", rw, {ww, wr, rw})
        if self._edges[rt]:
            look_for("G0-realtime", ww, {ww, rt})
            look_for("G1c-realtime", wr, {ww, wr, rt})
            look_for("G-single-realtime", rw, {ww, wr, rt})
            look_for("G2-realtime", rw, {ww, wr, rw, rt})
        return found

    def _cycles(self, through: Dependency, edges: Edges, knot: set[int]) -> Iterator[list[tuple[int, str]]]:
        """Yield cycles of one edge of the kind *through*, and a shortest way back over *edges*."""
        for one in sorted(knot):
            for other, reason in self._edges[through].get(one, {}).items():
                if other in knot and (back := shortest_path(edges, other, one, knot)) is not None:
                    yield [(one, reason), *back]


def knots(edges: Edges) -> list[set[int]]:
    """Return the strongly connected components of two or more, by Tarjan's algorithm, without recursion."""
    order: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    components = []
    for root in list(edges):
        if root in order:
            continue
        path = [(root, iter(edges.get(root, {})))]
        order[root] = low[root] = len(order)
        stack.append(root)
        on_stack.add(root)
        while path:
            node, others = path[-1]
            for other in others:
                if other not in order:
                    order[other] = low[other] = len(order)
                    stack.append(other)
                    on_stack.add(other)
                    path.append((other, iter(edges.get(other, {}))))
                    break
                if other in on_stack:
                    low[node] = min(low[node], order[other])
            else:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[node])
                if low[node] == order[node]:
                    place = stack.index(node)
                    component = set(stack[place:])
                    del stack[place:]
                    on_stack -= component
                    if len(component) > 1:
                        components.append(component)
    return components


def shortest_path(edges: Edges, begin: int, end: int, within: set[int]) -> list[tuple[int, str]] | None:
    """Return a shortest way from *begin* to before *end*: each node, and the reason for its next step."""
    came_from: dict[int, tuple[int, str]] = {}
    waiting = deque([begin])
    while waiting:
        node = waiting.popleft()
        for other, reason in edges.get(node, {}).items():
            if other in came_from or other not in within or other == begin:
                continue
            came_from[other] = (node, reason)
            if other == end:
                return _way(came_from, begin, end)
            waiting.append(other)
    return None


def _way(came_from: Mapping[int, tuple[int, str]], begin: int, end: int) -> list[tuple[int, str]]:
    way: list[tuple[int, str]] = []
    node = end
    while node != begin:
        node, reason = came_from[node]
        way.append((node, reason))
    return way[::-1]


def _anomaly(name: str, cycle: list[tuple[int, str]], operations: Mapping[int, Operation]) -> Anomaly:
    first = cycle[0][0]
    text = " ".join(f"#{node} -[{reason}]->" for node, reason in cycle) + f" #{first}"
    return Anomaly(name, text, tuple(operations[node] for node, _ in cycle))
