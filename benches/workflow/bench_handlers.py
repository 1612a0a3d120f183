"""Handler overhead: what one attempt costs, beyond what the handler does, wherever that runs."""

import asyncio
import importlib
import json
import multiprocessing
import shutil
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cffi
import pytest

from messenger.workflow import Context, Handlers, Runner, Step, foreign_handler, subprocess_handler
from messenger.workflow.attempts.context_json import encode_context
from messenger.workflow.outcome import outcome_of

HERE = Path(__file__).parent
APART = HERE / "handlers_apart.py"
STEP = Step(name="double", handler="double")
TIMEOUT_SECONDS = 300.0

CALLS = 1000
CALLS_APART = 200

# What stands beside the runner is not ours to slow down: comparing two commits leaves it out.
beside = pytest.mark.gate(skip=True)
# Two threads that wake each other take twice as long on two cores as on one, and the kernel chooses.
waking = pytest.mark.gate(min_effect="25%")
one_call = pytest.mark.benchmark(group="Handler overhead, a call")
in_c = pytest.mark.benchmark(group="Handler overhead, a call into C")
many_calls = pytest.mark.benchmark(group=f"Handler overhead, {CALLS:,} calls")
calls_apart = pytest.mark.benchmark(group=f"Handler overhead, {CALLS_APART} calls in another process")


def double(context):
    return context.input * 2


async def double_later(context):
    return context.input * 2


async def double_after_waiting(context):
    await asyncio.sleep(0)
    return context.input * 2


@pytest.fixture
def handlers():
    """A worker's: a few others are there as well."""
    made = Handlers()
    for number in range(50):
        made.add(double, f"other-{number}", "loop")
    made.add(double, "double", "loop")
    return made


@pytest.fixture
def library(tmp_path):
    """The path of double.c, compiled."""
    if (compiler := shutil.which("cc")) is None:
        pytest.skip("no C compiler here")
    subprocess.run(
        [compiler, "-O2", "-shared", "-fPIC", "-o", tmp_path / "double.so", HERE / "double.c"], check=True
    )
    return tmp_path / "double.so"


def context_for(number):
    """Make what a worker makes of a row."""
    return Context(
        input=number,
        results={},
        task_id="0192d7f4-5b7e-7cc0-a8a5-3f1f3a6a0c11",
        step_id="0192d7f4-5b7e-7cc0-a8a5-3f1f3a6a0c12",
        step="double",
        attempt=1,
    )


def timed(benchmark, function):
    return benchmark.pedantic(function, rounds=20, iterations=1, warmup_rounds=1)


async def attempts(benchmark, handlers, given):
    """Time attempts at "double" that do not wait; return what the last one left behind."""
    runner = Runner()
    outcome = None

    def done(returned, error):
        nonlocal outcome
        outcome = outcome_of(STEP, returned)

    def attempt():
        runner.run(handlers["double"], context_for(given), TIMEOUT_SECONDS, done)
        return outcome.result

    return benchmark(attempt)


def attempts_in_a_row(benchmark, handler, calls):
    """Time *calls* attempts that are all started at once; return what came of them."""
    with asyncio.Runner() as loop:
        runner = Runner(threads=4, processes=1)
        left, ended = 0, asyncio.Event()
        outcomes = []

        def done(returned, error):
            nonlocal left
            outcomes.append(outcome_of(STEP, returned).result if error is None else error)
            left -= 1
            if not left:
                ended.set()

        async def main():
            nonlocal left
            left = calls
            ended.clear()
            outcomes.clear()
            for _ in range(calls):
                runner.run(handler, context_for(21), TIMEOUT_SECONDS, done)
            await ended.wait()
            return outcomes[:]

        try:
            return timed(benchmark, lambda: loop.run(main()))
        finally:
            loop.run(runner.close())


@one_call
@pytest.mark.target(median="0.1us")
def bench_direct_call(benchmark):
    context = context_for(21)

    assert benchmark(double, context) == 42


@one_call
def bench_lookup_and_call(benchmark, handlers):
    """By its name, as a template has it."""
    context = context_for(21)

    assert benchmark(lambda: handlers["double"].function(context)) == 42


@one_call
@beside
def bench_context_and_outcome(benchmark):
    """The least that any runner does: what the handler is given, and what its result is as JSON."""
    assert benchmark(lambda: outcome_of(STEP, double(context_for(21))).result) == b"42"


