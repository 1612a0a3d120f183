"""The default workload."""

import time

import pytest

from ..driver import INIT, ask, request


@pytest.mark.parametrize("value", ["bench", "", 0, None, True, 1.5, [1, [2]], {"a": {"b": None}}, 2**70])
def test_whatever_comes_in_goes_out(echo_node, value):
    """The workload Maelstrom starts with."""
    [answer] = ask(echo_node, request("echo", 2, echo=value))

    assert answer == {"type": "echo_ok", "echo": value, "in_reply_to": 2, "msg_id": 1}


def test_bench_echo_says_how_long_it_took(echo_node):
    """Microseconds from the read to the reply: more than none, less than the whole call."""
    before_ns = time.perf_counter_ns()
    [answer] = ask(echo_node, request("bench_echo", 2, echo="x"))
    whole_us = (time.perf_counter_ns() - before_ns) / 1e3

    latency_us = answer.pop("latency_us")
    assert answer == {"type": "bench_echo_ok", "echo": "x", "in_reply_to": 2, "msg_id": 1}
    assert 0 < latency_us < whole_us


def test_bench_echo_counts_from_the_read_that_brought_it(echo_node):
    """In a batch the last one has waited for all the others."""
    answers = ask(echo_node, *(request("bench_echo", n, echo="x") for n in range(100)))

    latencies_us = [answer["latency_us"] for answer in answers]
    assert latencies_us == sorted(latencies_us)
    assert len(set(latencies_us)) > 1


def test_bench_stats_has_every_number(echo_node):
    """The names are the contract; each is a number, and the bottleneck is a word."""
    [answer] = ask(echo_node, request("bench_stats", 2))

    numbers = [
        "total_messages",
        "elapsed_ms",
        "throughput_per_sec",
        "avg_latency_us",
        "p50_latency_us",
        "p99_latency_us",
        "max_latency_us",
        "parse_us",
        "dispatch_us",
        "serialize_us",
    ]
    assert set(answer) == {*numbers, "bottleneck", "type", "in_reply_to", "msg_id"}
    assert all(answer[name] > 0 for name in numbers)
    assert answer["bottleneck"] in ("parse", "dispatch", "serialize")


def test_bench_stats_counts_every_message_in(echo_node):
    """init, ten echoes, and the question itself."""
    ask(echo_node, *(request("echo", n, echo=n) for n in range(10)))

    [answer] = ask(echo_node, request("bench_stats", 2))

    assert answer["total_messages"] == 12


def test_bench_stats_agrees_with_itself(echo_node):
    """Throughput is messages over time, and percentiles are in order."""
    for n in range(100):
        ask(echo_node, request("echo", n, echo=n))

    [answer] = ask(echo_node, request("bench_stats", 2))

    assert answer["throughput_per_sec"] == pytest.approx(
        answer["total_messages"] / answer["elapsed_ms"] * 1e3, rel=1e-6
    )
    assert answer["p50_latency_us"] <= answer["p99_latency_us"] <= answer["max_latency_us"]
    assert answer["avg_latency_us"] <= answer["max_latency_us"]
    assert answer["max_latency_us"] * 1e-3 < answer["elapsed_ms"]


def test_bench_stats_counts_the_replies_of_its_own_batch(echo_node):
    """It answers when every reply before its own has been written."""
    echo_node.receive(b"".join(request("echo", n, echo=n) for n in range(9)) + request("bench_stats", 20))
    counted = echo_node.statistics.latency.count

    echo_node.flushed()

    assert (counted, echo_node.statistics.latency.count) == (1, 10)


def test_a_stall_shows_in_the_latency(start):
    """A reply that its reader takes late was late: the write is part of the latency."""
    node = start()
    node.ask(INIT)
    node.send_in_background(*(request("echo", n, echo="x" * 1000) for n in range(500)))
    node.stall_until_full()

    node.read(500)
    answer = node.ask(request("bench_stats", 2))

    assert answer["max_latency_us"] > 100_000
