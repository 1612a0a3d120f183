"""Transactions on registers: as no value is written twice, each read tells which write it has seen."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

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

_UNWRITTEN = "null"


def check(history: Sequence[Operation], model: str) -> Findings:
    """Find what no order of the transactions explains; what *model* rules out fails.

    A transaction that reads a key and then writes it is taken to write the version after the one that it
    has read, as Maelstrom does (`wfr-keys?`); more about the order of versions cannot be known.
    """
    transactions = completed(history)
    writes = writes_of(history)
    dependencies = _dependencies(transactions, writes)
    if model == STRICT:
        dependencies.add_real_time(history)
    found = [
        *malformed(history),
        *(anomaly for op in transactions for anomaly in internal(op, appending=False)),
        *_bad_reads(transactions, writes),
        *dependencies.anomalies({op.index: op for op in history}),
    ]
    return sort_out(found, MODELS[model], len(transactions))


def _bad_reads(transactions: Sequence[Operation], writes: Writes) -> Iterator[Anomaly]:
    for op in transactions:
        for key, value in _reads(op):
            if value == _UNWRITTEN:
                continue
            anomaly = check_source(op, key, value, writes) or check_intermediate(op, key, value, writes)
            if anomaly:
                yield anomaly


def _reads(op: Operation) -> Iterator[tuple[str, str]]:
    return ((key, canonical(value)) for key, value in external_reads(op))


def _dependencies(transactions: Sequence[Operation], writes: Writes) -> Dependencies:
    dependencies = Dependencies()
    following = _following(transactions, writes)
    for op in transactions:
        for key, value in _reads(op):
            if (key, value) in writes:
                writer = writes[key, value].operation
                dependencies.add(Dependency.WR, writer, op, f"key {key}: {value}")
            for next_ in following.get((key, value), ()):
                overwriter = writes[key, next_].operation
                dependencies.add(Dependency.RW, op, overwriter, f"key {key}: {next_}")
    for (key, value), after in following.items():
        for next_ in after:
            if (key, value) in writes:
                dependencies.add(
                    Dependency.WW,
                    writes[key, value].operation,
                    writes[key, next_].operation,
                    f"key {key}: {value}, {next_}",
                )
    return dependencies


def _following(transactions: Sequence[Operation], writes: Writes) -> dict[tuple[str, str], list[str]]:
    """Return which values of a key come after a value; every value comes after the unwritten one."""
    following: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    completed_indexes = {op.index for op in transactions}
    for (key, value), write in writes.items():
        if write.last and write.operation.index in completed_indexes:
            following[key, _UNWRITTEN].append(value)
    for op in transactions:
        written = {canonical(key): canonical(value) for kind, key, value in op.value if kind == "w"}
        for key, value in _reads(op):
            if key in written and value != _UNWRITTEN:
                following[key, value].append(written[key])
    return following
