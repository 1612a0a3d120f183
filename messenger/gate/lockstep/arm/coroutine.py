"""Coroutine: what a call only makes and does not run, so that timing the call times nothing."""

import functools
import inspect
from collections.abc import AsyncGenerator, Coroutine
from typing import Any

import pytest


def refuse_coroutine_function(function: Any) -> None:
    """Fail the running test when a call of *function* is known to give a coroutine, before it is called."""
    if _makes_coroutine(function):
        _refuse(_name_of(function))


def refuse_coroutine(result: Any, function: Any) -> None:
    """Fail the running test when *result*, of the first call of *function*, is a coroutine, which is closed.

    A Future or another awaitable is none: it can be a product of its own, such as a query nobody has sent.
    """
    if isinstance(result, Coroutine):
        result.close()  # or Python warns that it was never awaited, far from the reason
    elif not isinstance(result, AsyncGenerator) and not _is_old_coroutine(result):
        return
    _refuse(_name_of(function))


def _makes_coroutine(function: Any) -> bool:
    while isinstance(function, functools.partial):
        function = function.func
    return callable(function) and any(
        inspect.iscoroutinefunction(one) or inspect.isasyncgenfunction(one)
        for one in (function, type(function).__call__)
    )


def _is_old_coroutine(result: Any) -> bool:
    """Recognise what a generator marked with `types.coroutine` gives."""
    return inspect.isgenerator(result) and bool(result.gi_code.co_flags & inspect.CO_ITERABLE_COROUTINE)


def _refuse(name: str) -> None:
    # Short, for a table shows the first 200 characters.
    pytest.fail(
        f"calling {name} makes a coroutine and runs nothing; write `with asyncio.Runner() as runner: "
        "benchmark(lambda: runner.run(batch()))`, many awaits a batch, for a loop adds 6 to 50 us",
        pytrace=False,
    )


def _name_of(function: Any) -> str:
    while isinstance(function, functools.partial):
        function = function.func
    return getattr(function, "__qualname__", "") or type(function).__qualname__
