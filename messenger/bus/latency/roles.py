"""Roles: what each part of a measurement does."""

from collections.abc import Callable

import msgspec

from .busy import busy_beside
from .closed_loop import answer, make_round_trips
from .hiccup import watch
from .one_way import publish, receive
from .part import Control, Outcome
from .plan import Plan

ROLES: dict[str, Callable[[Plan, int, Control], Outcome]] = {
    "publisher": publish,
    "subscriber": receive,
    "requester": make_round_trips,
    "responder": answer,
    "hiccup": watch,
}


class Task(msgspec.Struct, frozen=True):
    """A role, and which of those that play it this one is."""

    plan: Plan
    role: str
    number: int = 0

    def play(self, control: Control) -> Outcome:
        """Do it, from getting ready to the end."""
        plan, receives = self.plan, self.role in ("subscriber", "responder")
        with busy_beside(plan.busy if receives else 0, plan.switch_interval_seconds if receives else None):
            return ROLES[self.role](plan, self.number, control)
