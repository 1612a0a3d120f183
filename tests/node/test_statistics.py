"""What a node knows of its own speed."""

import pytest

from messenger.node.statistics import Statistics, Summary

from .driver import ask, request

KEYS = {
    "total_messages",
    "elapsed_ms",
    "throughput_per_sec",
    "avg_latency_us",
    "p50_latency_us",
    "p99_latency_us",
    "max_latency_us",
}


def statistics_of(*batches):
    statistics = Statistics()
    for messages, *clock_ns in batches:
        statistics.batch(messages, *clock_ns)
    return statistics


def test_nothing_received_is_all_zero():
    """Asking a fresh node must not divide by zero."""
    summary = Statistics().summary()

    assert (summary.total_messages, summary.elapsed_ms, summary.throughput_per_sec) == (0, 0.0, 0.0)


def test_messages_of_all_batches_are_counted():
    """A batch of a thousand is a thousand messages."""
    statistics = statistics_of((1000, 0, 1, 2, 3), (1, 4, 5, 6, 7))

    total = statistics.summary().total_messages

    assert total == 1001


def test_stages_are_microseconds_a_message():
    """Numbers a message compare with the benches of the stages."""
    statistics = statistics_of((10, 0, 20_000, 50_000, 60_000), (10, 0, 20_000, 50_000, 60_000))

    summary = statistics.summary()

    assert (summary.parse_us, summary.dispatch_us, summary.serialize_us) == (2.0, 3.0, 1.0)


@pytest.mark.parametrize(
    ("clock_ns", "name"),
    [((0, 9, 10, 11), "parse"), ((0, 1, 10, 11), "dispatch"), ((0, 1, 2, 11), "serialize")],
)
def test_the_bottleneck_has_a_name(clock_ns, name):
    """One word says where to look first."""
    statistics = statistics_of((1, *clock_ns))

    bottleneck = statistics.summary().bottleneck

    assert bottleneck == name


def test_latencies_come_from_the_histogram_in_microseconds():
    """Percentiles of a known distribution: 99 replies of 1 us and one of 200 us."""
    statistics = statistics_of((100, 0, 1, 2, 3))
    statistics.latency.record(1_000, times=99)
    statistics.latency.record(200_000)

    summary = statistics.summary()

    assert summary.p50_latency_us == pytest.approx(1.0, rel=0.01)
    assert summary.p99_latency_us == pytest.approx(1.0, rel=0.01)
    assert (summary.avg_latency_us, summary.max_latency_us) == (pytest.approx(2.99), 200.0)


def test_the_summary_has_every_field_that_bench_stats_promises():
    """Dashboards read these names."""
    fields = set(Summary.__struct_fields__)

    assert fields >= KEYS


def test_every_reply_that_was_written_has_a_latency(echo_node):
    """A reply that is not counted would flatter the percentiles."""
    ask(echo_node, *(request("echo", number, echo=number) for number in range(5)))

    assert echo_node.statistics.latency.count == 6


def test_a_reply_counts_when_it_is_written_and_not_before(echo_node):
    """Latency ends with the write: a reader that stalls is part of it."""
    echo_node.receive(request("echo", echo=1))

    counted = echo_node.statistics.latency.count

    echo_node.flushed()
    assert (counted, echo_node.statistics.latency.count) == (1, 2)


def test_messages_nobody_answers_count_as_received(echo_node):
    """`total_messages` is what came in; garbage took time too."""
    ask(echo_node, b"garbage\n", b'{"src":"c1","dest":"n1","body":{"type":"x","in_reply_to":7}}\n')

    total = echo_node.statistics.summary().total_messages

    assert total == 3
