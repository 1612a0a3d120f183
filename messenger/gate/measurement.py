"""Measurement: what is known of one benchmark, in a run and in a baseline alike."""

import math
import statistics
from collections.abc import Sequence

import msgspec


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """One benchmark over one or more fresh processes; times in nanoseconds, medians over the processes.

    `q25_ns` is the judged statistic: the first quartile of a process's rounds, at the speed of
    `reference_ns`, so that `q25_ns / reference_ns` is exactly the normalised value. `fastest_ns` is the same
    of the fastest process, `min_ns` the least of all rounds. `spread` is the relative standard deviation of
    the normalised value between undisturbed processes; None when fewer than `PROCESSES_FOR_SPREAD` were
    measured. `samples_ns` are the judged statistics of the processes. `outliers` are rounds beyond 1.5
    interquartile ranges. `reference_ns` and `commit` say when the row was measured: rows of one baseline can
    come from different days. `fingerprint` tells whether the benchmark is still the same one, see `Source`,
    and `reason` why somebody has accepted it.
    """

    name: str
    q25_ns: float
    median_ns: float
    mean_ns: float
    stddev_ns: float
    min_ns: float
    max_ns: float | None = None
    rounds: int
    outliers: int | None = None
    fastest_ns: float | None = None
    processes: int = 1
    spread: float | None = None
    reference_ns: float | None = None
    commit: str | None = None
    samples_ns: tuple[float, ...] = ()
    fingerprint: str | None = None
    reason: str | None = None


PROCESSES_FOR_SPREAD = 5
_SIGMA_PER_MAD = 1.4826  # of a normal distribution


def is_duration(nanoseconds: float) -> bool:
    """Claim that something can take so long: from a femtosecond to three thousand years.

    What is beyond is damage, and would be infinite or nothing once it is divided.
    """
    return 1e-6 <= nanoseconds <= 1e20


def combine(samples: Sequence[Measurement], commit: str | None) -> Measurement:
    """Take the samples of one benchmark, one a process, together; at least one, all of one name."""
    references = [sample.reference_ns for sample in samples if sample.reference_ns is not None]
    reference = statistics.median(references) if len(references) == len(samples) else None
    values = [sample.q25_ns / (sample.reference_ns or 1.0 if reference else 1.0) for sample in samples]
    return Measurement(
        name=samples[0].name,
        q25_ns=statistics.median(values) * (reference or 1.0),
        median_ns=statistics.median(sample.median_ns for sample in samples),
        mean_ns=statistics.median(sample.mean_ns for sample in samples),
        stddev_ns=statistics.median(sample.stddev_ns for sample in samples),
        min_ns=min(sample.min_ns for sample in samples),
        max_ns=max((sample.max_ns for sample in samples if sample.max_ns is not None), default=None),
        outliers=_median_count([sample.outliers for sample in samples if sample.outliers is not None]),
        rounds=int(statistics.median(sample.rounds for sample in samples)),
        fastest_ns=min(values) * (reference or 1.0),
        processes=len(samples),
        spread=_spread(values),
        reference_ns=reference,
        commit=commit,
        samples_ns=tuple(value * (reference or 1.0) for value in values),
        fingerprint=samples[0].fingerprint,
    )


def rounded(measurement: Measurement) -> Measurement:
    """Keep 5 significant digits, 2 of the spread: more is noise, and noise makes diffs unreadable."""
    fields = msgspec.structs.asdict(measurement)
    for field, value in fields.items():
        if isinstance(value, float):
            fields[field] = _significant(value, 2 if field == "spread" else 5)
    fields |= {"max_ns": None, "outliers": None}  # the neighbours' doing, and another number every time
    fields["samples_ns"] = tuple(_significant(value, 4) for value in measurement.samples_ns)
    return Measurement(**fields)


def relative_change(current: Measurement, baseline: Measurement) -> tuple[float, bool]:
    """Return `current / baseline - 1` of the judged statistic, and whether it is normalised.

    Normalised: each side divided by its reference loop, which takes out how fast the machine was that day.
    Without the loop's time on both sides the raw times are compared.
    """
    pace, normalised = _pace(current, baseline)
    return current.q25_ns / baseline.q25_ns * pace - 1, normalised


def clear_change(current: Measurement, baseline: Measurement) -> float:
    """Return the part of the change that no disturbance explains, as a fraction; 0 when there is none.

    Neighbours on the machine add time and never take any.  So a slowdown is clear as far as even the fastest
    process shows it, and a speed-up as far as it beats even the fastest process of the baseline.
    """
    pace, _ = _pace(current, baseline)
    slowdown = (current.fastest_ns or current.q25_ns) / baseline.q25_ns * pace - 1
    speedup = current.q25_ns / (baseline.fastest_ns or baseline.q25_ns) * pace - 1
    return max(slowdown, 0.0) or min(speedup, 0.0)


def _pace(current: Measurement, baseline: Measurement) -> tuple[float, bool]:
    if current.reference_ns and baseline.reference_ns:
        return baseline.reference_ns / current.reference_ns, True
    return 1.0, False


def _median_count(counts: Sequence[int]) -> int | None:
    return int(statistics.median(counts)) if counts else None


def _spread(values: Sequence[float]) -> float | None:
    """Estimate the standard deviation from the median absolute deviation, relative to the median.

    A fifth of the processes on a shared machine run at half speed.  They say how busy the neighbours
    were, not how much the benchmark varies, and would make its tolerance 60 %.
    """
    if len(values) < PROCESSES_FOR_SPREAD:
        return None
    middle = statistics.median(values)
    return _SIGMA_PER_MAD * statistics.median(abs(value - middle) for value in values) / middle


def _significant(value: float, digits: int) -> float:
    if not value or not math.isfinite(value):
        return value
    return round(value, digits - 1 - math.floor(math.log10(abs(value))))
