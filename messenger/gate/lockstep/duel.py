"""Duel: what was measured of two commits, enough to judge it again without measuring."""

import msgspec

from ..git import Commit
from .instructions import Count, Counting
from .judge import Ratios
from .plan import Mode
from .side import Trouble

SCHEMA = 1


class Bout(msgspec.Struct, frozen=True, kw_only=True):
    """One benchmark: the seconds of a call on either side in each pair, and what they say to each other."""

    name: str
    ratios: Ratios
    base_seconds: tuple[float, ...]
    head_seconds: tuple[float, ...]

    @property
    def complete(self) -> bool:
        """Claim that there is enough to judge by: a trimmed mean takes 3 values."""
        screened, confirmed = len(self.ratios.screen), len(self.ratios.confirm)
        seconds = {len(self.base_seconds), len(self.head_seconds)}
        return screened >= 3 and confirmed not in (1, 2) and seconds == {screened + confirmed}


class Duel(msgspec.Struct, frozen=True, kw_only=True):
    """Two commits, side by side.

    varying: benchmarks that got twice as many pairs, because they vary. new: those the base cannot run, for
    it had none of that name. missing: those it had and the head has not. skipped: marked so, or skipped by
    their own tests. troubles: those a side failed at.
    changed_dependencies: files by which the head asks for other packages. base_packages: what the base ran
    with of its own because of that, like `msgspec 0.19.0`. base_collected: whether the base could tell which
    benchmarks it has of its own; else none can be missing. counts: instructions, as *counting* counted them,
    of which verdicts are made where `counts_judge`.
    """

    schema_version: int = SCHEMA
    base: Commit
    head: Commit
    date: str
    environment: str
    mode: Mode = Mode.FORKED
    screening_pairs: int
    confirming_pairs: int
    varying: tuple[str, ...] = ()
    seconds: float
    bouts: tuple[Bout, ...]
    new: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    changed_dependencies: tuple[str, ...] = ()
    base_packages: tuple[str, ...] = ()
    base_collected: bool = True
    counting: Counting | None = None
    counts: tuple[Count, ...] = ()
    counts_judge: bool = False
