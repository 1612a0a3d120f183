"""Lease: a step that a worker may run, until the lease is over, and what it is run with."""

from typing import NamedTuple


class Lease(NamedTuple):
    """A row of `complete_steps`: a leased step, with JSON as text."""

    task_id: int
    number: int
    """Of the step in its task."""
    template_id: int
    position: int
    """Of the step in the template, from 0."""
    attempt: int
    """Counts from 1, and is the lease's token: of two that hold a step, one has the later attempt."""
    input: str
    results: str | None
    """None when they are too large to be handed over."""
    cursor_range: str | None
    checkpoint: str | None
    results_bytes: int
