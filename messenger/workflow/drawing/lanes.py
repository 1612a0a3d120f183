"""Lanes: where the steps of a diagram stand, and which lines run past them.

Each step has a row, and what waits for it alone comes right below. Steps that wait for the very same others
are a family, which takes one lane however many its parents and its children are:

- what waits for one step hangs from a lane below that step, and an only child continues in its column;
- what waits for several hangs from a lane on the right of all steps, which each of its parents joins;
- what waits for nothing hangs from a lane that begins at the top, unless it is one step alone.

So what is left of a step comes before it, and what is right of it after. A lane for each edge, as
`git log --graph` has it, took 50 lanes where a fan of 50 comes together.
"""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from ..graph import Parents

Family = frozenset[str]
"""A family by what its members wait for."""
Families = Mapping[Family, Sequence[str]]


class Row(Struct, frozen=True):
    """A row has the step *name* in *column*, or None where it only turns a lane to its children."""

    name: str | None
    column: int
    after: Family = frozenset()
    """The steps that it comes after without a line that says so."""


class Lane(Struct, frozen=True):
    """A line in *column* from row *top* to row *bottom*, which is met from the side in the rows *met*."""

    column: int
    top: int
    bottom: int
    met: frozenset[int]


class Layout(Struct, frozen=True):
    """All rows from above, and all lanes; the lanes right of the steps begin at column *right*."""

    rows: tuple[Row, ...]
    lanes: tuple[Lane, ...]
    right: int


class _Trunk(Struct, frozen=True):
    """The lane that a family of several hangs from; *bent* when row *top* only turns it to *column*."""

    column: int
    top: int
    bent: bool


def lay_out(parents: Parents, most: int) -> Layout:
    """Place the steps, given the parents of each, with at most *most* lanes on each side of the steps.

    What has no lane is in `Row.after`. Short lanes come first, and are the inner ones: a line that passes a
    hundred rows is the one that nobody can follow.

    >>> layout = lay_out({"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")}, most=4)
    >>> [(row.name, row.column) for row in layout.rows]
    [('a', 0), ('b', 1), ('c', 1), ('d', 0)]
    >>> [(lane.column, lane.top, lane.bottom) for lane in layout.lanes]
    [(0, 0, 2), (2, 1, 3)]
    """
    families: dict[Family, list[str]] = {}
    for name, waits_for in parents.items():
        family = frozenset(parent for parent in waits_for if parent in parents)
        families.setdefault(family, []).append(name)
    left = _Left(families, most)
    for name, family in _ordered(families):
        left.add(name, family)
    right = 1 + max((row.column for row in left.rows), default=0)
    joins = dict(left.joins())
    lanes = _right_lanes(joins, right, most)
    untold = {rows[-1]: family for family, rows in joins.items() if family not in lanes}
    rows = (Row(row.name, row.column, untold.get(at, row.after)) for at, row in enumerate(left.rows))
    return Layout(tuple(rows), (*left.lanes(), *lanes.values()), right)


def _ordered(families: Families) -> Iterator[tuple[str, Family]]:
    """Yield each step after all that it waits for, and before that what waits for the last one alone."""
    missing = {family: len(family) for family in families}
    families_after: dict[str, list[Family]] = {}
    for family in families:
        for parent in family:
            families_after.setdefault(parent, []).append(family)
    ready = [(name, Family()) for name in reversed(families.get(Family(), ()))]
    while ready:
        name, of = ready.pop()
        yield name, of
        # Backwards, for the last is next: what waits for this step alone, then the others as they were given.
        for family in sorted(families_after.get(name, ()), key=len)[::-1]:
            missing[family] -= 1
            if not missing[family]:
                ready += [(child, family) for child in reversed(families[family])]


class _Left:
    """The rows so far, and what lanes the steps hang from, which never cross one another."""

    def __init__(self, families: Families, most: int) -> None:
        self.rows: list[Row] = []
        self._families = families
        self._most = most
        self._row_of: dict[str, int] = {}
        self._trunks: dict[Family, _Trunk | None] = {}
        # The columns of trunks with children to come: a stack, for the order ends the last begun first.
        self._begun: list[int] = []

    def add(self, name: str, family: Family) -> None:
        """Place the step *name* below all others."""
        siblings = self._families[family]
        if len(siblings) == 1:
            row = Row(name, self._above(family) if len(family) == 1 else self._free())
        else:
            if name == siblings[0]:
                self._begin(family)
            trunk = self._trunks[family]
            row = Row(name, trunk.column + 1) if trunk else Row(name, self._free(), family)
            if trunk and name == siblings[-1]:
                self._begun.pop()
        self._row_of[name] = len(self.rows)
        self.rows.append(row)

    def lanes(self) -> Iterator[Lane]:
        """Yield the lanes on the left."""
        for family, trunk in self._trunks.items():
            if trunk is None:
                continue
            met = [self._row_of[name] for name in self._families[family]]
            if trunk.bent:
                met.append(trunk.top)
            yield Lane(trunk.column, trunk.top, max(met), frozenset(met))
            if trunk.bent and len(family) == 1:
                yield Lane(self._above(family), trunk.top - 1, trunk.top, frozenset({trunk.top}))

    def joins(self) -> Iterator[tuple[Family, list[int]]]:
        """Yield each family that waits for several, and the rows of these, then the row that they lead to."""
        for family, names in self._families.items():
            trunk = self._trunks.get(family)
            if len(family) > 1 and (trunk or len(names) == 1):
                end = trunk.top if trunk else self._row_of[names[0]]
                yield family, [*sorted(self._row_of[parent] for parent in family), end]

    def _begin(self, family: Family) -> None:
        """Begin the lane of a *family* of several, unless there are too many."""
        free, top, bent = self._free(), len(self.rows), bool(family)
        if len(family) == 1 and self._above(family) < self._most:
            free, top, bent = self._above(family), top - 1, False
        if free >= self._most:
            self._trunks[family] = None
            return
        self._trunks[family] = _Trunk(free, top, bent)
        self._begun.append(free)
        if bent:
            self.rows.append(Row(None, free))

    def _free(self) -> int:
        return self._begun[-1] + 1 if self._begun else 0

    def _above(self, family: Family) -> int:
        return max(self.rows[self._row_of[parent]].column for parent in family)


def _right_lanes(joins: Mapping[Family, Sequence[int]], first: int, most: int) -> dict[Family, Lane]:
    lanes: dict[Family, Lane] = {}
    columns: list[list[Lane]] = [[] for _ in range(most)]
    for family, rows in sorted(joins.items(), key=lambda join: join[1][-1] - join[1][0]):
        top, bottom = rows[0], rows[-1]
        for column, taken in enumerate(columns, first):
            if all(bottom < lane.top or lane.bottom < top for lane in taken):
                lanes[family] = Lane(column, top, bottom, frozenset(rows))
                taken.append(lanes[family])
                break
    return lanes
