"""Circumstances: what was compared with what, where and how, told beside every table."""

from collections.abc import Sequence

import msgspec

from .baseline import Baseline
from .comparison import Comparison
from .environment import differences
from .git import Commit
from .reports.units import plural
from .run import Run
from .suite import suite_of


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """The same facts as `lines` for people, and one by one for machines.

    processes: fresh ones on either side. differences: the identity fields in which the baselines' environment
    is another, `old -> new`. slowdown: how many times as long the reference loop took as for the baselines.
    side_by_side: both sides were measured now, and no baseline was asked.
    """

    lines: tuple[str, ...]
    commit: Commit
    date: str
    processes: int
    environment: str
    environment_match: bool
    differences: tuple[str, ...] = ()
    slowdown: float | None = None
    side_by_side: bool = False


def of_baselines(run: Run, baselines: Sequence[Baseline], rows: Sequence[Comparison]) -> Circumstances:
    """Describe a comparison of *run* with stored *baselines*, those of the suites among *rows*."""
    suites = {suite_of(row.name) for row in rows}
    relevant = [baseline for baseline in baselines if baseline.suite in suites]
    found = (differences(baseline.environment, run.environment) for baseline in relevant)
    different = tuple(dict.fromkeys(phrase for phrases in found for phrase in phrases))
    slowdown = _slowdown(run, relevant)
    return Circumstances(
        lines=tuple(_lines(run, relevant, different, slowdown)),
        commit=run.commit,
        date=run.date,
        processes=run.processes,
        environment=run.environment.slug,
        environment_match=bool(relevant) and not different,
        differences=different,
        slowdown=slowdown,
    )


def _slowdown(run: Run, baselines: Sequence[Baseline]) -> float | None:
    references = sorted(baseline.reference_ns for baseline in baselines if baseline.reference_ns)
    if not references or not run.reference_ns:
        return None
    return run.reference_ns / references[len(references) // 2]


def _lines(
    run: Run, baselines: Sequence[Baseline], different: Sequence[str], slowdown: float | None
) -> list[str]:
    current = run.commit.label or "no commit"
    measured = f"measured {run.date[:10]}, {plural(run.processes, 'fresh process')}"
    lines = [f"Current: {current}, {measured if run.date else 'nothing measured'}."]
    if baselines:
        lines.append(f"Baseline: {_describe_baselines(baselines)}.")
        same = f"Environment: the same on both sides ({run.environment.slug})."
        lines.append(f"Environment differs: {'; '.join(different)}." if different else same)
    statistic = "Statistic: the first quartile (q25) of a process, then the median over processes"
    if slowdown is None:
        return [*lines, f"{statistic}."]
    pace = f"which took {slowdown:.2f}x as long as for the baseline"
    return [*lines, f"{statistic}; Current and Change are normalised by the reference loop, {pace}."]


def _describe_baselines(baselines: Sequence[Baseline]) -> str:
    made = (f"{baseline.commit or 'no commit'} of {baseline.date[:10]}" for baseline in baselines)
    return ", ".join(dict.fromkeys(made))
