"""Nodes of each test's own."""

import runpy
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

import messenger.node.workloads.echo
from messenger.node import Node

from .driver import INIT, NodeProcess, ask


@pytest.fixture
def start() -> Iterator[Callable[..., NodeProcess]]:
    """Start node processes, which end with the test."""
    with ExitStack() as running:

        def start_one(program: str | None = None, **streams: Any) -> NodeProcess:
            return running.enter_context(NodeProcess(program, **streams))

        yield start_one


@pytest.fixture
def node() -> Node:
    """A node without handlers, initialised: its next reply has msg_id 1."""
    node = Node()
    ask(node, INIT)
    return node


@pytest.fixture
def echo_node() -> Node:
    """The default workload's node, initialised, shared with no other test."""
    node: Node = runpy.run_path(messenger.node.workloads.echo.__file__)["node"]
    ask(node, INIT)
    return node
