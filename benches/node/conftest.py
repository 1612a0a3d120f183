"""Lines to handle and nodes to time."""

import runpy
from collections.abc import Callable
from types import SimpleNamespace

import pytest

import messenger.node.workloads.echo


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run whatever asks for *size_bytes* at the three sizes that the baselines know."""
    if "size_bytes" in metafunc.fixturenames:
        metafunc.parametrize("size_bytes", [128, 1024, 16384], ids=lambda size: f"{size}B")


@pytest.fixture
def init_line() -> bytes:
    return b'{"src":"c0","dest":"n1","body":{"type":"init","msg_id":1,"node_id":"n1","node_ids":["n1"]}}\n'


@pytest.fixture
def echo(init_line: bytes) -> SimpleNamespace:
    """The echo workload as a module of its own, initialised, so that no bench sees the node of another."""
    workload = SimpleNamespace(**runpy.run_path(messenger.node.workloads.echo.__file__))
    workload.node.receive(init_line)
    workload.node.flushed()
    return workload


@pytest.fixture
def echo_line() -> Callable[[int], bytes]:
    """Make an echo request that is a line of so many bytes, newline included."""

    def make(size_bytes: int) -> bytes:
        head, tail = b'{"src":"c1","dest":"n1","body":{"type":"echo","msg_id":2,"echo":"', b'"}}\n'
        return head + b"x" * (size_bytes - len(head) - len(tail)) + tail

    return make
