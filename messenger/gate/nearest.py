"""Nearest: which stored baselines a run is compared with."""

from collections.abc import Iterable, Sequence

from .baseline import Baseline
from .environment import Environment, likeness


def choose_baselines(
    stored: Sequence[Baseline], environment: Environment, measured: Iterable[str]
) -> tuple[Baseline, ...]:
    """Choose one baseline a suite: that of the same environment, else that of the environment most like it.

    Suites that were not *measured* come from the one nearest environment only, so that benchmarks deleted
    long ago and forgotten in the folder of another machine are not missed for ever.
    """

    def nearness(baseline: Baseline) -> tuple[bool, int, str]:
        theirs = baseline.environment
        same = theirs.fingerprint == environment.fingerprint
        return same, likeness(theirs, environment), baseline.date

    if not stored:
        return ()
    nearest = max(stored, key=nearness).environment.fingerprint
    wanted = set(measured)
    chosen: dict[str, Baseline] = {}
    for baseline in sorted(stored, key=nearness):
        if baseline.suite in wanted or baseline.environment.fingerprint == nearest:
            chosen[baseline.suite] = baseline
    return tuple(chosen[suite] for suite in sorted(chosen))
