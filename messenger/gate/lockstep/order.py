"""Order: what to compare, and how much may be spent on it."""

import msgspec

_TIMEOUT_SECONDS = 60.0


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A wish to hold this checkout against the merge base of *ref*.

    head: the commit to hold against it in place of this checkout, whose benchmarks are run all the same.
    paths: what pytest is given, relative to the project; none is pytest's own collection.
    only: patterns of names.
    budget_seconds: how long it may take, None being as long as all pairs need.
    timeout_seconds: how long a benchmark may keep the gate waiting.
    spawn: start both sides of a pair, rather than fork them.
    same_packages: run the base with what is installed here, whatever it asks for.
    """

    ref: str
    head: str | None = None
    paths: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    budget_seconds: float | None = None
    timeout_seconds: float = _TIMEOUT_SECONDS
    spawn: bool = False
    same_packages: bool = False

    @property
    def words(self) -> list[str]:
        """What asks for the same comparison again, on a command line."""
        words = ["check", "--base", self.ref]
        words += [word for pattern in self.only for word in ("--only", pattern)]
        words += ["--budget", f"{self.budget_seconds:g}"] if self.budget_seconds is not None else []
        words += (
            ["--timeout", f"{self.timeout_seconds:g}"] if self.timeout_seconds != _TIMEOUT_SECONDS else []
        )
        words += ["--spawn"] if self.spawn else []
        words += ["--same-packages"] if self.same_packages else []
        return [*words, *self.paths]
