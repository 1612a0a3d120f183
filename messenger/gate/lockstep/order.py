"""Order: what to compare, and how much may be spent on it."""

import msgspec


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A wish to hold this checkout against the merge base of *ref*.

    paths: what pytest is given, relative to the project; none is pytest's own collection.
    only: patterns of names.
    budget_seconds: how long it may take, None being as long as all pairs need.
    timeout_seconds: how long a benchmark may keep the gate waiting.
    spawn: start both sides of a pair, rather than fork them.
    same_packages: run the base with what is installed here, whatever it asks for.
    """

    ref: str
    paths: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    budget_seconds: float | None = None
    timeout_seconds: float = 60.0
    spawn: bool = False
    same_packages: bool = False
