"""Everybody else: what a node on an event loop sends goes to peers that the test plays."""

import asyncio
from collections.abc import Callable
from typing import Any

from messenger.node import Node

from .driver import TIMEOUT_SECONDS, line, messages


def init_line(*node_ids: str) -> bytes:
    body = {"type": "init", "msg_id": 1, "node_id": node_ids[0], "node_ids": list(node_ids)}
    return line({"src": "c0", "dest": node_ids[0], "body": body})


class World:
    """A node and those around it.

    `peer(message)` says what a node or service replies to a message with an id: a body, or None for silence.
    Replies to clients end up in `replies`, what has no reply in `sent`.
    """

    def __init__(self, node: Node, peer: Callable[[Any], dict[str, Any] | None] = lambda _: None) -> None:
        self.node = node
        self.peer = peer
        self.replies: list[Any] = []
        self.sent: list[Any] = []
        self._changed = asyncio.Event()
        node.wake = self.flush

    def tell(self, *lines: bytes) -> None:
        """Let the node receive *lines* in one batch, and everybody answer what comes of it."""
        self._deliver(self.node.receive(b"".join(lines)))
        self._deliver(self.node.flushed())

    def flush(self) -> None:
        self._deliver(self.node.finished())
        self._deliver(self.node.flushed())

    async def until(self, claim: Callable[["World"], bool]) -> "World":
        """Wait for *claim* to hold; the test fails when it does not within 20 s."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while not claim(self):
                self._changed.clear()
                await self._changed.wait()
        return self

    async def ask(self, *lines: bytes) -> list[Any]:
        """Tell, wait for as many replies, and return their bodies."""
        wanted = len(self.replies) + len(lines)
        self.tell(*lines)
        await self.until(lambda world: len(world.replies) >= wanted)
        return [reply["body"] for reply in self.replies[wanted - len(lines) :]]

    def reply(self, to: Any, body: dict[str, Any]) -> bytes:
        """Write the reply of its receiver to a message of the node."""
        ids = {"in_reply_to": to["body"]["msg_id"]}
        return line({"src": to["dest"], "dest": to["src"], "body": {**body, **ids}})

    def _deliver(self, output: bytes) -> None:
        for message in messages(output):
            if "in_reply_to" in message["body"]:
                self.replies.append(message)
                continue
            self.sent.append(message)
            answer = self.peer(message) if "msg_id" in message["body"] else None
            if answer is not None:
                self.tell(self.reply(message, answer))
        self._changed.set()


def play(node: Node, script: Callable[[World], Any], peer: Any = lambda _: None, nodes: int = 3) -> Any:
    """Run *script*, a coroutine function of the world, around *node*, which is n1 of so many."""

    async def run() -> Any:
        world = World(node, peer)
        await world.ask(init_line(*(f"n{number}" for number in range(1, nodes + 1))))
        return await script(world)

    return asyncio.run(run())
