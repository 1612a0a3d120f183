"""Doctor: what makes this machine noisy, and what to do about it."""

import statistics
from collections.abc import Sequence

import msgspec

from .report import Prerequisite

_LOAD_MOST = 0.5  # processes that want a core, for each there is
_STEAL_MOST = 0.02
_SLOW = 1.3
_SLOW_MOST = 0.10
_GAP_MOST_MS = 5.0
_TEMPORARY_LEAST_MB = 500


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a look at the machine tells at once; None where it does not say.

    load: processes that want a core, averaged over a minute. quota_cores: what a container may use.
    governors: how clock rates are chosen. siblings: cores share a physical one. counter: who counts
    instructions. disturbing: what changes how long things take in this process.
    """

    cores: int
    load: float | None = None
    quota_cores: float | None = None
    governors: tuple[str, ...] | None = None
    siblings: bool | None = None
    forks: bool = True
    fixed_layout: bool = False
    counter: str | None = None
    versions: tuple[str, ...] = ()
    debug_build: bool = False
    disturbing: tuple[str, ...] = ()
    git: bool = True
    shallow: bool = False
    temporary_mb: float | None = None
    clock_ns: float | None = None


class Pulse(msgspec.Struct, frozen=True):
    """What a few seconds of measuring tell.

    slices_ns: the reference loop, again and again. gap_ms: the longest time in which a thread that does
    nothing but read the clock did not run. steal: the share of the time that the host gave to others.
    """

    slices_ns: tuple[int, ...]
    gap_ms: float
    steal: float | None = None

    @property
    def slow(self) -> float:
        """Return the share of slices that took 1.3 times as long as the fastest tenth, or longer."""
        fast = sorted(self.slices_ns)[len(self.slices_ns) // 10]
        return statistics.fmean(one > _SLOW * fast for one in self.slices_ns)


def prerequisites(facts: Facts) -> tuple[Prerequisite, ...]:
    """Say what a measurement needs, or is disturbed by, and how it stands here."""
    return tuple(_of_the_machine(facts) + _of_the_project(facts))


def symptoms(pulse: Pulse) -> tuple[Prerequisite, ...]:
    """Say how steadily this machine runs."""
    found = [
        Prerequisite(
            "steady speed",
            pulse.slow <= _SLOW_MOST,
            f"{pulse.slow:.0%} of {len(pulse.slices_ns)} slices of the reference loop took 1.3 times as long "
            "as the fastest tenth",
            "compare side by side (check --base REF), where both sides meet the same",
        ),
        Prerequisite(
            "no hiccups",
            pulse.gap_ms <= _GAP_MOST_MS,
            f"a thread that only reads the clock was kept waiting for {pulse.gap_ms:.1f} ms at most",
            "a percentile above p99 says more about this machine than about your code",
        ),
    ]
    if pulse.steal is not None:
        found.append(
            Prerequisite(
                "no steal",
                pulse.steal <= _STEAL_MOST,
                f"the host gave {pulse.steal:.1%} of the time to others",
                "take a machine with cores of its own, or measure at another hour",
            )
        )
    return tuple(found)


def in_a_line(found: Sequence[Prerequisite]) -> str:
    """Write findings for whoever is about to wait: what is well by name, what is not with its reason."""
    told = [f"✓ {one.name}" if one.met else f"✗ {one.name} ({one.found})" for one in found]
    return f"Prerequisites: {', '.join(told)}"


def render_doctor(found: Sequence[Prerequisite]) -> str:
    """Write a line a finding, with advice where something is to be done, and the sum of it last."""
    lines = []
    for one in found:
        lines.append(f"{'✓' if one.met else '✗'} {one.name}: {one.found}")
        if not one.met and one.advice:
            lines.append(f"    {one.advice}")
    todo = sum(not one.met for one in found)
    lines.append(f"NOISY: {todo} of {len(found)} findings to look at." if todo else "QUIET: nothing to do.")
    return "\n".join(lines) + "\n"


def _of_the_machine(facts: Facts) -> list[Prerequisite]:
    found = [
        Prerequisite(
            "cores",
            facts.cores > 1,
            f"{facts.cores} to use",
            "on a single core the gate itself is what disturbs; give it two",
        )
    ]
    if facts.load is not None:
        told = f"{facts.load:.1f} processes wanted a core in the last minute, of {facts.cores}"
        quiet = facts.load / facts.cores <= _LOAD_MOST
        found.append(Prerequisite("load", quiet, told, "end what else runs, or compare side by side"))
    if facts.quota_cores is not None:
        told = f"this container may use {facts.quota_cores:g} of {facts.cores} cores"
        enough = facts.quota_cores >= facts.cores
        found.append(
            Prerequisite("quota", enough, told, "raise its CPU limit: it is stopped when it is used up")
        )
    if facts.governors is not None:
        told = ", ".join(facts.governors)
        steady = set(facts.governors) <= {"performance"}
        found.append(Prerequisite("governor", steady, told, "cpupower frequency-set --governor performance"))
    if facts.siblings:
        told = "two cores share a physical one, and halve each other's speed"
        found.append(Prerequisite("siblings", True, told))
    return found


def _of_the_project(facts: Facts) -> list[Prerequisite]:
    if facts.forks:
        pairs = "processes can be forked, so the sides of a pair share their memory layout"
    else:
        pairs = "processes cannot be forked; pairs are " + (
            "started with layout randomisation off"
            if facts.fixed_layout
            else "unlike, and 5 % is the least seen"
        )
    found = [
        Prerequisite("pairs", facts.forks or facts.fixed_layout, pairs, "use Linux for check --base"),
        Prerequisite(
            "instructions",
            facts.counter is not None,
            f"counted by {facts.counter}" if facts.counter else "nobody can count them here",
            "install valgrind, to tell more work from memory and layout",
        ),
        Prerequisite(
            "versions",
            not facts.debug_build,
            ", ".join(facts.versions)
            + ("; a debug build, several times slower" if facts.debug_build else ""),
            "measure with the interpreter that your users have",
        ),
        Prerequisite(
            "nothing else in the process",
            not facts.disturbing,
            ", ".join(facts.disturbing) or "no tracer, and no variable that changes what is timed",
            "unset them, or leave them out when you measure",
        ),
        Prerequisite(
            "git",
            facts.git and not facts.shallow,
            _git_told(facts),
            "git fetch --unshallow (in CI: fetch-depth: 0)" if facts.git else "install git, or git init",
        ),
    ]
    if facts.temporary_mb is not None:
        enough = facts.temporary_mb >= _TEMPORARY_LEAST_MB
        told = f"{facts.temporary_mb:.0f} MB free"
        found.append(
            Prerequisite("temporary folder", enough, told, "make room, or set TMPDIR: two checkouts go there")
        )
    if facts.clock_ns is not None:
        told = f"moves in steps of {facts.clock_ns:.0f} ns"
        found.append(
            Prerequisite("clock", facts.clock_ns <= 1000, told, "switch the kernel's clock source to tsc")
        )
    return found


def _git_told(facts: Facts) -> str:
    if not facts.git:
        return "this is no repository, so no two commits can be compared"
    return "the history was cut off when it was fetched" if facts.shallow else "with its history"
