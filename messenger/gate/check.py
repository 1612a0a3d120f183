"""Check: a run, given or measured now, is held against stored baselines."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import msgspec

from .accepted import Accepted, excuse_rows
from .baseline import Baseline
from .comparison import Comparison, compare, confirm, require_acceptance, suspects
from .git import read_commit
from .machine import capture
from .measure import Order, measure
from .nearest import choose_baselines
from .paths import existing_paths, relative_paths
from .process import Process
from .progress import show_progress
from .reports.units import plural
from .run import Run, combine_processes
from .selection import Selection
from .settings import Settings
from .suite import suite_of

# One process can be off by half; the median of five fresh ones is not.
_CONFIRMING_PROCESSES = 5


class Checked(msgspec.Struct, frozen=True):
    """The rows of a check, the run they are about and the baselines they were held against."""

    run: Run
    comparisons: tuple[Comparison, ...]
    baselines: tuple[Baseline, ...]


def check_run(run: Run, stored: Sequence[Baseline], only: Sequence[str]) -> Checked:
    """Compare *run*, as far as the patterns *only* select, with the baselines that fit it best."""
    measured = {suite_of(row.name) for row in run.measurements}
    baselines = choose_baselines(stored, run.environment, measured)
    return Checked(run, compare(run, baselines, selection_of(run, only)), baselines)


def check_by_measuring(
    order: Order, settings: Settings, root: Path, stored: Sequence[Baseline], keep: Path
) -> Checked:
    """Measure in fresh processes, compare, and measure again whatever looks like a failure.

    Only what fails on the second, fresh measurement alone is called a failure: with many benchmarks and
    a noisy machine, something always looks slow at first. Reports are left in the folder *keep*.

    Raises:
        GateError: a process could not measure.
    """
    run = measure_run(order, settings, root, keep)
    checked = check_run(run, stored, order.only)
    names = suspects(checked.comparisons, strict=settings.improvements == "accept")
    if not names:
        return checked
    again = msgspec.structs.replace(order, processes=max(order.processes, _CONFIRMING_PROCESSES), names=names)
    moved = {row.name: row.formerly for row in checked.comparisons if row.formerly}
    rerun = measure_run(again, settings, root, keep)
    fresh = compare(rerun, checked.baselines, Selection(paths=names), moved)
    return Checked(run, confirm(checked.comparisons, fresh), checked.baselines)


def settle(
    rows: Sequence[Comparison], accepted: Sequence[Accepted], settings: Settings, today: date
) -> tuple[Comparison, ...]:
    """Let agreements have their say: accepted slowdowns pass, and improvements may have to be accepted."""
    rows = excuse_rows(rows, accepted, today)
    return require_acceptance(rows) if settings.improvements == "accept" else tuple(rows)


def measure_run(order: Order, settings: Settings, root: Path, keep: Path) -> Run:
    """Measure *order* and combine its processes; paths that are gone are remembered, but not given to pytest.

    A benchmark file that was deleted is a fact for the comparison, not a mistake of the command line.

    Raises:
        GateError: a process could not measure, or two cannot be combined.
    """
    here = Path.cwd()
    wanted = order.paths or settings.paths
    present = existing_paths(wanted, here if order.paths else root)
    gone = tuple(path for path in wanted if path not in present)
    if wanted and not present:
        run = _measured_nothing(settings, root)
    else:
        what = f"confirming {plural(len(order.names), 'suspect')}" if order.names else "measuring"
        with show_progress(what) as progress:
            given = tuple(str(root / path) for path in present) if not order.paths else present
            run = combine_processes(measure(msgspec.structs.replace(order, paths=given), keep, progress))
    missing = relative_paths(gone, here if order.paths else root, root) or ()
    return msgspec.structs.replace(run, paths=None if run.paths is None else (*run.paths, *missing))


def selection_of(run: Run, only: Sequence[str]) -> Selection:
    """Select what *run* set out to measure, as far as *only* narrows it.

    Where the run does not know its paths, the suites it measured are meant.
    """
    suites = frozenset(suite_of(row.name) for row in run.measurements)
    return Selection(only=(tuple(only), run.only), paths=run.paths, suites=suites)


def _measured_nothing(settings: Settings, root: Path) -> Run:
    nobody = Process(
        origin="nothing",
        identity="",
        date="",
        environment=capture(settings.packages),
        commit=read_commit(root, settings.baselines),
        paths=(),
    )
    return combine_processes([nobody])
