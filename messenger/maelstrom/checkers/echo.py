"""Echo: the answer is what was sent."""

from collections.abc import Sequence

from ..canonical import canonical
from ..findings import Anomaly, Findings
from ..history import Operation


def check(history: Sequence[Operation]) -> Findings:
    """Find answers that differ from what was sent."""
    return Findings(
        anomalies=tuple(
            Anomaly("different-echo", f"sent {canonical(op.value)}, got {canonical(op.result)}", (op,))
            for op in history
            if op.ok and canonical(op.value) != canonical(op.result)
        )
    )
