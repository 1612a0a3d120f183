"""Linearizable key-value store: reads, writes and compare-and-sets of single keys."""

from collections.abc import Sequence
from random import Random
from typing import Any, ClassVar

from ..checkers.lin_kv import check
from ..findings import Findings
from ..history import Operation
from .workload import Body, Invocation, Nothing, Options, Value, Workload

_KEYS_AT_A_TIME = 3
_OPERATIONS_PER_KEY = 60


class LinKv(Workload):
    """Clients read, write and compare-and-set a few keys at a time, and leave each after a while.

    No value is written twice, so that each read tells which write it has seen; what to compare with is a
    value that a client has seen lately, so that some succeed.
    """

    replies: ClassVar = {"read": Value, "write": Nothing, "cas": Nothing}

    def __init__(self, random: Random, options: Options) -> None:
        super().__init__(random, options)
        self._next_key = 0
        self._uses: dict[int, int] = {}
        self._seen: dict[int, Any] = {}
        self._next_value = 0

    def invoke(self, client: str) -> Invocation:
        """Draw a key, and what to do with it: the value is [key, written], or [key, [from, to]]."""
        key = self._draw_key()
        kind = self.random.choices(("read", "write", "cas"), weights=(2, 1, 1))[0]
        if kind == "read":
            return Invocation("read", [key, None])
        self._next_value += 1
        if kind == "write" or key not in self._seen:
            return Invocation("write", [key, self._next_value])
        return Invocation("cas", [key, [self._seen[key], self._next_value]])

    def request(self, invocation: Invocation) -> Body:
        """Write it."""
        key, value = invocation.value
        if invocation.function == "read":
            return {"type": "read", "key": key}
        if invocation.function == "write":
            return {"type": "write", "key": key, "value": value}
        return {"type": "cas", "key": key, "from": value[0], "to": value[1]}

    def learn(self, operation: Operation) -> None:
        """Remember what the key holds, as far as its clients know."""
        if not operation.ok:
            return
        key, value = operation.value
        seen = {"read": operation.result, "write": value}.get(operation.function)
        self._seen[key] = value[1] if operation.function == "cas" else seen
        if self._seen[key] is None:
            del self._seen[key]

    def check(self, history: Sequence[Operation]) -> Findings:
        """Look for an order that explains everything."""
        return check(history)

    def _draw_key(self) -> int:
        while len(self._uses) < _KEYS_AT_A_TIME:
            self._uses[self._next_key] = 0
            self._next_key += 1
        key = self.random.choice([*self._uses])
        self._uses[key] += 1
        if self._uses[key] == _OPERATIONS_PER_KEY:
            del self._uses[key]
        return key
