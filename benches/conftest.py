"""How every bench is timed, unless it says otherwise."""

from pathlib import Path

import pytest

_BENCHES = Path(__file__).parent

# Calibrating on the best of 50 calls: on the first one alone, a hiccup makes a function of 400 ns look
# like one of 50 us, which is then timed one call a round.
_WARM = {"warmup": True, "warmup_iterations": 50}

# A round of 50 us drowns the clock's 50 ns; 0.1 s of rounds gives a quartile that holds still within
# one process.  More rounds would not help: between two processes the same code differs by more.
_TIMING = pytest.mark.benchmark(min_time=50e-6, max_time=0.1, min_rounds=20, disable_gc=True, **_WARM)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _BENCHES in item.path.parents:
            item.add_marker(_TIMING)
