"""Clients of Maelstrom's key-value services, and of its timestamp oracle.

Source: Maelstrom, doc/services.md.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from .errors import KeyDoesNotExist, PreconditionFailed
from .message import Body

if TYPE_CHECKING:
    from .node import Node

SECONDS = 1.0


class Read(Body):
    """Ask for the value of a key."""

    key: Any


class ReadOk(Body):
    """The value of a key."""

    value: Any


class Write(Body):
    """Give a key a value."""

    key: Any
    value: Any


class WriteOk(Body):
    """The key has the value."""


class Cas(Body, rename={"from_": "from"}):
    """Replace a value, if it is still what it was."""

    key: Any
    from_: Any
    to: Any
    create_if_not_exists: bool = False


class CasOk(Body):
    """The value was replaced."""


class Ts(Body):
    """Ask for a timestamp."""


class TsOk(Body):
    """A timestamp."""

    ts: int


class KV:
    """One of the stores, as a node sees it: `KV(node, "lin-kv")`.

    lin-kv: linearizable; every read sees every write before it.
    seq-kv: sequential; a node that does not write may see an old state for ever, see `read_latest`.
    lww-kv: eventual; the last write wins by a clock, and nothing else is promised.

    Every method raises `Timeout` when no reply comes in *timeout_seconds*: a write may have happened, then.
    """

    def __init__(self, node: "Node", service: str, *, timeout_seconds: float = SECONDS) -> None:
        self.service = service
        self._node = node
        self._seconds = timeout_seconds

    async def read(self, key: Any, *, default: Any = UNSET) -> Any:
        """Return the value of *key*.

        Raises:
            KeyDoesNotExist: it has none, and no *default* is given.
        """
        try:
            return (await self._ask(Read(key=key), ReadOk)).value
        except KeyDoesNotExist:
            if default is UNSET:
                raise
            return default

    async def read_latest(self, key: Any, *, default: Any = UNSET) -> Any:
        """Return a value that is no older than this call, even from seq-kv.

        There a node sees what happened before its own last write, so it writes first, to a key of its own.
        """
        await self.write(f"{self._node.node_id} was here", self._node.node_id)
        return await self.read(key, default=default)

    async def write(self, key: Any, value: Any) -> None:
        """Give *key* a value."""
        await self._ask(Write(key=key, value=value), WriteOk)

    async def cas(self, key: Any, from_: Any, to: Any, *, create_if_not_exists: bool = False) -> None:
        """Replace *from_* by *to*; with *create_if_not_exists*, also nothing (which lww-kv ignores).

        Raises:
            PreconditionFailed: the value is another.
            KeyDoesNotExist: there is none.
        """
        request = Cas(key=key, from_=from_, to=to, create_if_not_exists=create_if_not_exists)
        await self._ask(request, CasOk)

    async def update(self, key: Any, function: Callable[[Any], Any], *, default: Any = UNSET) -> Any:
        """Replace the value of *key* by what *function* makes of it, and return that.

        It is called anew, until nobody was in between; where there is no value, with *default*.

        Raises:
            KeyDoesNotExist: there is none, and no *default* is given.
            Timeout: no reply came; the value may have been replaced.
        """
        while True:
            before = await self.read(key, default=default)
            after = function(before)
            try:
                await self.cas(key, before, after, create_if_not_exists=default is not UNSET)
            except PreconditionFailed:
                continue
            return after

    async def _ask(self, body: Body, reply_type: Any) -> Any:
        return await self._node.rpc(self.service, body, reply_type, timeout_seconds=self._seconds)


class TSO:
    """lin-tso: timestamps, each greater than all that were given before it was asked for."""

    def __init__(self, node: "Node", service: str = "lin-tso", *, timeout_seconds: float = SECONDS) -> None:
        self._node, self._service, self._seconds = node, service, timeout_seconds

    async def ts(self) -> int:
        """Return the next timestamp."""
        reply = await self._node.rpc(self._service, Ts(), TsOk, timeout_seconds=self._seconds)
        return reply.ts
