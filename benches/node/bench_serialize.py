"""Last stage alone: messages become lines."""

import json

import orjson
import pytest

from messenger.node import Message, parse, serialize, serialize_lines


@pytest.mark.parametrize("codec", ["typed", "untyped", "orjson", "stdlib"])
def bench_serialize(benchmark, echo, echo_line, codec, size_bytes):
    """A node's way is typed."""
    echoed = parse(echo_line(size_bytes)).body["echo"]
    body = {"type": "echo_ok", "echo": echoed, "msg_id": 1, "in_reply_to": 2}
    plain = {"src": "n1", "dest": "c1", "body": body}
    benchmark.group = f"serialize {size_bytes} B"

    match codec:
        case "typed":
            message = Message("n1", "c1", echo.EchoOk(echoed, msg_id=1, in_reply_to=2))
            line = benchmark(serialize, message)
        case "untyped":
            line = benchmark(serialize, Message("n1", "c1", body))
        case "orjson":
            line = benchmark(orjson.dumps, plain)
        case "stdlib":
            line = benchmark(json.dumps, plain)

    assert json.loads(line) == plain


def bench_serialize_lines(benchmark, echo, echo_line, size_bytes):
    """About 64 KiB of replies at once."""
    count = (1 << 16) // size_bytes
    echoed = parse(echo_line(size_bytes)).body["echo"]
    message = Message("n1", "c1", echo.EchoOk(echoed, msg_id=1, in_reply_to=2))
    benchmark.group = "serialize_lines 64 KiB"

    lines = benchmark(serialize_lines, [message] * count)

    assert lines == (serialize(message) + b"\n") * count
