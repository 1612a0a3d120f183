"""Counters: the final value is the sum of what was added, and of any part of what may have been."""

from collections.abc import Iterable, Sequence

from ..findings import Anomaly, Findings
from ..history import Operation

Range = tuple[int, int]
"""The lowest and the highest integer of a range."""


def check(history: Sequence[Operation]) -> Findings:
    """Find final reads that no choice among the indefinite adds explains.

    Source: Maelstrom, src/maelstrom/workload/pn_counter.clj.
    """
    adds = [op for op in history if op.function == "add"]
    certain = sum(op.value for op in adds if op.ok)
    possible = [op for op in adds if op.indefinite]
    acceptable = acceptable_sums(certain, (op.value for op in possible))
    finals = [op for op in history if op.function == "read" and op.final and op.ok]
    return Findings(
        anomalies=tuple(
            Anomaly("wrong-sum", _explain(read.result, acceptable), (read, *possible))
            for read in finals
            if not any(low <= read.result <= high for low, high in acceptable)
        ),
        measures={"acceptable": [list(range_) for range_ in acceptable]},
        undecided="" if finals else "no final read succeeded, so nobody knows the sum",
    )


def acceptable_sums(certain: int, possible: Iterable[int]) -> list[Range]:
    """Return which sums *certain* and any of *possible* have, as ranges in order, none touching the next.

    >>> acceptable_sums(10, [1, 5])
    [(10, 11), (15, 16)]
    """
    ranges = [(certain, certain)]
    for delta in possible:
        ranges = _merge([*ranges, *((low + delta, high + delta) for low, high in ranges)])
    return ranges


def _merge(ranges: list[Range]) -> list[Range]:
    merged: list[Range] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return merged


def _explain(value: int, acceptable: Sequence[Range]) -> str:
    ranges = ", ".join(str(low) if low == high else f"{low} to {high}" for low, high in acceptable)
    return f"the final value is {value}; acceptable: {ranges}"
