"""Acceptance: what accepting a run changes, as text."""

from collections import Counter

from ..accept import Acceptance, Change
from .units import duration, percent
from .words import shorten

_KINDS = {
    "added": "added",
    "changed": "changed",
    "moved": "moved",
    "kept": "kept though not in this run",
    "pruned": "pruned",
}


def render_acceptance(acceptance: Acceptance) -> str:
    """List every row with what happens to it, then count; changes are normalised by the reference loop."""
    if not acceptance.changes:
        return ""
    prefix, names = shorten(change.name for change in acceptance.changes)
    lines = [f"names below {prefix}"] if prefix else []
    lines += [_line(change, names[change.name]) for change in acceptance.changes]
    count = Counter(change.kind for change in acceptance.changes)
    lines.append(", ".join(f"{count[kind]} {words}" for kind, words in _KINDS.items() if count[kind]))
    return "\n".join(lines) + "\n"


def _line(change: Change, name: str) -> str:
    old, new = (row.q25_ns if row else None for row in (change.old, change.new))
    change_percent = None if change.change is None else change.change * 100
    step = f"{duration(old)} -> {duration(_at_old_pace(change))} ({percent(change_percent)})"
    values = {
        "added": duration(new),
        "changed": step,
        "moved": f"was {change.before}, {step}",
        "kept": duration(old),
        "pruned": duration(old),
    }
    return f"  {change.kind:<8} {name}: {values[change.kind]}"


def _at_old_pace(change: Change) -> float | None:
    """Return the new time as if the machine had run as fast as for the old one: what the percentage says."""
    if change.old is None or change.change is None:
        return None
    return change.old.q25_ns * (1 + change.change)
