"""What it costs a node to know how fast it is."""

import pytest

from messenger.node.statistics import Statistics


@pytest.mark.parametrize("messages", [1, 64, 1000], ids=lambda count: f"{count}-messages")
def bench_record(benchmark, messages):
    """A batch: the clock of each stage, and the latency that its replies share."""
    benchmark.group = "statistics"
    statistics = Statistics()

    def record():
        statistics.batch(messages, 1_000, 2_000, 3_000, 4_000)
        statistics.written(13_345, [(1_000, messages)])

    benchmark(record)

    summary = statistics.summary()
    assert summary.total_messages == statistics.latency.count >= messages
    assert summary.p99_latency_us == pytest.approx(12.345, rel=0.01)


@pytest.mark.parametrize("latencies", [1000, 100_000], ids=lambda count: f"{count}-latencies")
def bench_summary(benchmark, latencies):
    """What bench_stats answers with, spread over microseconds to seconds."""
    benchmark.group = "statistics"
    statistics = Statistics()
    for number in range(latencies):
        statistics.latency.record(1_000 + number * number)

    summary = benchmark(statistics.summary)

    assert summary.p50_latency_us == pytest.approx((1_000 + (latencies / 2) ** 2) / 1e3, rel=0.02)
