"""The reference loop: a fixed piece of interpreter work that tells how fast this process runs right now."""

import gc
from collections.abc import Sequence
from time import perf_counter_ns

_STEPS = 1000


class _Counter:
    __slots__ = ("total",)

    def __init__(self) -> None:
        self.total = 0

    def add(self, amount: int) -> int:
        self.total += amount & 0xFF
        return self.total


def time_slice() -> int:
    """Run the loop once and return its duration in nanoseconds, about 1,000,000 on a machine of 2022."""
    collecting = gc.isenabled()
    gc.disable()  # a collection costs what the suite's heap costs, which says nothing about the machine
    try:
        start = perf_counter_ns()
        _work()
        return perf_counter_ns() - start
    finally:
        if collecting:
            gc.enable()


def reference_ns(slices: Sequence[int]) -> float | None:
    """Reduce the slices of one process to its reference time in nanoseconds; None when there are none.

    The lower decile, because neighbours on the machine come in bursts that only ever add time. Measured on
    a shared virtual machine, 37 processes of 8 unchanged benchmarks: between processes the median of the
    slices varies by 13 %, their first quartile by 2.5 %, their lower decile by 0.6 %. Normalised by them,
    the 90th percentile of the change that a check shows is 9.6 %, 4.0 % and 3.6 %; raw times give 3.2 %, so
    on one machine in one hour the loop costs little, and it is what a slower machine or day is told by.
    """
    return float(sorted(slices)[len(slices) // 10]) if slices else None


def _work() -> int:
    """Touch what interpreted code touches: attributes, dicts, integers, calls, bytes, str, small objects."""
    counter = _Counter()
    table: dict[str, int] = {}
    pieces: list[bytes] = []
    for step in range(_STEPS):
        key = f"key{step & 63}"
        table[key] = table.get(key, 0) + counter.add(step * 7919)
        pair = (step, key)
        pieces.append(b"%d:%s" % (pair[0], key.encode()))
        if len(pieces) == 16:
            counter.add(len(b",".join(pieces)))
            pieces.clear()
    return counter.total + sum(table.values())
