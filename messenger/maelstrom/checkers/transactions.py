"""Transactions as lists of micro-operations: what both transactional workloads ask of them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from msgspec import Struct

from ..canonical import canonical
from ..findings import Anomaly, Findings
from ..history import Operation, Outcome

MicroOperation = tuple[str, Any, Any]
"""What is done ("r", or the word for writing), to which key, and the value."""


class Write(Struct, frozen=True):
    """A value that a transaction gives to a key; *last* unless it does so again with another one."""

    operation: Operation
    last: bool


Writes = dict[tuple[str, str], Write]
"""By key and value; no value is written to a key twice."""


def completed(history: Sequence[Operation]) -> list[Operation]:
    """Return the transactions whose reads can be believed: those that are ok, and well-formed."""
    return [op for op in history if op.ok and _well_formed(op)]


def malformed(history: Sequence[Operation]) -> list[Anomaly]:
    """Find answers that are not the transactions asked for, with the reads filled in."""
    return [
        Anomaly("malformed-txn", "the answer is not what was asked, with the reads filled in", (op,))
        for op in history
        if op.ok and not _well_formed(op)
    ]


def writes_of(history: Sequence[Operation]) -> Writes:
    """Return who wrote what, whether or not that has happened."""
    writes: Writes = {}
    for op in history:
        last = {canonical(key): canonical(value) for kind, key, value in op.value if kind != "r"}
        for kind, key, value in op.value:
            if kind != "r":
                name = (canonical(key), canonical(value))
                writes[name] = Write(op, last[name[0]] == name[1])
    return writes


def external_reads(op: Operation) -> Iterator[tuple[str, Any]]:
    """Yield the key and value of each read that comes before any other read or write of its key.

    What the others return, the transaction itself has a part in.
    """
    touched = set()
    for kind, key, value in op.result:
        if kind == "r" and canonical(key) not in touched:
            yield canonical(key), value
        touched.add(canonical(key))


def internal(op: Operation, *, appending: bool) -> Iterator[Anomaly]:
    """Find reads that differ from what the transaction itself has read and written before."""
    # Whether all of what a key holds is known, or of a list only how it ends; then that.
    states: dict[str, tuple[bool, Any]] = {}
    for kind, key, value in op.result:
        name = canonical(key)
        known, before = states.get(name, (False, []))
        if kind != "r":
            states[name] = (known, [*before, value]) if appending else (True, value)
            continue
        seen = (value or []) if appending else value
        part = seen if known or name not in states else seen[-len(before) :]
        if name in states and canonical(part) != canonical(before):
            text = (
                f"read {canonical(value)} from key {name}, which held {'… ' * (not known)}{canonical(before)}"
            )
            yield Anomaly("internal", text, (op,))
        states[name] = (True, seen)


def check_source(reader: Operation, key: str, value: str, writes: Writes) -> Anomaly | None:
    """Tell whether *value* may not have been read, since nobody wrote it, or one that was aborted (G1a)."""
    write = writes.get((key, value))
    if write is None:
        return Anomaly("never-written", f"nobody wrote {value} to key {key}", (reader,))
    if write.operation.outcome is Outcome.FAIL:
        text = f"read {value} from key {key}, whose transaction was aborted"
        return Anomaly("G1a", text, (write.operation, reader))
    return None


def check_intermediate(reader: Operation, key: str, value: str, writes: Writes) -> Anomaly | None:
    """Tell whether *value* was overwritten by the very transaction that wrote it (G1b)."""
    write = writes.get((key, value))
    if write is None or write.last or write.operation.index == reader.index:
        return None
    text = f"read {value} from key {key}, which its transaction overwrote"
    return Anomaly("G1b", text, (write.operation, reader))


def sort_out(found: Iterable[Anomaly], forbidden: frozenset[str], transactions: int) -> Findings:
    """Tell anomalies that a consistency model rules out from those that it allows."""
    found = list(found)
    return Findings(
        anomalies=tuple(anomaly for anomaly in found if anomaly.kind in forbidden),
        information=tuple(anomaly for anomaly in found if anomaly.kind not in forbidden),
        measures={"transactions": transactions},
    )


def _well_formed(op: Operation) -> bool:
    return len(op.result) == len(op.value) and all(
        canonical([kind, key]) == canonical([*asked[:2]])
        and (kind == "r" or canonical(value) == canonical(asked[2]))
        for (kind, key, value), asked in zip(op.result, op.value, strict=True)
    )
