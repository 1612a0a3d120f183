"""One pair: both sides in fresh processes that share a parent, timed turn by turn, benchmark by benchmark."""

import json
import math
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from ..error import GateError

_HERE = Path(__file__).parent
_SECONDS = 0.1  # what the slices of one benchmark should take, both sides together
_GROUPS_MOST, _GROUPS_LEAST = 12, 3
_LOG_TAIL = 4000
_COULD_NOT_RUN = (
    3,
    4,
)  # pytest's exit codes of an internal error, and of a conftest or an option that is wrong


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What all pairs of a comparison share.

    trees: the checkouts, by side; paths of equal length, because a path is part of a process's memory.
    sources: the folders of a tree that the product is imported from, "" being its root.
    arguments: what pytest is given, relative to a tree.
    preload: modules from installed packages that the parent imports for both.
    timeout_seconds: how long a side may be silent.
    """

    checkout: Path
    trees: dict[str, Path]
    sources: tuple[str, ...]
    arguments: tuple[str, ...]
    preload: tuple[str, ...] = ()
    timeout_seconds: float = 60.0


class Sample(msgspec.Struct, frozen=True):
    """A benchmark in one pair: the logarithm of head/base, and the seconds of a call on either side."""

    name: str
    log_ratio: float
    base_seconds: float
    head_seconds: float


class Trouble(msgspec.Struct, frozen=True):
    """A benchmark, or a file of them, that one side could not time: failed, skipped, crashed or hung."""

    name: str
    side: str
    outcome: str
    text: str


class Pair(msgspec.Struct, frozen=True):
    """What a pair brought: `collected` are the benchmarks of each side with their `gate` markers."""

    samples: tuple[Sample, ...]
    troubles: tuple[Trouble, ...]
    collected: dict[str, dict[str, dict[str, str]]]
    shared: tuple[str, ...] = ()


class _SideLost(Exception):
    """A side has died or fallen silent."""

    def __init__(self, side: "_Side", how: str) -> None:
        self.side, self.how = side, how


def measure_pair(
    plan: Plan, wanted: Sequence[str], chance: random.Random, done: Callable[[str], None]
) -> Pair:
    """Time the *wanted* benchmarks, which both sides have, in one pair; with none of them, only collect.

    *chance* gives the hash seed, the padding of the environment and who goes first.  A side that dies or
    hangs costs its benchmark; the others go on in new processes with the same seed.

    Raises:
        GateError: a side cannot start, or took the product from the checkout in place of its tree.
    """
    shared = _Shared(
        seed=chance.randrange(1, 2**32),
        padding="x" * chance.randrange(4096),
        order=chance.sample(sorted(plan.trees), len(plan.trees)),
    )
    samples: list[Sample] = []
    troubles: list[Trouble] = []
    while True:
        with _started(plan, shared, wanted) as sides:
            lost = _run(sides, wanted, samples, troubles, done)
        collected = {side.name: side.collected for side in sides.values()}
        if lost is None:
            break
        troubles.append(lost)
        wanted = wanted[wanted.index(lost.name) + 1 :]
        if not wanted:
            break
    modules = {name for side in sides.values() for name in side.shared}
    return Pair(tuple(samples), tuple(troubles), collected, tuple(sorted(modules)))


class _Shared(msgspec.Struct, frozen=True):
    seed: int
    padding: str
    order: list[str]


class _Side:
    """The conductor's end of a conversation with one side."""

    def __init__(self, name: str, log: Path, timeout_seconds: float) -> None:
        self.name = name
        self.log = log
        self.connection, self.theirs = socket.socketpair()
        self.connection.settimeout(timeout_seconds)
        self._lines = self.connection.makefile("r", encoding="utf-8")
        self.collected: dict[str, dict[str, str]] = {}
        self.shared: list[str] = []
        self.strangers: list[str] = []
        self.troubles: list[Trouble] = []
        self.ready = ""
        self.ended: set[str] = set()
        self.finished = False
        self.code = 0

    def ask(self, **order: Any) -> dict[str, Any]:
        """Give an order and wait for what comes of it."""
        self.tell(**order)
        return self.hear()

    def tell(self, **order: Any) -> None:
        try:
            self.connection.sendall(json.dumps(order).encode() + b"\n")
        except OSError as error:
            raise _SideLost(self, "crashed") from error

    def hear(self) -> dict[str, Any]:
        event = self._listen()
        if "died" in event:
            raise _SideLost(self, f"crashed ({event['died']})")
        return event

    def _listen(self) -> dict[str, Any]:
        try:
            while (line := self._lines.readline()) == "\n":
                pass
        except TimeoutError as error:
            raise _SideLost(self, f"hung for {self.connection.gettimeout():g} s") from error
        except OSError as error:
            raise _SideLost(self, "crashed") from error
        try:
            return json.loads(line)  # type: ignore[no-any-return]
        except ValueError as error:  # half a line, or none
            raise _SideLost(self, "crashed") from error

    def advance_until(self, arrived: Callable[["_Side"], object]) -> None:
        """Listen until the side has arrived or finished."""
        while not self.finished and not arrived(self):
            self._note(self.hear())

    def collect(self) -> None:
        """Listen until the side has told its benchmarks."""
        self.advance_until(lambda side: bool(side.collected))
        if self.code in _COULD_NOT_RUN:
            raise GateError(f"pytest could not run on the {self.name} side:\n{self.output()}", 3)

    def advance_to(self, name: str) -> None:
        """Listen until benchmark *name* is ready or over, "" being the end; leave what only this side has."""
        while True:
            self.advance_until(lambda side: side.ready or name in side.ended)
            if self.ready in ("", name):
                return
            self.leave()

    def leave(self) -> None:
        """Let the side go on to its next benchmark."""
        self.tell(do="leave")
        self.ready = ""

    def _note(self, event: dict[str, Any]) -> None:
        if "collected" in event:
            self.collected = event["collected"]
        elif "uncollected" in event:
            self.troubles.append(Trouble(event["uncollected"], self.name, "failed", event["text"]))
        elif "ready" in event:
            self.ready = event["ready"]
        elif "ended" in event:
            self.ready = ""
            self.ended.add(event["ended"])
            if event["outcome"] != "passed":
                self.troubles.append(Trouble(event["ended"], self.name, event["outcome"], event["text"]))
        elif "finished" in event:
            self.finished, self.code = True, event["finished"]
            self.shared, self.strangers = event["shared"], event["strangers"]

    def end(self) -> None:
        """Wait a moment until the side, which has been killed, is gone; nobody else would."""
        self.connection.settimeout(1.0)
        with suppress(OSError), self.connection:
            while self.connection.recv(4096):
                pass

    def output(self) -> str:
        """Return the end of what the side has printed."""
        return (
            self.log.read_text(encoding="utf-8", errors="replace")[-_LOG_TAIL:] if self.log.exists() else ""
        )


