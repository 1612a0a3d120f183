"""Echo: what comes in goes out, and how long that took."""

from time import perf_counter_ns
from typing import Any

from msgspec.structs import asdict

from messenger.node import Body, Node

node = Node()


class Echo(Body):
    echo: Any


class EchoOk(Body):
    echo: Any


class BenchEcho(Body):
    echo: Any


class BenchEchoOk(Body):
    echo: Any
    latency_us: float


class BenchStats(Body):
    pass


@node.on
def echo(request: Echo) -> EchoOk:
    return EchoOk(request.echo)


@node.on
def bench_echo(request: BenchEcho) -> BenchEchoOk:
    """Echo, with the microseconds since the read that brought the request."""
    return BenchEchoOk(request.echo, latency_us=(perf_counter_ns() - node.received_ns) / 1e3)


@node.on(after_flush=True)
def bench_stats(request: BenchStats) -> dict[str, Any]:
    """Say how fast this node is; every reply before this one has been written and counts."""
    return {"type": "bench_stats_ok", **asdict(node.statistics.summary())}


if __name__ == "__main__":
    node.run()
