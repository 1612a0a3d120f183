"""What a user may choose about a test."""

from msgspec import Struct

from .nemesis import FaultKind
from .network import LatencyDistribution


class Settings(Struct, frozen=True, kw_only=True):
    """One test."""

    workload: str
    command: tuple[str, ...]
    node_count: int = 5
    time_limit_seconds: float = 10.0
    rate: float = 5.0
    concurrency: int = 5
    latency_ms: float = 0.0
    latency_distribution: LatencyDistribution = LatencyDistribution.CONSTANT
    loss: float = 0.0
    nemesis: tuple[FaultKind, ...] = ()
    nemesis_interval_seconds: float = 10.0
    recovery_seconds: float = 10.0
    availability: str | None = None
    topology: str = "grid"
    consistency_model: str = "read-committed"
    seed: int = 0

    @property
    def nodes(self) -> tuple[str, ...]:
        """The names of the nodes: n0, n1, ..."""
        return tuple(f"n{number}" for number in range(self.node_count))
