"""Edge: a message bus in place of standard input and output.

A node listens to `node.ID`, and so does whoever a message is for; what a message holds there is a line as
on stdin. Who has no subject of its own makes a request of the bus, and the reply to that is the node's
reply.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import msgspec
from msgspec import UNSET, UnsetType

from messenger.bus import BadSubject, Bus, BusError, Subscription, connect
from messenger.bus import Message as BusMessage

from .message import Init, Message
from .node import Node
from .serialize import serialize
from .signals import EndOnSignal
from .stdio import deliver, exchange

_AWAITED_MOST = 65_536  # requests of the bus that are to be answered


class _Ids(msgspec.Struct, gc=False):
    msg_id: int | UnsetType = UNSET
    in_reply_to: int | UnsetType = UNSET


class _Address(msgspec.Struct, gc=False):
    """All of a line that matters for where it goes."""

    src: str
    dest: str
    body: _Ids


_address = msgspec.json.Decoder(_Address).decode


def subject_of(node_id: str) -> str:
    """Return where a node, or a client, gets its lines."""
    return f"node.{node_id}"


def serve(node: Node, url: str, node_id: str, node_ids: Sequence[str]) -> None:
    """Run *node* as *node_id* until SIGTERM or SIGINT comes, then answer what is in flight.

    Raises:
        BusError, BadUrl: there is no such bus.
    """
    asyncio.run(_Session(node, node_id, node_ids).run(url))


class _Session:
    def __init__(self, node: Node, node_id: str, node_ids: Sequence[str]) -> None:
        self._node = node
        self._init = serialize(
            Message(f"{node_id}.init", node_id, Init(msg_id=0, node_id=node_id, node_ids=list(node_ids)))
        )
        self._node_id = node_id
        self._awaited: dict[tuple[str, int | UnsetType], str] = {}
        self._due = asyncio.Event()
        self._outgoing: list[bytes] = []
        self._ending = False  # all that will come has come

    def write(self, output: bytes) -> None:
        """Keep lines until they are published."""
        self._outgoing += output.splitlines()

    async def run(self, url: str) -> None:
        node, loop = self._node, asyncio.get_running_loop()
        stop = asyncio.Event()

        def end() -> None:
            with suppress(RuntimeError):  # the loop has closed: everything is answered
                loop.call_soon_threadsafe(stop.set)

        with EndOnSignal(end, node.limits.drain_seconds) as signals:
            node.stop = lambda: None if signals.imitate() else end()
            async with connect(url, on_error=lambda error: node.complaints.warning(str(error))) as bus:
                subscription = await bus.subscribe(subject_of(self._node_id))
                node.wake = self._due.set
                self._take([self._init])
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._speak(bus))
                    tasks.create_task(self._listen(subscription))
                    await stop.wait()
                    await subscription.drain()

    async def _listen(self, subscription: Subscription) -> None:
        """Handle what comes, all that is there at once; while the node is full, leave it in its mailbox."""
        async for batch in subscription.batches():
            self._take([self._line(message) for message in batch])
            while self._node.full():
                await self._due.wait()
                await asyncio.sleep(0)
        self._ending = True
        self._due.set()

    def _take(self, lines: list[bytes]) -> None:
        exchange(self._node, self, b"\n".join(lines) + b"\n")
        self._due.set()

    def _line(self, message: BusMessage) -> bytes:
        """Return the line that *message* holds, and remember where a reply to it is to go."""
        if message.reply_to is not None:
            with suppress(msgspec.DecodeError, UnicodeDecodeError):  # the node complains itself
                address = _address(message.data)
                if isinstance(address.body.msg_id, int):
                    while len(self._awaited) >= _AWAITED_MOST:  # nobody has answered those
                        del self._awaited[next(iter(self._awaited))]
                    self._awaited[address.src, address.body.msg_id] = message.reply_to
        return message.data

    async def _speak(self, bus: Bus) -> None:
        """Publish what the node has to say, each line to whom it is for."""
        while not (self._ending and not self._node.in_flight and not self._due.is_set()):
            await self._due.wait()
            self._due.clear()
            deliver(self._node, self, self._node.finished())
            lines, self._outgoing = self._outgoing, []
            for line in lines:
                address = _address(line)
                asked = self._awaited.pop((address.dest, address.body.in_reply_to), None)
                try:
                    await bus.publish(asked or subject_of(address.dest), line)
                except (BadSubject, BusError) as error:
                    self._node.complaints.warning(f"cannot send to {address.dest!r}: {error}")
