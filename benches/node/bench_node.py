"""End to end in process: bytes in, bytes out, beside the same loop without any library."""

from typing import Any

import msgspec
import pytest

from messenger.node import Message, Node, parse

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
def bench_bare_msgspec(benchmark, echo, echo_line, messages):
    """The floor: decode_lines, build the replies, encode_lines; no dispatch, no errors, no statistics."""
    lines = echo_line(128) * messages
    decode = msgspec.json.Decoder(Message[echo.Echo]).decode_lines
    encode = msgspec.json.Encoder().encode_lines
    benchmark.group = f"end to end {messages} x 128 B"
    next_msg_id = 1

    def answer():
        nonlocal next_msg_id
        replies: list[Message[Any]] = []
        for request in decode(lines):
            body = echo.EchoOk(request.body.echo, in_reply_to=request.body.msg_id, msg_id=next_msg_id)
            next_msg_id += 1
            replies.append(Message(request.dest, request.src, body))
        return encode(replies)

    _assert_echoed(benchmark(answer), lines)


def _assert_echoed(output, lines):
    requests, replies = ([parse(line) for line in text.splitlines()] for text in (lines, output))
    assert [reply.body["echo"] for reply in replies] == [request.body["echo"] for request in requests]
    assert [reply.body["in_reply_to"] for reply in replies] == [2] * len(requests)
    ids = [reply.body["msg_id"] for reply in replies]
    assert ids == list(range(ids[0], ids[0] + len(ids)))
