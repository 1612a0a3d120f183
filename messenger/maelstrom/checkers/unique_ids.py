"""Unique ids: no id comes twice."""

from collections import defaultdict
from collections.abc import Sequence

from ..canonical import canonical
from ..findings import Anomaly, Findings
from ..history import Operation


def check(history: Sequence[Operation]) -> Findings:
    """Find ids that several operations got."""
    owners: defaultdict[str, list[Operation]] = defaultdict(list)
    for op in history:
        if op.ok:
            owners[canonical(op.result)].append(op)
    return Findings(
        anomalies=tuple(
            Anomaly("duplicate-id", f"id {id_} was made {len(ops)} times", tuple(ops))
            for id_, ops in owners.items()
            if len(ops) > 1
        ),
        measures={"ids": len(owners)},
    )
