"""What a node knows of its own speed: latency of each reply, and where the time goes."""

from time import perf_counter_ns

from msgspec import Struct

from .histogram import Histogram

_UNCOUNTED_MOST = 256


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
        self._latency = Histogram()
        self._messages = 0
        self._first_ns = 0
        self._parse_ns = 0
        self._dispatch_ns = 0
        self._serialize_ns = 0
        # Counted some hundred at a time: for a batch of one, counting would cost as much as its dispatch.
        self._batches: list[tuple[int, int, int, int, int]] = []
        self._written: list[tuple[int, list[tuple[int, int]]]] = []

    def batch(
        self, messages: int, received_ns: int, parsed_ns: int, dispatched_ns: int, serialized_ns: int
    ) -> None:
        """Record a batch of *messages* and the clock at the end of each stage."""
        self._batches.append((messages, received_ns, parsed_ns, dispatched_ns, serialized_ns))
        if len(self._batches) == _UNCOUNTED_MOST:
            self._count()

    def written(self, written_ns: int, replies: list[tuple[int, int]]) -> None:
        """Record a write of *replies*: when the requests were read, and how many of them at once."""
        self._written.append((written_ns, replies))
        if len(self._written) == _UNCOUNTED_MOST:
            self._count()

    @property
    def latency(self) -> Histogram:
        """How long replies took, from the read of the request to the write of the reply."""
        self._count()
        return self._latency

    def _count(self) -> None:
        for messages, received_ns, parsed_ns, dispatched_ns, serialized_ns in self._batches:
            if not self._messages:
                self._first_ns = received_ns
            self._messages += messages
            self._parse_ns += parsed_ns - received_ns
            self._dispatch_ns += dispatched_ns - parsed_ns
            self._serialize_ns += serialized_ns - dispatched_ns
        self._batches.clear()
        for written_ns, replies in self._written:
            for received_ns, count in replies:
                self._latency.record(written_ns - received_ns, count)
        self._written.clear()

    def summary(self) -> Summary:
        """Return the numbers up to now: every message read, every reply written."""
        self._count()
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
            avg_latency_us=self._latency.mean_ns / 1e3,
            p50_latency_us=self._latency.percentile_ns(50) / 1e3,
            p99_latency_us=self._latency.percentile_ns(99) / 1e3,
            max_latency_us=self._latency.max_ns / 1e3,
            **{f"{stage}_us": ns / messages / 1e3 if messages else 0.0 for stage, ns in stages.items()},
            bottleneck=max(stages, key=stages.__getitem__),
        )
