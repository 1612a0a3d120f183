"""Broadcast and grow-only sets: what was acknowledged stays, and nothing else is there."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..canonical import canonical
from ..findings import Anomaly, Findings
from ..history import Operation, Outcome
from ..percentiles import percentiles

Element = int | str
"""An integer stands for itself, any other JSON value is a text: reads are long, and mostly integers."""


def check(history: Sequence[Operation], *, adding: str) -> Findings:
    """Check operations *adding* an element each, against operations "read" of all elements.

    An element that was acknowledged must be in every final read.  The stable latency of an element is the
    time from its acknowledgement to the last read that lacks it; 0, when there is none.
    Source: Jepsen, `jepsen.checker/set-full`.
    """
    adds = {_element(op.value): op for op in history if op.function == adding}
    acknowledged = {element: op for element, op in adds.items() if op.ok}
    # In this order, the first read that has an element is the one to compare with its adding.
    reads = sorted(
        (op for op in history if op.function == "read" and op.ok), key=lambda read: read.completed_ns
    )
    known: set[Element] = set()
    last_lacking: dict[Element, Operation] = {}
    lacking_finals: dict[Element, list[Operation]] = {}
    anomalies: list[Anomaly] = []
    for read in reads:
        elements = _elements(read.result)
        there = set(elements)
        if len(there) < len(elements):
            anomalies.append(_duplicated(read, elements))
        anomalies.extend(_unknown(read, there - known, adds))
        known |= there
        for element in acknowledged.keys() - there:
            last_lacking[element] = read
            if read.final:
                lacking_finals.setdefault(element, []).append(read)
    lost = [
        _lost(acknowledged[element], finals) for element, finals in sorted(lacking_finals.items(), key=str)
    ]
    return Findings(
        anomalies=(*lost, *anomalies),
        measures={
            "acknowledged": len(acknowledged),
            "stable_latency_ms": percentiles([*_stable_latencies_ms(acknowledged, last_lacking)]),
        },
        undecided=""
        if any(read.final for read in reads)
        else "no final read succeeded, so nobody knows what is lost",
    )


def _element(value: Any) -> Element:
    return value if type(value) is int else canonical(value)


def _elements(values: Sequence[Any]) -> Sequence[Element]:
    return values if set(map(type, values)) == {int} else [*map(_element, values)]


def _lost(add: Operation, finals: Sequence[Operation]) -> Anomaly:
    nodes = ", ".join(dict.fromkeys(read.node for read in finals))
    text = f"{canonical(add.value)} was acknowledged, and is missing in the final reads of {nodes}"
    return Anomaly("lost", text, (add, *finals[:3]))


def _duplicated(read: Operation, elements: Sequence[Element]) -> Anomaly:
    [(element, count)] = Counter(elements).most_common(1)
    return Anomaly("duplicated", f"{element} is in one read {count} times", (read,))


def _unknown(read: Operation, new: set[Element], adds: Mapping[Element, Operation]) -> Iterator[Anomaly]:
    for element in sorted(new, key=str):
        add = adds.get(element)
        if add is None or add.invoked_ns > read.completed_ns:
            yield Anomaly("never-sent", f"{element} was read before anyone sent it", (read,))
        elif add.outcome is Outcome.FAIL:
            text = f"{element} was refused with error {add.error_code}, and was read all the same"
            yield Anomaly("refused-but-there", text, (add, read))


def _stable_latencies_ms(
    acknowledged: Mapping[Element, Operation], last_lacking: Mapping[Element, Operation]
) -> Iterator[float]:
    for element, add in acknowledged.items():
        read = last_lacking.get(element)
        # A read that had begun before the acknowledgement could not know better.
        yield 0.0 if read is None else max(0, read.invoked_ns - add.completed_ns) / 1e6
