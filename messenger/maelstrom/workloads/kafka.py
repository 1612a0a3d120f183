"""Kafka: logs that are appended to, polled from an offset, and remember how far their readers are."""

from collections.abc import Sequence
from random import Random
from typing import Any, ClassVar

from msgspec import Struct

from ..checkers.kafka import check
from ..findings import Findings
from ..history import Operation
from .workload import Body, Invocation, Nothing, Options, Workload

_KEYS = ("0", "1", "2", "3")


class _SendOk(Struct, frozen=True):
    offset: int

    @property
    def result(self) -> int:
        return self.offset


class _PollOk(Struct, frozen=True):
    msgs: dict[str, list[tuple[int, Any]]]

    @property
    def result(self) -> dict[str, list[tuple[int, Any]]]:
        return self.msgs


class _ListOk(Struct, frozen=True):
    offsets: dict[str, int]

    @property
    def result(self) -> dict[str, int]:
        return self.offsets


class Kafka(Workload):
    """Clients send 0, 1, 2, ... to a few keys, poll from where they are, and commit what they have polled.

    Now and then a client asks what is committed for some keys, and goes on from there with these alone.
    """

    replies: ClassVar = {
        "send": _SendOk,
        "poll": _PollOk,
        "commit_offsets": Nothing,
        "list_committed_offsets": _ListOk,
    }

    def __init__(self, random: Random, options: Options) -> None:
        super().__init__(random, options)
        self._next = 0
        self._positions: dict[str, dict[str, int]] = {}
        self._polled: dict[str, dict[str, int]] = {}

    def invoke(self, client: str) -> Invocation:
        """Draw one of the four."""
        positions, polled = self._positions.get(client), self._polled.get(client)
        chance = self.random.random()
        if positions is None or chance < 0.05:
            keys = self.random.sample(_KEYS, self.random.randint(1, len(_KEYS)))
            return Invocation("list_committed_offsets", keys)
        if polled and chance < 0.2:
            return Invocation("commit_offsets", polled)
        if chance < 0.55:
            return Invocation("poll", dict(positions))
        self._next += 1
        return Invocation("send", [self.random.choice(_KEYS), self._next - 1])

    def request(self, invocation: Invocation) -> Body:
        """Write it."""
        function, value = invocation.function, invocation.value
        if function == "send":
            return {"type": "send", "key": value[0], "msg": value[1]}
        field = "keys" if function == "list_committed_offsets" else "offsets"
        return {"type": function, field: value}

    def learn(self, operation: Operation) -> None:
        """Remember how far a client is."""
        if not operation.ok or operation.final:
            return
        client = operation.client
        if operation.function == "poll":
            highest = _highest(operation)
            self._positions[client].update({key: offset + 1 for key, offset in highest.items()})
            self._polled.setdefault(client, {}).update(highest)
        elif operation.function == "commit_offsets":
            self._polled.pop(client, None)
        elif operation.function == "list_committed_offsets":
            committed = operation.result
            self._positions[client] = {key: committed.get(key, -1) + 1 for key in operation.value}
            self._polled.pop(client, None)

    def finish(self, client: str, previous: Operation | None) -> Invocation | None:
        """Poll everything from the first offset on, until nothing more comes."""
        if previous is None:
            return Invocation("poll", dict.fromkeys(_KEYS, 0))
        if not previous.ok:
            return None
        positions: dict[str, int] = {**previous.value}
        for key, offset in _highest(previous).items():
            positions[key] = max(positions.get(key, 0), offset + 1)
        return Invocation("poll", positions) if positions != previous.value else None

    def check(self, history: Sequence[Operation]) -> Findings:
        """Look for messages that are lost, doubled or out of order."""
        return check(history)


def _highest(poll: Operation) -> dict[str, int]:
    return {key: max(offset for offset, _ in pairs) for key, pairs in poll.result.items() if pairs}
