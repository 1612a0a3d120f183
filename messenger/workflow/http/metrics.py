"""Metrics: what this process has answered, as Prometheus reads it."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"

BUCKETS_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)


class Sample(NamedTuple):
    """One number, with its labels."""

    value: float
    labels: Mapping[str, str] = {}
    suffix: str = ""


class Metrics:
    """Counts from when the process began."""

    def __init__(self) -> None:
        self.tasks_created = 0
        self.errors: Counter[str] = Counter()
        self._answers: Counter[tuple[str, str, int]] = Counter()
        self._seconds: dict[str, list[int]] = {}
        self._sums: Counter[str] = Counter()

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answer. The *route* is a pattern, of which there are few, and not what was asked for."""
        self._answers[method, route, status] += 1
        if route not in self._seconds:
            self._seconds[route] = [0] * (len(BUCKETS_SECONDS) + 1)
        self._seconds[route][bisect_left(BUCKETS_SECONDS, seconds)] += 1
        self._sums[route] += seconds  # type: ignore[assignment]

    def lines(self) -> Iterable[str]:
        """Yield the lines of the text format."""
        answers = [
            Sample(times, {"method": method, "route": route, "status": str(status)})
            for (method, route, status), times in sorted(self._answers.items())
        ]
        yield from family("messenger_http_requests_total", "counter", "Requests that were answered.", answers)
        errors = [Sample(times, {"code": code}) for code, times in sorted(self.errors.items())]
        yield from family("messenger_http_errors_total", "counter", "Errors that were answered.", errors)
        created = [Sample(self.tasks_created)]
        yield from family("messenger_tasks_created_total", "counter", "Tasks that are new.", created)
        yield from family(
            "messenger_http_request_seconds", "histogram", "From a request to its answer.", self._histogram()
        )

    def _histogram(self) -> Iterable[Sample]:
        for route, counts in sorted(self._seconds.items()):
            total = 0
            for bound, times in zip((*map(str, BUCKETS_SECONDS), "+Inf"), counts, strict=True):
                total += times
                yield Sample(total, {"route": route, "le": bound}, "_bucket")
            yield Sample(self._sums[route], {"route": route}, "_sum")
            yield Sample(total, {"route": route}, "_count")


def family(name: str, kind: str, help: str, samples: Iterable[Sample]) -> Iterable[str]:
    """Yield the lines of one metric.

    >>> print(*family("up", "gauge", "It answers.", [Sample(1, {"of": "db"})]), sep="")
    # HELP up It answers.
    # TYPE up gauge
    up{of="db"} 1
    <BLANKLINE>
    """
    yield f"# HELP {name} {help}\n# TYPE {name} {kind}\n"
    for value, labels, suffix in samples:
        written = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        yield f"{name}{suffix}{{{written}}} {value}\n" if written else f"{name}{suffix} {value}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
