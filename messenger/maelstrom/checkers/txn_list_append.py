"""Transactions on lists that are appended to: the lists tell in which order that was done."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from ..canonical import canonical
from ..consistency import MODELS, STRICT
from ..findings import Anomaly, Findings
from ..history import Operation
from .cycles import Dependencies, Dependency
from .transactions import (
    Writes,
    check_intermediate,
    check_source,
    completed,
    external_reads,
    internal,
    malformed,
    sort_out,
    writes_of,
)

Versions = tuple[str, ...]
"""The elements of a list, as texts, in the order in which they were appended."""


def check(history: Sequence[Operation], model: str) -> Findings:
    """Find what no order of the transactions explains; what *model* rules out fails."""
    transactions = completed(history)
    writes = writes_of(history)
    reads = [(op, key, _elements(value)) for op in transactions for key, value in _all_reads(op)]
    orders = _orders(reads)
    dependencies = _dependencies(transactions, writes, orders)
    if model == STRICT:
        dependencies.add_real_time(history)
    found = [
        *malformed(history),
        *(anomaly for op in transactions for anomaly in internal(op, appending=True)),
        *_incompatible(reads, orders),
        *_bad_elements(reads, writes),
        *_intermediate(transactions, writes),
        *dependencies.anomalies({op.index: op for op in history}),
    ]
    return sort_out(found, MODELS[model], len(transactions))


Read = tuple[Operation, str, Versions]


def _all_reads(op: Operation) -> Iterator[tuple[str, Any]]:
    return ((canonical(key), value) for kind, key, value in op.result if kind == "r")


def _elements(value: Any) -> Versions:
    return tuple(map(canonical, value or ()))


def _orders(reads: Sequence[Read]) -> dict[str, Versions]:
    """Return the longest list that was read of each key; all others should be how it began."""
    orders: dict[str, Versions] = {}
    for _, key, elements in reads:
        orders[key] = max(orders.get(key, ()), elements, key=len)
    return orders


def _incompatible(reads: Sequence[Read], orders: Mapping[str, Versions]) -> Iterator[Anomaly]:
    longest = {key: op for op, key, elements in reads if elements == orders[key]}
    told = set()
    for op, key, elements in reads:
        if key not in told and elements != orders[key][: len(elements)]:
            told.add(key)
            text = f"key {key} was read as [{','.join(elements)}] and as [{','.join(orders[key])}]"
            yield Anomaly("incompatible-order", text, (op, longest[key]))


def _bad_elements(reads: Sequence[Read], writes: Writes) -> Iterator[Anomaly]:
    told = set()
    for op, key, elements in reads:
        if len(set(elements)) < len(elements) and (key, "") not in told:
            told.add((key, ""))
            text = f"key {key} was read as [{','.join(elements)}], with an element twice"
            yield Anomaly("duplicate-elements", text, (op,))
        for element in elements:
            if (key, element) not in told and (anomaly := check_source(op, key, element, writes)):
                told.add((key, element))
                yield anomaly


def _intermediate(transactions: Sequence[Operation], writes: Writes) -> Iterator[Anomaly]:
    for op in transactions:
        for key, value in external_reads(op):
            if value and (anomaly := check_intermediate(op, key, canonical(value[-1]), writes)):
                yield anomaly


def _dependencies(
    transactions: Sequence[Operation], writes: Writes, orders: Mapping[str, Versions]
) -> Dependencies:
    dependencies = Dependencies()
    following = _following(writes, orders)
    for (key, element), after in following.items():
        for next_ in after:
            if (key, element) in writes and (key, next_) in writes:
                dependencies.add(
                    Dependency.WW,
                    writes[key, element].operation,
                    writes[key, next_].operation,
                    f"key {key}: {element}, {next_}",
                )
    for op in transactions:
        for key, value in external_reads(op):
            elements = _elements(value)
            last = elements[-1] if elements else ""
            if (key, last) in writes:
                writer = writes[key, last].operation
                dependencies.add(Dependency.WR, writer, op, f"key {key}: {last}")
            for next_ in following.get((key, last), ()):
                if (key, next_) in writes:
                    overwriter = writes[key, next_].operation
                    dependencies.add(Dependency.RW, op, overwriter, f"key {key}: {next_}")
    return dependencies


def _following(writes: Writes, orders: Mapping[str, Versions]) -> dict[tuple[str, str], list[str]]:
    """Return which elements may come next after an element of a key; "" stands for none.

    An element that was acknowledged and never read comes somewhere after the last that was.
    """
    following: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for key, order in orders.items():
        for one, other in pairwise(("", *order)):
            following[key, one].append(other)
    for (key, element), write in writes.items():
        order = orders.get(key, ())
        if write.operation.ok and element not in order:
            following[key, order[-1] if order else ""].append(element)
    return following
