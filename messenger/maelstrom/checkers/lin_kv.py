"""Linearizability of a key-value store: each operation takes effect at one moment while it lasts."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from ..canonical import canonical
from ..error_codes import KEY_DOES_NOT_EXIST
from ..findings import Anomaly, Findings
from ..history import Operation, Outcome
from .linearizability import Step, TooHard, find_obstacle


def check(history: Sequence[Operation]) -> Findings:
    """Find keys whose operations no order explains; keys have nothing to do with each other.

    A read that is refused because the key does not exist counts as a read of null: it has looked.
    """
    by_key: defaultdict[str, list[Operation]] = defaultdict(list)
    for op in history:
        by_key[canonical(op.value[0])].append(op)
    anomalies, too_hard = [], []
    for key, operations in by_key.items():
        by_index = {op.index: op for op in operations}
        try:
            obstacle = find_obstacle([step for op in operations if (step := _step(op))])
        except TooHard as error:
            too_hard.append(f"key {key}: {error}")
            continue
        if obstacle is not None:
            indexes = sorted({obstacle.stuck, *obstacle.before, *obstacle.beside})
            text = f"key {key}: no order explains #{obstacle.stuck}: {obstacle.reason}"
            involved = tuple(by_index[index] for index in indexes)
            anomalies.append(Anomaly("not-linearizable", text, involved))
    return Findings(
        anomalies=tuple(anomalies),
        measures={"keys": len(by_key)},
        undecided="; ".join(too_hard),
    )


def _step(op: Operation) -> Step | None:
    """Return what *op* does to its key; None when it did nothing that anyone could have noticed."""
    _, value = op.value
    end_ns = op.completed_ns if op.ok else None
    if op.function == "read":
        if op.ok:
            return Step(op.index, op.invoked_ns, end_ns, expected=_state(op.result))
        if op.outcome is Outcome.FAIL and op.error_code == KEY_DOES_NOT_EXIST:
            return Step(op.index, op.invoked_ns, op.completed_ns, expected=_state(None))
        return None
    if op.outcome is Outcome.FAIL:
        return None
    if op.function == "write":
        return Step(op.index, op.invoked_ns, end_ns, written=_state(value))
    return Step(op.index, op.invoked_ns, end_ns, expected=_state(value[0]), written=_state(value[1]))


def _state(value: Any) -> str:
    return canonical(value)
