"""What a checker finds in a history."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from .history import Operation


class Anomaly(Struct, frozen=True):
    """Something that may not happen: its kind, what was seen, and the operations that show it."""

    kind: str
    text: str
    operations: tuple[Operation, ...] = ()


class Findings(Struct, frozen=True):
    """All that a checker has to say.

    *information* was seen and is worth knowing, but fails no test.  *undecided* says why the checker
    could not tell, and is empty where it could.
    """

    anomalies: tuple[Anomaly, ...] = ()
    information: tuple[Anomaly, ...] = ()
    measures: Mapping[str, Any] = field(default_factory=dict)
    undecided: str = ""

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong, for certain."""
        return not self.anomalies and not self.undecided


def combine(parts: Sequence[Findings]) -> Findings:
    """Put the findings of several checkers together."""
    return Findings(
        anomalies=tuple(anomaly for part in parts for anomaly in part.anomalies),
        information=tuple(anomaly for part in parts for anomaly in part.information),
        measures={name: value for part in parts for name, value in part.measures.items()},
        undecided="; ".join(part.undecided for part in parts if part.undecided),
    )
