"""Baseline: what the repository remembers of one suite in one environment."""

from collections.abc import Sequence
from typing import Any

import msgspec

from .environment import Environment
from .error import GateError
from .measurement import Measurement, is_duration

SCHEMA = 1


class UnreadableBaseline(GateError):
    """A baseline file that this gate cannot understand."""


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """One baseline file; the header says who accepted last, each row when it was measured itself."""

    schema_version: int = SCHEMA
    suite: str
    environment: Environment
    commit: str | None
    date: str
    reference_ns: float | None
    benchmarks: tuple[Measurement, ...]


class _Schema(msgspec.Struct):
    schema_version: int


def format_baseline(baseline: Baseline) -> str:
    """Write *baseline* as JSON, one line a header field and one a benchmark, for diffs people can read."""
    header: dict[str, Any] = msgspec.to_builtins(baseline)
    rows = [_told(row) for row in header.pop("benchmarks")]
    lines = [f"  {_json(key)}: {_json(value)}," for key, value in header.items()]
    body = ",\n".join(f"    {_json(row)}" for row in sorted(rows, key=lambda row: str(row["name"])))
    return "\n".join(["{", *lines, '  "benchmarks": [', *([body] if body else []), "  ]", "}", ""])


def parse_baseline(content: bytes, origin: str) -> Baseline:
    """Understand a baseline file; *origin* names it in messages.

    Raises:
        UnreadableBaseline: not a baseline, one of a newer gate, or one with impossible rows.
    """
    repair = f"restore it with: git checkout -- {origin}; or measure it anew with: messenger gate accept"
    try:
        version = msgspec.json.decode(content, type=_Schema).schema_version
        if version > SCHEMA:
            raise UnreadableBaseline(
                f"{origin} was written by a newer messenger (schema {version}, this one reads {SCHEMA}); "
                "upgrade messenger here"
            )
        baseline = msgspec.json.decode(content, type=Baseline)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableBaseline(f"{origin} is not a baseline file: {error}; {repair}") from error
    fault = _fault(baseline.benchmarks)
    if fault:
        raise UnreadableBaseline(f"{origin} is damaged: {fault}; {repair}")
    return baseline


def _told(row: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is not known of a row and need not be."""
    optional = ("max_ns", "outliers", "samples_ns", "fingerprint", "reason")
    return {field: value for field, value in row.items() if value not in (None, []) or field not in optional}


def _fault(rows: Sequence[Measurement]) -> str | None:
    seen: set[str] = set()
    for row in rows:
        if row.name in seen:
            return f"{row.name} stands in it twice"
        if not row.q25_ns > 0 or (row.reference_ns is not None and not row.reference_ns > 0):
            return f"{row.name} has a time that is not positive"
        if not all(map(is_duration, filter(None, (row.q25_ns, row.reference_ns)))):
            return f"{row.name} has a time that is no duration: {row.q25_ns} ns"
        if row.spread is not None and row.spread < 0:
            return f"{row.name} has a negative spread"
        seen.add(row.name)
    return None


def _json(value: object) -> str:
    text = msgspec.json.encode(value).decode()
    # Python's own separators: a space after a comma costs a byte and saves a reader.
    return msgspec.json.format(text, indent=0) if isinstance(value, dict | list) else text
