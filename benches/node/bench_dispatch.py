"""Second stage alone: messages reach their handlers, and what those return becomes replies."""

import asyncio
import itertools

import msgspec
import pytest

from messenger.node import Node, dispatch, parse


@pytest.fixture(params=["typed", "untyped", "async"])
def node(request, echo):
    """An echo node whose handler takes a struct, or a dict, or could wait and does not."""
    if request.param == "typed":
        return echo.node
    node = Node()

    if request.param == "untyped":

        @node.on("echo")
        def echo_plain(body: dict) -> dict:
            return {"type": "echo_ok", "echo": body["echo"]}

    else:

        @node.on
        async def echo_async(body: echo.Echo) -> echo.EchoOk:
            return echo.EchoOk(body.echo)

    node.handlers.open()
    return node


def bench_dispatch(benchmark, node, echo_line, size_bytes):
    """One message; nothing looks at the payload, so its size should make no difference."""
    line = echo_line(size_bytes)
    message = parse(line, node.handlers.types)
    benchmark.group = f"dispatch {size_bytes} B"

    async def on_a_running_loop():  # where async handlers run; the others do not notice
        return benchmark(dispatch, [message], node.handlers, itertools.count(7))

    (reply,), waiting = asyncio.run(on_a_running_loop())

    answered = msgspec.to_builtins(reply)
    assert (answered["src"], answered["dest"], waiting) == ("n1", "c1", [])
    assert answered["body"].pop("msg_id") >= 7
    assert answered["body"] == {
        "type": "echo_ok",
        "echo": msgspec.json.decode(line)["body"]["echo"],
        "in_reply_to": 2,
    }
