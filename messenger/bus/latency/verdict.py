"""Verdict: whether the tail is as short as promised, and what the machine would have allowed."""

import msgspec

from .measure import Run

LIMIT_US = 1000.0
FLOOR_RATIO = 1.5


class Verdict(msgspec.Struct, frozen=True):
    """Whether a run holds the promise, None where nothing was received, and a reason with the values."""

    passed: bool | None
    reason: str


def judge(run: Run, p99_limit_us: float = LIMIT_US) -> Verdict:
    """Ask for a p99 under *p99_limit_us*, and a p99.9 under 1 ms or 1.5 x the hiccups', whichever is larger.

    A limit beyond 1 ms is one for the p99.9 as well, which cannot be the shorter of the two.
    What was lost, or could not be sent in time, has no latency that a percentile could show: it fails.
    """
    if not run.received:
        return Verdict(
            None,
            f"none of {run.sent:,} messages was received; does {run.plan.url} pass on what is published?",
        )
    ours, floor = run.latencies, run.floors["hiccup"]
    p99_us, p999_us = ours.at(99) / 1000, ours.at(99.9) / 1000
    floor_p99_us = floor.at(99) / 1000 if len(floor) else 0.0
    floor_p999_us = floor.at(99.9) / 1000 if len(floor) else 0.0
    allowed_us = max(LIMIT_US, p99_limit_us, FLOOR_RATIO * floor_p999_us)

    said = [_compare("p99", p99_us, p99_limit_us), _compare("p99.9", p999_us, allowed_us)]
    passed = p99_us < p99_limit_us and p999_us < allowed_us
    if run.lost:
        said.append(f"{run.lost:,} of {run.lost + run.received:,} messages lost")
    if run.unsent:
        said.append(f"{run.unsent:,} of {run.plan.messages:,} could not be sent in time; lower the rate")
    if p99_us >= p99_limit_us and floor_p99_us >= p99_limit_us:
        said.append(f"no bus can pass while the machine's own hiccups have a p99 of {floor_p99_us:,.0f} us")
    return Verdict(passed and not run.lost and not run.unsent, "; ".join(said))


def overall(verdicts: list[Verdict]) -> int:
    """Return the exit status: 0 all hold, 1 one does not, 3 something received nothing."""
    if any(verdict.passed is None for verdict in verdicts):
        return 3
    return 0 if all(verdict.passed for verdict in verdicts) else 1


def _compare(name: str, value_us: float, limit_us: float) -> str:
    return f"{name} {value_us:,.0f} us {'<' if value_us < limit_us else '>='} {limit_us:,.0f} us"
