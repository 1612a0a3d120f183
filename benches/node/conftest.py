"""Lines to handle and nodes to time."""

import asyncio
import runpy
from collections.abc import Callable
from contextvars import Context
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

import messenger.node.workloads.echo
from messenger.node import Message, Node


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run whatever asks for *size_bytes* at the three sizes that the baselines know."""
    if "size_bytes" in metafunc.fixturenames:
        metafunc.parametrize("size_bytes", [128, 1024, 16384], ids=lambda size: f"{size}B")


INIT = b'{"src":"c0","dest":"n1","body":{"type":"init","msg_id":1,"node_id":"n1","node_ids":["n1"]}}\n'


@pytest.fixture
def init_line() -> bytes:
    return INIT


def initialise(node: Node) -> None:
    """Let *node* be n1, alone."""
    node.receive(INIT)
    node.flushed()


@pytest.fixture
def loop() -> Callable[[Callable[[], Any]], Any]:
    """Call a function while an event loop runs in this thread; return what it returns."""

    def run(function: Callable[[], Any]) -> Any:
        async def main() -> Any:
            return function()

        # A node's process begins without context variables; in this one there is decimal's, at least.
        return Context().run(asyncio.run, main())

    return run


@pytest.fixture
def echo(init_line: bytes) -> SimpleNamespace:
    """The echo workload as a module of its own, initialised, so that no bench sees the node of another."""
    workload = SimpleNamespace(**runpy.run_path(messenger.node.workloads.echo.__file__))
    workload.node.receive(init_line)
    workload.node.flushed()
    return workload


@pytest.fixture
def bare_echo(echo: SimpleNamespace) -> Callable[[bytes], bytes]:
    """What any node has to do: decode_lines, build the replies, encode_lines, and nothing else."""
    decode = msgspec.json.Decoder(Message[echo.Echo]).decode_lines
    encode = msgspec.json.Encoder().encode_lines
    make = echo.EchoOk
    next_msg_id = 1

    def answer(lines: bytes) -> bytes:
        nonlocal next_msg_id
        replies: list[Message[Any]] = []
        for request in decode(lines):
            body = make(request.body.echo, in_reply_to=request.body.msg_id, msg_id=next_msg_id)
            next_msg_id += 1
            replies.append(Message(request.dest, request.src, body))
        return encode(replies)

    return answer


@pytest.fixture
def echo_line() -> Callable[[int], bytes]:
    """Make an echo request that is a line of so many bytes, newline included."""

    def make(size_bytes: int) -> bytes:
        head, tail = b'{"src":"c1","dest":"n1","body":{"type":"echo","msg_id":2,"echo":"', b'"}}\n'
        return head + b"x" * (size_bytes - len(head) - len(tail)) + tail

    return make