@one_call
@pytest.mark.target(median="2us")
def bench_framework(benchmark, handlers):
    """From a row to its result: lookup, context, the runner, JSON."""
    assert asyncio.run(attempts(benchmark, handlers, 21)) == b"42"


@in_c
@beside
def bench_raw_cffi(benchmark, library):
    ffi = cffi.FFI()
    ffi.cdef("double twice(double);")
    twice = ffi.dlopen(str(library)).twice

    assert benchmark(lambda: twice(21)) == 42.0


@in_c
@pytest.mark.target(median="2us")
def bench_ffi_numbers(benchmark, library):
    handler = foreign_handler(library, "double twice(double);", fields=["number"])
    context = context_for({"number": 21})

    assert benchmark(lambda: handler(context)) == 42.0


@in_c
@pytest.mark.target(median="2us")
def bench_ffi_json(benchmark, library):
    """What it is given becomes JSON, and what it writes is read."""
    handler = foreign_handler(library, "int answer(const char *, size_t, char *, size_t);")
    context = context_for(21)

    assert benchmark(lambda: handler(context)) == 42


@in_c
@pytest.mark.target(median="2us")
def bench_ffi_framework(benchmark, library):
    """From a row to its result, with C in between."""
    handlers = Handlers()
    handlers.add(
        foreign_handler(library, "double twice(double);", fields=["number"]), "double", runs_in="loop"
    )

    assert asyncio.run(attempts(benchmark, handlers, {"number": 21})) == b"42.0"


@beside
@many_calls
def bench_tasks(benchmark):
    """What asyncio takes for a coroutine that does not wait, before Python 3.12."""
    with asyncio.Runner() as loop:

        async def main():
            context = context_for(21)
            tasks = [asyncio.ensure_future(double_later(context)) for _ in range(CALLS)]
            return [await task for task in tasks]

        assert timed(benchmark, lambda: loop.run(main())) == [42] * CALLS


@many_calls
@pytest.mark.parametrize("function", [double_later, double_after_waiting], ids=["done", "waits"])
def bench_coroutines(benchmark, function):
    handlers = Handlers()
    handlers.add(function, "double")

    assert attempts_in_a_row(benchmark, handlers["double"], CALLS) == [b"42"] * CALLS


@beside
@many_calls
def bench_run_in_executor(benchmark):
    """What asyncio takes for a call in a thread."""
    with asyncio.Runner() as loop:

        async def main():
            running, context = asyncio.get_running_loop(), context_for(21)
            futures = [running.run_in_executor(None, double, context) for _ in range(CALLS)]
            return [await future for future in futures]

        assert timed(benchmark, lambda: loop.run(main())) == [42] * CALLS


@waking
@many_calls
def bench_threads(benchmark):
    handlers = Handlers()
    handlers.add(double, "double", "thread")

    assert attempts_in_a_row(benchmark, handlers["double"], CALLS) == [b"42"] * CALLS


@pytest.fixture
def apart(monkeypatch):
    """The module of handlers_apart.py, where a process finds it as well."""
    monkeypatch.syspath_prepend(str(HERE))
    return importlib.import_module("handlers_apart")


@beside
@calls_apart
def bench_process_pool_executor(benchmark, apart):
    """The standard library's, which cannot stop a process that hangs."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:

        def run():
            futures = [pool.submit(apart.double_number, 21) for _ in range(CALLS_APART)]
            return [future.result() for future in futures]

        assert timed(benchmark, run) == [42] * CALLS_APART


@waking
@calls_apart
def bench_process_pool(benchmark, apart):
    handlers = Handlers()
    handlers.add(apart.double, "double", "process")

    assert attempts_in_a_row(benchmark, handlers["double"], CALLS_APART) == [b"42"] * CALLS_APART


@beside
@calls_apart
def bench_raw_json_lines(benchmark):
    """The same program and the same lines, from a thread that waits for each."""
    with subprocess.Popen([sys.executable, APART], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:

        def run():
            results = []
            for _ in range(CALLS_APART):
                program.stdin.write(encode_context(context_for(21)) + b"\n")
                program.stdin.flush()
                results.append(json.loads(program.stdout.readline())["result"])
            return results

        assert timed(benchmark, run) == [42] * CALLS_APART
        program.stdin.close()


@waking
@calls_apart
def bench_subprocess(benchmark):
    handlers = Handlers()
    handlers.add(subprocess_handler([sys.executable, str(APART)]), "double")

    assert attempts_in_a_row(benchmark, handlers["double"], CALLS_APART) == [b"42"] * CALLS_APART
