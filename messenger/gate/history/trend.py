"""Trend: what a benchmark took at one commit after the other, in one environment."""

import msgspec


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One value that was accepted or reported, at the pace of the newest point's reference loop.

    date: ISO 8601, of the measurement. commit: the one that brought the row into the baselines, or that a
    report was measured at; null while it is not committed. low_ms and high_ms: two standard deviations
    between processes to either side, where they are known. reason: why somebody accepted it. normalised:
    the reference loop was known, here and at the newest point; otherwise q25_ms is as it was measured.
    """

    date: str
    commit: str | None
    q25_ms: float
    low_ms: float | None = None
    high_ms: float | None = None
    reason: str | None = None
    normalised: bool = True


class Shift(msgspec.Struct, frozen=True):
    """A change point: from the point numbered *at* (from 0) on, the level is another."""

    at: int
    change_percent: float


class Trend(msgspec.Struct, frozen=True, kw_only=True):
    """One benchmark in one environment, oldest point first.

    formerly: the names it had before it was moved, oldest first. anchor: the release, or the first point,
    that slow creep is measured against; null where there is nothing earlier. anchor_percent: how far the
    newest point lies from it. creep_percent: how far the last level does. drift_percent: what is left of that
    without the single steps that were larger than tolerance_percent, what the gate calls noise of a row.
    """

    name: str
    environment: str
    points: tuple[Point, ...]
    shifts: tuple[Shift, ...] = ()
    formerly: tuple[str, ...] = ()
    anchor: str | None = None
    anchor_percent: float | None = None
    creep_percent: float | None = None
    drift_percent: float | None = None
    tolerance_percent: float | None = None

    @property
    def comparable(self) -> tuple[int, ...]:
        """Number the points that are at one pace: those that are normalised, or all where none is."""
        normalised = tuple(number for number, point in enumerate(self.points) if point.normalised)
        return normalised or tuple(range(len(self.points)))

    def at_one_pace(self) -> "Trend":
        """Leave out the points that are not comparable with the others."""
        places = {number: place for place, number in enumerate(self.comparable)}
        return msgspec.structs.replace(
            self,
            points=tuple(self.points[number] for number in places),
            shifts=tuple(Shift(places[shift.at], shift.change_percent) for shift in self.shifts),
        )

    @property
    def step_percent(self) -> float | None:
        """Return how far the newest point lies from the one before; None where none is at the same pace."""
        if len(self.points) < 2:
            return None
        before, newest = self.points[-2:]
        return (newest.q25_ms / before.q25_ms - 1) * 100 if before.normalised == newest.normalised else None

    @property
    def creeps(self) -> bool:
        """Claim that it became slower than the tolerance allows, in steps none of which was that large."""
        return self.tolerance_percent is not None and self.creeps_beyond(self.tolerance_percent)

    def creeps_beyond(self, percent: float) -> bool:
        """Claim that it lies more than *percent* above its anchor, even without the large steps."""
        known = self.creep_percent is not None and self.drift_percent is not None
        return known and min(self.creep_percent or 0.0, self.drift_percent or 0.0) > percent
