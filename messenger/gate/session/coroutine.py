"""Coroutine: pytest-benchmark times what runs, and never how fast a coroutine is made."""

from typing import Any

from ..lockstep.arm.coroutine import refuse_coroutine, refuse_coroutine_function


def guard_fixture(fixture: Any) -> None:
    """Let *fixture*, a BenchmarkFixture, fail a test that gives it a coroutine, before anything is timed.

    What a call gives is known from the first one that pytest-benchmark makes in any case: it is timed
    alone, and neither called once more nor wrapped, for both would show in the times.
    """
    make_runner = fixture._make_runner
    known = False

    def make_guarded(function: Any, args: Any, kwargs: Any) -> Any:
        def run(loops_range: Any, *timer: Any) -> Any:
            nonlocal known
            if known:
                return runner(loops_range, *timer)
            seconds, result = runner(None, *timer)
            _failing(fixture, refuse_coroutine, result, function)
            known = True
            if not loops_range:
                return seconds, result
            others = len(loops_range) - 1
            return seconds + runner(range(others), *timer) if others else seconds

        if known:
            return make_runner(function, args, kwargs)
        _failing(fixture, refuse_coroutine_function, function)
        runner = make_runner(function, args, kwargs)
        return run

    fixture._make_runner = make_guarded


def _failing(fixture: Any, refuse: Any, *arguments: Any) -> None:
    try:
        refuse(*arguments)
    except BaseException:  # as pytest's failures are, which pytest-benchmark does not look for
        fixture.has_error = True
        raise
