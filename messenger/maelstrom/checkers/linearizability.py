"""Looks for an order in which the operations on one register may have taken effect.

The search is Wing and Gong's, with Lowe's memory of what has been tried, as in Porcupine: walk the
beginnings and ends of operations in time; at a beginning, try to let the operation take effect now, and
start over behind it; at an end of one that has not taken effect, take back the last choice.
Source: Lowe, Testing for linearizability, 2017; github.com/anishathalye/porcupine, checker.go.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate, pairwise

from msgspec import Struct

ABSENT = "null"
"""The state of a register that nobody has written."""

TRIES_MAX = 2_000_000

_MEMORY_BYTES = 400_000_000
_SHOWN = 4


class TooHard(Exception):
    """The search has taken too long to be worth going on."""


class Step(Struct, frozen=True):
    """An operation on a register: it happens only in the state *expected*, and leaves the state *written*.

    None stands for any state, and for the same state.  Without an end it may happen any time later, or never.
    """

    index: int
    begin_ns: int
    end_ns: int | None
    expected: str | None = None
    written: str | None = None


class Obstacle(Struct, frozen=True):
    """Why there is no order: the indexes of a step that cannot happen in time, and of its company.

    *before* are the last steps that the best attempt explains, *beside* those that were going on meanwhile.
    """

    stuck: int
    reason: str
    before: tuple[int, ...]
    beside: tuple[int, ...]


def find_obstacle(steps: Sequence[Step], tries_max: int = TRIES_MAX) -> Obstacle | None:
    """Return None when some order explains all *steps*, else where the best attempt ended.

    Raises:
        TooHard: neither was found within *tries_max* tries.
    """
    if impossible := _find_impossible(steps):
        return impossible
    steps = _without_unnoticed(steps)
    tries_max = min(tries_max, _MEMORY_BYTES // (100 + len(steps) // 8))
    line = _Line(steps)
    bits = [1 << place for place in range(len(steps))]
    # Steps without an end need not happen: all is explained when those that have one are.
    missing = sum(step.end_ns is not None for step in steps)
    state, done = ABSENT, 0
    tried: set[tuple[int, str]] = set()
    choices: list[tuple[int, str]] = []
    best: Obstacle | None = None
    best_length = -1
    event = line.first
    while missing:
        place, is_end = divmod(event, 2)
        step = steps[place]
        if not is_end:
            after = _state_after(step, state)
            if after is None or (attempt := (done | bits[place], after)) in tried:
                event = line.next[event]
                continue
            tried.add(attempt)
            if len(tried) > tries_max:
                raise TooHard(f"no order was found in {tries_max} tries, and none was ruled out")
            choices.append((place, state))
            done, state = attempt
            missing -= step.end_ns is not None
            line.take(place)
            event = line.first
            continue
        if len(choices) > best_length:
            best_length = len(choices)
            best = _obstacle(place, steps, choices, done)
        if not choices:
            return best
        place, state = choices.pop()
        done ^= bits[place]
        missing += steps[place].end_ns is not None
        line.put_back(place)
        event = line.next[2 * place]
    return None


def _find_impossible(steps: Sequence[Step]) -> Obstacle | None:
    """Find a step in a state that nobody has left, or one that was over before the step began.

    The search would find it as well, but try all orders of everything before it first.
    """
    last_end_ns = {ABSENT: -1.0}
    for step in steps:
        if step.written is not None:
            end_ns = math.inf if step.end_ns is None else step.end_ns
            last_end_ns[step.written] = max(last_end_ns.get(step.written, -1.0), end_ns)
    writes: list[tuple[int, Step]] = sorted(
        ((step.end_ns, step) for step in steps if step.written is not None and step.end_ns is not None),
        key=lambda write: write[0],
    )
    # Of the writes that end first: the one that begins last.
    latest = [*accumulate((write for _, write in writes), _later)]
    for step in steps:
        if step.expected is None or step.end_ns is None:
            continue
        over_ns = last_end_ns.get(step.expected)
        if over_ns is None:
            return Obstacle(step.index, f"nobody has written {step.expected}", (), ())
        place = bisect_left(writes, step.begin_ns, key=lambda write: write[0])
        if place and latest[place - 1].begin_ns > over_ns:
            over_by = latest[place - 1].index
            reason = f"{step.expected} was overwritten, at the latest by #{over_by}, before it began"
            return Obstacle(step.index, reason, (over_by,), ())
    return None


def _later(one: Step, other: Step) -> Step:
    return max(one, other, key=lambda step: step.begin_ns)


class _Line:
    """The beginnings and ends of steps in time, as a list; steps are taken out, and put back in reverse.

    The beginning of the step at *place* is event `2 * place`, its end the number after that.
    """

    def __init__(self, steps: Sequence[Step]) -> None:
        begins = [(step.begin_ns, 2 * place) for place, step in enumerate(steps)]
        ends = [(step.end_ns, 2 * place + 1) for place, step in enumerate(steps) if step.end_ns is not None]
        self._has_end = [step.end_ns is not None for step in steps]
        self._head = 2 * len(steps)
        order = [self._head, *(event for _, event in sorted([*begins, *ends])), self._head + 1]
        self.next = [0] * (self._head + 2)
        self._previous = [0] * (self._head + 2)
        for one, other in pairwise(order):
            self._join(one, other)

    @property
    def first(self) -> int:
        """The first event that is left."""
        return self.next[self._head]

    def take(self, place: int) -> None:
        """Take a step out."""
        self._unlink(2 * place)
        if self._has_end[place]:
            self._unlink(2 * place + 1)

    def put_back(self, place: int) -> None:
        """Put the step back that was taken out last."""
        if self._has_end[place]:
            self._relink(2 * place + 1)
        self._relink(2 * place)

    def _unlink(self, event: int) -> None:
        self._join(self._previous[event], self.next[event])

    def _relink(self, event: int) -> None:
        # It still knows between which two it stood.
        self.next[self._previous[event]] = event
        self._previous[self.next[event]] = event

    def _join(self, one: int, other: int) -> None:
        self.next[one] = other
        self._previous[other] = one


def _state_after(step: Step, state: str) -> str | None:
    """Return the state that *step* leaves; None when it cannot happen now."""
    if step.expected is not None and step.expected != state:
        return None
    return state if step.written is None else step.written


def _without_unnoticed(steps: Sequence[Step]) -> list[Step]:
    """Leave out steps that need not have happened, and that nobody has noticed.

    An order that has them explains as much without them, and each would double the work.
    """
    kept = list(steps)
    while True:
        noticed = {step.expected for step in kept}
        fewer = [step for step in kept if step.end_ns is not None or step.written in noticed]
        if len(fewer) == len(kept):
            return kept
        kept = fewer


def _obstacle(stuck: int, steps: Sequence[Step], choices: Sequence[tuple[int, str]], done: int) -> Obstacle:
    end_ns = steps[stuck].end_ns or math.inf
    beside = [
        step.index
        for place, step in enumerate(steps)
        if place != stuck and step.begin_ns < end_ns and not done >> place & 1
    ]
    return Obstacle(
        stuck=steps[stuck].index,
        reason=f"it does not fit after the {len(choices)} operations that can be put in order",
        before=tuple(steps[place].index for place, _ in choices[-_SHOWN:]),
        beside=tuple(beside[-_SHOWN:]),
    )
