"""End to end in process: bytes in, bytes out, beside the same loop without any library."""

import pytest

from messenger.node import Node, parse

from .conftest import initialise

BATCHES = pytest.mark.parametrize("messages", [1, 64, 1000], ids=lambda count: f"{count}x128B")


@BATCHES
def bench_node(benchmark, echo, echo_line, messages):
    """All three stages with statistics on, as `messenger node` runs them between its read and its write."""
    lines = echo_line(128) * messages
    benchmark.group = f"end to end {messages} x 128 B"

    def answer():
        output = echo.node.receive(lines)
        echo.node.flushed()
        return output

    _assert_echoed(benchmark(answer), lines)


@BATCHES
def bench_async(benchmark, loop, echo, echo_line, messages):
    """The same with a handler that may wait, and does not."""
    node, lines = Node(), echo_line(128) * messages
    benchmark.group = f"end to end {messages} x 128 B"

    @node.on
    async def handler(request: echo.Echo) -> echo.EchoOk:
        return echo.EchoOk(request.echo)

    loop(lambda: initialise(node))

    def answer():
        output = node.receive(lines)
        node.flushed()
        return output

    # A loop that runs already: starting one costs more than a small batch.
    _assert_echoed(loop(lambda: benchmark(answer)), lines)


@BATCHES
def bench_bare_msgspec(benchmark, bare_echo, echo_line, messages):
    """The floor: decode_lines, build the replies, encode_lines; no dispatch, no errors, no statistics."""
    lines = echo_line(128) * messages
    benchmark.group = f"end to end {messages} x 128 B"

    _assert_echoed(benchmark(bare_echo, lines), lines)


def _assert_echoed(output, lines):
    requests, replies = ([parse(line) for line in text.splitlines()] for text in (lines, output))
    assert [reply.body["echo"] for reply in replies] == [request.body["echo"] for request in requests]
    assert [reply.body["in_reply_to"] for reply in replies] == [2] * len(requests)
    ids = [reply.body["msg_id"] for reply in replies]
    assert ids == list(range(ids[0], ids[0] + len(ids)))
