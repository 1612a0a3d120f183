"""Units: durations, changes and ratios as people write them."""

_SCALE = (("s", 1e9), ("ms", 1e6), ("us", 1e3), ("ns", 1.0))


def duration(nanoseconds: float | None) -> str:
    """Write a duration with at most 4 significant digits and 3 decimals, in the unit that reads best.

    >>> duration(4512.34), duration(450), duration(0.25e9), duration(None)
    ('4.512 us', '450 ns', '250 ms', '-')
    """
    if nanoseconds is None:
        return "-"
    for unit, scale in _SCALE:
        # 999.96 ns rounds to 1000 ns; whoever would round up to the next unit is written in it.
        if float(f"{nanoseconds:.4g}") >= scale or unit == "ns":
            return f"{_digits(nanoseconds / scale)} {unit}"
    raise AssertionError("nanoseconds is the last unit")


def percent(value: float | None) -> str:
    """Write a change, given in percent, with its sign.

    >>> percent(5.21), percent(-20), percent(104.12), percent(None)
    ('+5.2 %', '-20.0 %', '+104 %', '-')
    """
    if value is None:
        return "-"
    return f"{value:+.0f} %" if abs(value) >= 99.95 else f"{value + 0.0:+.1f} %"


def times_better(value: float, target: float) -> str:
    """Say by what factor *value* beats *target*, or misses it; both in the same unit and positive.

    >>> times_better(4, 50), times_better(60, 50)
    ('12x better', '1.2x over')
    """
    if value <= target:
        return f"{_factor(target / value)}x better" if value > 0 else "better"
    return f"{_factor(value / target)}x over" if target > 0 else "over"


def plural(count: int, noun: str) -> str:
    """Count a regular noun: `1 benchmark`, `2 benchmarks`, `2 processes`."""
    ending = "" if count == 1 else "es" if noun.endswith("s") else "s"
    return f"{count} {noun}{ending}"


def _digits(value: float) -> str:
    rounded = float(f"{value:.4g}")
    return f"{rounded:.3f}".rstrip("0").rstrip(".")


def _factor(ratio: float) -> str:
    """Round down, to one decimal below ten: a factor must not promise more than was measured."""
    ratio = min(ratio, 1e12)  # a hand may have written what nothing can take
    if ratio < 10:
        return f"{int(ratio * 10 + 1e-9) / 10:.1f}".removesuffix(".0")
    return str(int(ratio + 1e-9))