def _run(
    sides: dict[str, _Side],
    wanted: Sequence[str],
    samples: list[Sample],
    troubles: list[Trouble],
    done: Callable[[str], None],
) -> Trouble | None:
    """Take both sides through their benchmarks; return where a side was lost, if one was."""
    current = ""
    everyone = list(sides.values())
    try:
        for side in everyone:
            side.collect()
        for current in _common(wanted, everyone):
            for side in everyone:
                side.advance_to(current)
            if all(side.ready == current for side in everyone):
                samples.append(_duel(current, sides["base"], sides["head"]))
            else:
                troubles.extend(_unused(current, everyone))
            for side in everyone:
                if side.ready == current:
                    side.leave()
            done(current)
        for side in everyone:
            side.advance_to("")
    except _SideLost as lost:
        if not current:
            raise GateError(
                f"the {lost.side.name} side {lost.how} before its first benchmark:\n{lost.side.output()}", 3
            ) from lost
        return Trouble(current, lost.side.name, lost.how, lost.side.output())
    finally:
        troubles.extend(trouble for side in everyone for trouble in side.troubles)
    return None


def _common(wanted: Sequence[str], sides: Sequence[_Side]) -> list[str]:
    return [name for name in wanted if all(name in side.collected for side in sides)]


def _unused(name: str, sides: Sequence[_Side]) -> list[Trouble]:
    """Tell of the sides where a benchmark ended well without having used its fixture."""
    told = {(trouble.side, trouble.name) for side in sides for trouble in side.troubles}
    idle = [side for side in sides if side.ready != name and (side.name, name) not in told]
    outcome = "skipped" if len(idle) == len(sides) else "failed"
    return [Trouble(name, side.name, outcome, "it did not use its benchmark fixture") for side in idle]


