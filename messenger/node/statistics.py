"""What a node knows of its own speed: latency of each reply, and where the time goes."""

from time import perf_counter_ns

from msgspec import Struct

from .histogram import Histogram


class Summary(Struct, frozen=True):
    """A node's speed so far.

    Latency runs from the read that brought a request to the write that took its reply.  The three
    stages are microseconds a message; the bottleneck is the name of the longest.
    """

    total_messages: int
    elapsed_ms: float
    throughput_per_sec: float
    avg_latency_us: float
    p50_latency_us: float
    p99_latency_us: float
    max_latency_us: float
    parse_us: float
    dispatch_us: float
    serialize_us: float
    bottleneck: str


class Statistics:
    """Counts messages in, replies out and the time between, a batch at a time.

    The messages of one read share a clock reading, and so do the replies of one write: a batch of a
    thousand costs what a batch of one does.  All times are `perf_counter_ns`, a monotonic clock.
    """

    def __init__(self) -> None:
        self.latency = Histogram()
        self._messages = 0
        self._first_ns = 0
        self._parse_ns = 0
        self._dispatch_ns = 0
        self._serialize_ns = 0

    def batch(
        self, messages: int, received_ns: int, parsed_ns: int, dispatched_ns: int, serialized_ns: int
    ) -> None:
        """Record a batch of *messages* and the clock at the end of each stage."""
        if not self._messages:
            self._first_ns = received_ns
        self._messages += messages
        self._parse_ns += parsed_ns - received_ns
        self._dispatch_ns += dispatched_ns - parsed_ns
        self._serialize_ns += serialized_ns - dispatched_ns

    def summary(self) -> Summary:
        """Return the numbers up to now: every message read, every reply written."""
        elapsed_ns = perf_counter_ns() - self._first_ns if self._messages else 0
        messages = self._messages
        stages = {
            "parse": self._parse_ns,
            "dispatch": self._dispatch_ns,
            "serialize": self._serialize_ns,
        }
        return Summary(
            total_messages=messages,
            elapsed_ms=elapsed_ns / 1e6,
            throughput_per_sec=messages / elapsed_ns * 1e9 if elapsed_ns else 0.0,
            avg_latency_us=self.latency.mean_ns / 1e3,
            p50_latency_us=self.latency.percentile_ns(50) / 1e3,
            p99_latency_us=self.latency.percentile_ns(99) / 1e3,
            max_latency_us=self.latency.max_ns / 1e3,
            **{f"{stage}_us": ns / messages / 1e3 if messages else 0.0 for stage, ns in stages.items()},
            bottleneck=max(stages, key=stages.__getitem__),
        )
