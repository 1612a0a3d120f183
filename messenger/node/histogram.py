"""Counts of durations, from which any percentile can be read within 0.4 %, in fixed memory."""

_PRECISION_BITS = 7
_SUB_BUCKETS = 1 << _PRECISION_BITS
_LARGEST = (1 << 40) - 1  # ns: 18 minutes


class Histogram:
    """Durations in nanoseconds, 0 to 18 minutes; longer ones count as 18 minutes.

    Each octave is cut into 128 buckets, so a bucket is at most 1/128 of its value wide and its
    middle at most 0.4 % away.  4,480 counters in all, however many durations.

    Source: the bucket layout of HdrHistogram, http://hdrhistogram.org
    """

    def __init__(self) -> None:
        self._counts = [0] * (_index(_LARGEST) + 1)
        self.count = 0
        self.total_ns = 0
        self.max_ns = 0

    def record(self, duration_ns: int, times: int = 1) -> None:
        """Count *duration_ns* as seen *times* times."""
        # _index(), written out: a call would cost as much as the arithmetic.
        bounded = duration_ns if duration_ns <= _LARGEST else _LARGEST
        shift = bounded.bit_length() - 8
        self._counts[(shift << 7) + (bounded >> shift) if shift > 0 else bounded] += times
        self.count += times
        self.total_ns += duration_ns * times
        if duration_ns > self.max_ns:
            self.max_ns = duration_ns

    @property
    def mean_ns(self) -> float:
        """The exact mean; 0 when nothing was recorded."""
        return self.total_ns / self.count if self.count else 0.0

    def percentile_ns(self, percent: float) -> float:
        """Return the smallest recorded duration that *percent* (0 to 100) of them do not exceed.

        >>> histogram = Histogram()
        >>> for duration_ns in range(1, 101):
        ...     histogram.record(duration_ns)
        >>> histogram.percentile_ns(99)
        99.0
        """
        wanted = max(1, -(-self.count * percent // 100))
        seen = 0
        for index, count in enumerate(self._counts):
            seen += count
            if seen >= wanted:
                return min(_middle(index), float(self.max_ns))
        return 0.0


def _index(value: int) -> int:
    shift = value.bit_length() - _PRECISION_BITS - 1
    return (shift << _PRECISION_BITS) + (value >> shift) if shift > 0 else value


def _middle(index: int) -> float:
    """Undo `_index`: return the middle of the values that share *index*."""
    if index < 2 * _SUB_BUCKETS:
        return float(index)
    shift = (index >> _PRECISION_BITS) - 1
    low = (index - (shift << _PRECISION_BITS)) << shift
    return low + ((1 << shift) - 1) / 2
