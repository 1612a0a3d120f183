"""Trend: what a benchmark took at one commit after the other, in one environment."""

import msgspec


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One value that was accepted or reported, at the pace of the newest point's reference loop.

    date: ISO 8601. low_ms and high_ms: the interval that noise explains, where it is known. reason: why
    somebody accepted it.
    """

    date: str
    commit: str | None
    q25_ms: float
    low_ms: float | None = None
    high_ms: float | None = None
    reason: str | None = None


class Shift(msgspec.Struct, frozen=True):
    """A change point: from the point numbered *at* (from 0) on, the level is another."""

    at: int
    change_percent: float


class Trend(msgspec.Struct, frozen=True, kw_only=True):
    """One benchmark in one environment, oldest point first.

    anchor: the release, or the first point, that slow creep is measured against. creep_percent: how far the
    last level lies from it.
    """

    name: str
    environment: str
    points: tuple[Point, ...]
    shifts: tuple[Shift, ...] = ()
    anchor: str | None = None
    creep_percent: float | None = None
