"""Transactions of reads and writes of a few keys."""

from collections.abc import Sequence
from random import Random
from typing import Any, ClassVar

from msgspec import Struct, ValidationError

from ..checkers import txn_list_append, txn_rw_register
from ..findings import Findings
from ..history import Operation
from .workload import Body, Invocation, Options, Workload

_KEYS_AT_A_TIME = 5
_WRITES_PER_KEY = 16
_LENGTH_MAX = 4


class _ListOk(Struct, frozen=True):
    txn: list[tuple[str, Any, Any]]

    @property
    def result(self) -> list[list[Any]]:
        for kind, key, value in self.txn:
            if kind == "r" and not isinstance(value, list | None):
                raise ValidationError(f"Expected `array | null` as what key {key} holds, got {value!r}")
        return [list(micro_operation) for micro_operation in self.txn]


class _RegisterOk(Struct, frozen=True):
    txn: list[tuple[str, Any, Any]]

    @property
    def result(self) -> list[list[Any]]:
        return [list(micro_operation) for micro_operation in self.txn]


class _Transactions(Workload):
    """Transactions of 1 to 4 micro-operations, half of them reads; no value is written to a key twice."""

    write_word: ClassVar[str]

    def __init__(self, random: Random, options: Options) -> None:
        super().__init__(random, options)
        self._next_key = 0
        self._written: dict[int, int] = {}

    def invoke(self, client: str) -> Invocation:
        """Draw a transaction."""
        length = self.random.randint(1, _LENGTH_MAX)
        return Invocation("txn", [self._micro_operation() for _ in range(length)])

    def request(self, invocation: Invocation) -> Body:
        """Write it."""
        return {"type": "txn", "txn": invocation.value}

    def _micro_operation(self) -> list[Any]:
        while len(self._written) < _KEYS_AT_A_TIME:
            self._written[self._next_key] = 0
            self._next_key += 1
        key = self.random.choice([*self._written])
        if self.random.random() < 0.5:
            return ["r", key, None]
        self._written[key] += 1
        value = self._written[key]
        if value == _WRITES_PER_KEY:
            del self._written[key]
        return [self.write_word, key, value]


class TxnListAppend(_Transactions):
    """Keys hold lists, and writing is appending."""

    write_word = "append"
    replies: ClassVar = {"txn": _ListOk}

    def check(self, history: Sequence[Operation]) -> Findings:
        """Look for what no order of the transactions explains."""
        return txn_list_append.check(history, self.options.consistency_model)


class TxnRwRegister(_Transactions):
    """Keys hold values, and writing is replacing them."""

    write_word = "w"
    replies: ClassVar = {"txn": _RegisterOk}

    def check(self, history: Sequence[Operation]) -> Findings:
        """Look for what no order of the transactions explains."""
        return txn_rw_register.check(history, self.options.consistency_model)
