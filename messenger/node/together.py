"""Together: one request to many nodes, and what they say together."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .call import Call
from .errors import RPCError, Timeout
from .message import Body

if TYPE_CHECKING:
    from .node import Node

SECONDS = 1.0


class NoQuorum(Timeout):
    """Too few nodes have agreed, and it may have happened all the same; `answers` says who said what."""

    def __init__(self, text: str, answers: Mapping[str, Any]) -> None:
        super().__init__(text)
        self.answers = answers


async def rpc_all(
    node: "Node",
    dests: Iterable[str],
    body: Body | dict[str, Any],
    reply_type: Any = None,
    *,
    timeout_seconds: float = SECONDS,
) -> dict[str, Any]:
    """Ask all of *dests*; return the reply of each, or the `RPCError` in its place."""
    calls = _ask(node, dests, body, reply_type, timeout_seconds)
    results = await asyncio.gather(*calls.values(), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, RPCError):
            raise result
    return dict(zip(calls, results, strict=True))


async def quorum(
    node: "Node",
    dests: Iterable[str],
    body: Body | dict[str, Any],
    needed: int,
    reply_type: Any = None,
    *,
    timeout_seconds: float = SECONDS,
) -> dict[str, Any]:
    """Ask all of *dests*; return the replies as soon as *needed* of them have come.

    Raises:
        NoQuorum: so many cannot come any more.
    """
    calls = _ask(node, dests, body, reply_type, timeout_seconds)
    names = {id(call): name for name, call in calls.items()}
    answers: dict[str, Any] = {}
    replies: dict[str, Any] = {}
    turns: asyncio.Queue[Call[Any]] = asyncio.Queue()
    for call in calls.values():
        call.add_done_callback(turns.put_nowait)
    while len(replies) < needed:
        if len(replies) + len(calls) - len(answers) < needed:
            raise NoQuorum(f"{len(replies)} of {len(calls)} agreed, {needed} are needed", answers)
        call = await turns.get()
        name = names[id(call)]
        try:
            answers[name] = replies[name] = call.result()
        except RPCError as error:
            answers[name] = error
    return replies


def majority(nodes: int) -> int:
    """Return how many of so many nodes are more than half.

    >>> [majority(nodes) for nodes in (1, 2, 3, 4, 5)]
    [1, 2, 2, 3, 3]
    """
    return nodes // 2 + 1


def _ask(
    node: "Node", dests: Iterable[str], body: Body | dict[str, Any], reply_type: Any, timeout_seconds: float
) -> dict[str, Call[Any]]:
    return {
        dest: node.rpc(dest, body, reply_type, timeout_seconds=timeout_seconds)
        for dest in dict.fromkeys(dests)
    }
