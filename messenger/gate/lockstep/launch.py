"""Launch: starts the processes of a pair so that they differ in nothing but their code."""

import ctypes
import json
import os
import random
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import msgspec

from ..error import GateError
from .plan import Mode, Plan
from .side import Side

_ZYGOTE = Path(__file__).parent / "arm" / "zygote.py"
# Linux, sys/personality.h
_ASK = 0xFFFFFFFF
_ADDR_NO_RANDOMIZE = 0x0040000


class Likeness(msgspec.Struct, frozen=True):
    """What both sides of a pair have in common, and the next pair has not; *order* says who begins."""

    seed: int
    padding: str
    order: tuple[str, ...]

    @classmethod
    def drawn(cls, plan: Plan, chance: random.Random) -> "Likeness":
        """Draw a hash seed, a padding of the environment and an order."""
        return cls(
            seed=chance.randrange(1, 2**32),
            padding="x" * chance.randrange(4096),
            order=tuple(chance.sample(sorted(plan.trees), len(plan.trees))),
        )


@contextmanager
def started(plan: Plan, likeness: Likeness, wanted: Sequence[str]) -> Iterator[dict[str, Side]]:
    """Start both sides with the benchmarks *wanted*; whatever happens, nothing of them stays.

    Raises:
        GateError: a side took the product from the checkout in place of its tree (exit code 3).
    """
    with tempfile.TemporaryDirectory(prefix="messenger-gate-") as folder, ExitStack() as children:
        sides = {name: Side(name, Path(folder, name), plan.timeout_seconds) for name in plan.trees}
        for names in [likeness.order] if plan.mode is Mode.FORKED else [(name,) for name in likeness.order]:
            children.enter_context(_parent(plan, likeness, wanted, {name: sides[name] for name in names}))
        try:
            yield sides
        finally:
            children.close()
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


def can_fix_layout() -> bool:
    """Claim that a process may be started without layout randomisation; many containers forbid it."""
    with _layout(fixed=True) as fixed:
        return fixed


@contextmanager
def _parent(
    plan: Plan, likeness: Likeness, wanted: Sequence[str], sides: Mapping[str, Side]
) -> Iterator[None]:
    """Run a process that forks *sides*, and kill its whole group in the end."""
    python = plan.pythons[next(iter(sides))]
    with _layout(fixed=plan.mode is Mode.ALIKE):
        child = subprocess.Popen(
            # -P: what stands beside the script is not for the product to import.
            [*plan.wrapper, python, "-u", "-P", str(_ZYGOTE)],
            env={
                **os.environ,
                "PYTHONHASHSEED": str(likeness.seed),
                "MESSENGER_GATE_PADDING": likeness.padding,
                "MESSENGER_GATE_CHECKOUT": str(plan.checkout),
            },
            stdin=subprocess.PIPE,
            stdout=sides[min(sides)].log.open("ab"),
            stderr=subprocess.STDOUT,
            pass_fds=[side.theirs.fileno() for side in sides.values()],
            start_new_session=True,
        )
    try:
        with child.stdin as pipe, suppress(BrokenPipeError):  # type: ignore[union-attr]
            pipe.write(_orders(plan, wanted, sides))
        for side in sides.values():
            side.theirs.close()
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _orders(plan: Plan, wanted: Sequence[str], sides: Mapping[str, Side]) -> bytes:
    """Write what a parent reads from stdin: as arguments, they would differ from side to side."""
    orders = {
        "preload": plan.preload,
        "sources": plan.sources,
        "arguments": plan.arguments,
        "wanted": wanted,
        "sides": [
            {
                "fd": side.theirs.fileno(),
                "log": str(side.log),
                "tree": str(plan.trees[name]),
                # A package that the base has not yet, an editable installation would lend it.
                "hide_checkout": name == "base",
            }
            for name, side in sides.items()
        ],
    }
    return json.dumps(orders).encode()


@contextmanager
def _layout(*, fixed: bool) -> Iterator[bool]:
    """Let the processes started meanwhile have the memory layout of every other one, if the system can."""
    personality = getattr(ctypes.CDLL(None), "personality", None) if fixed else None
    if personality is None:
        yield False
        return
    personality.argtypes = [ctypes.c_ulong]
    before = personality(_ASK)
    changed = before != -1 and personality(before | _ADDR_NO_RANDOMIZE) != -1
    try:
        yield changed
    finally:
        if changed:
            personality(before)
