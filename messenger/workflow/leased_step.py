"""Leased step: a step that a worker holds the lease of, and runs."""

from collections.abc import Callable
from time import monotonic

import msgspec

from .context import Context, CursorRange, LeaseLost
from .lease import Lease
from .store import Running
from .template import Step

_decode = msgspec.json.Decoder().decode
_decode_range = msgspec.json.Decoder(CursorRange).decode


def _nothing() -> None:
    """Abandon what has not begun."""


class LeasedStep:
    """A *lease* of *step* that is run, until that ends or the lease is lost."""

    __slots__ = ("abandon", "began", "checkpoint", "lease", "lost", "step")

    def __init__(self, lease: Lease, step: Step) -> None:
        self.lease = lease
        self.step = step
        self.began = monotonic()
        """When the lease was last known to hold, in seconds."""
        self.checkpoint: str | None = None
        """What is to be stored with the next extension of the lease."""
        self.lost = False
        self.abandon: Callable[[], None] = _nothing

    @property
    def key(self) -> tuple[int, int]:
        """The task and the step's number in it."""
        return self.lease.task_id, self.lease.number

    def running(self) -> Running:
        """Return what is to be stored of it; a checkpoint is stored once."""
        checkpoint, self.checkpoint = self.checkpoint, None
        return Running(*self.key, self.lease.attempt, checkpoint)

    def context(self) -> Context:
        """Return what the handler is given."""
        lease = self.lease
        return Context(
            input=_decode(lease.input),
            results=_decode(lease.results or "{}"),
            task_id=str(lease.task_id),
            step_id=f"{lease.task_id}.{lease.number}",
            step=self.step.name,
            attempt=lease.attempt,
            cursor_range=None if lease.cursor_range is None else _decode_range(lease.cursor_range),
            checkpoint=None if lease.checkpoint is None else _decode(lease.checkpoint),
            send_heartbeat=self.heartbeat,
        )

    def heartbeat(self, checkpoint: bytes | None) -> None:
        """Take a checkpoint as JSON, in any thread.

        Raises:
            LeaseLost: the lease is over.
        """
        if self.lost:
            task_id, _ = self.key
            raise LeaseLost(
                f"attempt {self.lease.attempt} of step {self.step.name!r}, task {task_id}, is over: it was "
                "cancelled, or its lease ran out; stop, for its result would be refused"
            )
        if checkpoint is not None:
            self.checkpoint = checkpoint.decode()

    def lose(self) -> None:
        """End it, for its lease is over."""
        self.lost = True
        self.abandon()