def _duel(name: str, base: _Side, head: _Side) -> Sample:
    """Time one benchmark, slice by slice in turns.

    The two never run at once, and each group of four slices stays on one core: where cores differ in speed,
    because something else runs on them, both sides meet the same.
    """
    cores: list[int | None] = (
        [*sorted(os.sched_getaffinity(0))] if hasattr(os, "sched_getaffinity") else [None]
    )
    size = base.ask(do="calibrate", core=cores[0])
    first = [side.ask(do="slice", core=cores[0], **size)["seconds"] for side in (base, head)]
    slice_seconds = max(first) * size["iterations"] * size["rounds"]
    groups = max(_GROUPS_LEAST, min(_GROUPS_MOST, round(_SECONDS / (4 * slice_seconds))))
    base_seconds: list[float] = []
    head_seconds: list[float] = []
    for group in range(groups):
        order = (base, head, head, base) if group % 2 == 0 else (head, base, base, head)
        for side in order:
            seconds = side.ask(do="slice", core=cores[group % len(cores)], **size)["seconds"]
            (base_seconds if side is base else head_seconds).append(seconds)
    ratios = [math.log(after / before) for before, after in zip(base_seconds, head_seconds, strict=True)]
    return Sample(
        name, statistics.median(ratios), statistics.median(base_seconds), statistics.median(head_seconds)
    )


@contextmanager
def _started(plan: Plan, shared: _Shared, wanted: Sequence[str]) -> Iterator[dict[str, _Side]]:
    """Start the parent of both sides; whatever happens, nothing of it stays."""
    with tempfile.TemporaryDirectory(prefix="messenger-gate-") as folder:
        sides = {name: _Side(name, Path(folder, name), plan.timeout_seconds) for name in plan.trees}
        child = subprocess.Popen(
            [sys.executable, "-u", str(_HERE / "zygote.py"), _plan_for_zygote(plan, shared, wanted, sides)],
            env={
                **os.environ,
                "PYTHONHASHSEED": str(shared.seed),
                "MESSENGER_GATE_PADDING": shared.padding,
                "MESSENGER_GATE_CHECKOUT": str(plan.checkout),
            },
            stdin=subprocess.DEVNULL,
            stdout=sides["head"].log.open("ab") if "head" in sides else subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            pass_fds=[side.theirs.fileno() for side in sides.values()],
            start_new_session=True,
        )
        for side in sides.values():
            side.theirs.close()
        try:
            yield sides
        finally:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            for side in sides.values():
                side.end()
    for side in sides.values():
        if side.strangers:
            raise GateError(
                f"the {side.name} side imported its product from the checkout, not from its tree: "
                f"{', '.join(side.strangers[:3])}; name the folders it is imported from in "
                "[tool.messenger.gate] sources",
                3,
            )


def _plan_for_zygote(plan: Plan, shared: _Shared, wanted: Sequence[str], sides: dict[str, _Side]) -> str:
    return json.dumps(
        {
            "preload": plan.preload,
            "sources": plan.sources,
            "arguments": plan.arguments,
            "wanted": wanted,
            "sides": [
                {"fd": side.theirs.fileno(), "log": str(side.log), "tree": str(plan.trees[side.name])}
                for side in (sides[name] for name in shared.order)
            ],
        }
    )
