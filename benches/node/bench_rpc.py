"""A handler that asks a store before it answers: four messages for each request."""

import pytest

from messenger.node import Body, Node, parse

from .conftest import initialise

ASK = b'{"src":"c1","dest":"n1","body":{"type":"get","msg_id":7,"key":1}}\n'
STORED = b'{"src":"lin-kv","dest":"n1","body":{"type":"read_ok","value":3,"in_reply_to":%d}}\n'


class Get(Body):
    key: int


class GetOk(Body):
    value: int


class Read(Body):
    key: int


class ReadOk(Body):
    value: int


def typed(node):
    @node.on
    async def get(request: Get) -> GetOk:
        return GetOk(value=(await node.rpc("lin-kv", Read(key=request.key), ReadOk)).value)


def plain(node):
    @node.on
    async def get(key: int) -> dict:
        return {"value": (await node.rpc("lin-kv", {"type": "read", "key": key}))["value"]}


OUTSTANDING = pytest.mark.parametrize("outstanding", [1, 64], ids=lambda count: f"{count}-outstanding")


@pytest.mark.parametrize("kind", [typed, plain], ids=lambda kind: kind.__name__)
@OUTSTANDING
def bench_proxy(benchmark, loop, outstanding, kind):
    """A batch of requests in, their questions out, the store's replies in, the answers out."""
    node = Node()
    kind(node)
    benchmark.group = f"rpc, {outstanding} outstanding"
    asks, stored = ASK * outstanding, STORED * outstanding

    def proxy():
        questions = node.receive(asks)
        node.flushed()
        # The msg_id ends the body; those of the next requests follow it.
        first = int(questions[: questions.index(b"}")].rpartition(b":")[2])
        answers = node.receive(stored % tuple(range(first, first + outstanding)))
        node.flushed()
        return answers

    def run():
        initialise(node)
        return benchmark(proxy)

    bodies = [parse(line).body for line in loop(run).splitlines()]
    assert [(body["type"], body["value"]) for body in bodies] == [("get_ok", 3)] * outstanding


@OUTSTANDING
def bench_proxy_bare(benchmark, bare_echo, echo_line, outstanding):
    """The floor: so many echoes in the bare msgspec loop, which asks nobody and waits for nothing."""
    benchmark.group = f"rpc, {outstanding} outstanding"
    lines = echo_line(128) * outstanding

    output = benchmark(bare_echo, lines)

    assert output.count(b"echo_ok") == outstanding
