"""Availability: every operation gets an answer, whatever the network does."""

from collections.abc import Sequence

from ..error_codes import is_about_data
from ..findings import Anomaly, Findings
from ..history import Operation, Outcome


def check(history: Sequence[Operation]) -> Findings:
    """Find operations that got no answer that only an available node can give.

    A definite error counts as an answer when it is about the data, as that a compare-and-set has found
    another value; "temporarily unavailable" is none.
    Source: Maelstrom, src/maelstrom/checker.clj, `:availability :total`.
    """
    asked = [op for op in history if not op.final]
    unavailable = tuple(op for op in asked if not _answered(op))
    if not unavailable:
        return Findings(measures={"available_fraction": 1.0 if asked else None})
    text = f"{len(unavailable)} of {len(asked)} operations got no answer"
    return Findings(
        anomalies=(Anomaly("unavailable", text, unavailable[:10]),),
        measures={"available_fraction": 1 - len(unavailable) / len(asked)},
    )


def _answered(op: Operation) -> bool:
    return op.ok or (
        op.outcome is Outcome.FAIL and op.error_code is not None and is_about_data(op.error_code)
    )
