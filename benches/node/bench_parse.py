"""First stage alone: lines become messages."""

import json

import orjson
import pytest

from messenger.node import parse, parse_lines


@pytest.mark.parametrize("codec", ["typed", "untyped", "orjson", "stdlib"])
def bench_parse(benchmark, echo, echo_line, codec, size_bytes):
    """A node's way is typed; orjson and stdlib only decode, and check no envelope."""
    line = echo_line(size_bytes)
    benchmark.group = f"parse {size_bytes} B"

    match codec:
        case "typed":
            echoed = benchmark(parse, line, echo.node.handlers.types).body.echo
        case "untyped":
            echoed = benchmark(parse, line).body["echo"]
        case "orjson":
            echoed = benchmark(orjson.loads, line)["body"]["echo"]
        case "stdlib":
            echoed = benchmark(json.loads, line)["body"]["echo"]

    assert echoed == json.loads(line)["body"]["echo"]


def bench_parse_lines(benchmark, echo, echo_line, size_bytes):
    """A whole read of 64 KiB at once."""
    count = (1 << 16) // size_bytes
    benchmark.group = "parse_lines 64 KiB"

    messages = benchmark(parse_lines, echo_line(size_bytes) * count, echo.node.handlers.types)

    assert [type(message.body) for message in messages] == [echo.Echo] * count
