"""Attempts for the tests: a runner on a loop, and what came of what it ran."""

import asyncio
import inspect
from contextlib import asynccontextmanager

from messenger.workflow import Context
from messenger.workflow.attempts.runner import Runner
from messenger.workflow.handlers import handler_of

LONG_SECONDS = 60.0  # of an attempt that is meant to end before
SOON_SECONDS = 0.05  # of one that is meant to take too long


class Tried:
    """An attempt that was started: `abandon` it, or `await outcome()`, which is (returned, error)."""

    def __init__(self, runner, handler, context=None, timeout_seconds=LONG_SECONDS):
        self.calls = []
        self._done = asyncio.get_running_loop().create_future()
        self.abandon = runner.run(handler, context or Context(), timeout_seconds, self._take)

    def _take(self, returned, error):
        self.calls.append((returned, error))
        if len(self.calls) == 1:
            self._done.set_result((returned, error))

    async def outcome(self):
        return await asyncio.wait_for(asyncio.shield(self._done), LONG_SECONDS)

    async def returned(self):
        returned, error = await self.outcome()
        if error is not None:
            raise error
        return returned

    async def error(self):
        returned, error = await self.outcome()
        assert returned is None
        return error


@asynccontextmanager
async def opened(**options):
    runner = Runner(**options)
    try:
        yield runner
    finally:
        await runner.close()


def on_loop(function):
    return handler_of(function, "work", "loop")


def in_thread(function):
    return handler_of(function, "work", "thread")


def in_process(function):
    return handler_of(function, "work", "process")


def on_a_loop(test):
    """Run a test that is a coroutine function, within two minutes."""

    def run(**fixtures):
        asyncio.run(asyncio.wait_for(test(**fixtures), 2 * LONG_SECONDS))

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    # Pytest asks for what the test does, and does not see that it is a coroutine function.
    run.__signature__ = inspect.signature(test)
    return run
