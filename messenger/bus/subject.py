"""Subject: what a message is about, and which subscriptions it concerns.

Source: NATS, "Subject-Based Messaging". Tokens are parted by dots; in a pattern `*` stands for one token and
`>`, which only the last can be, for one or more.
"""

from collections.abc import Iterator
from typing import Generic, TypeVar

LONGEST = 255  # characters

Value = TypeVar("Value")


class BadSubject(ValueError):
    """A subject, or a pattern, that no transport could carry."""


def check_subject(subject: str) -> None:
    """Refuse what is no subject to publish to.

    Raises:
        BadSubject: it is empty, too long, has an empty token, a wildcard, whitespace or a control character.
    """
    _check(subject)
    for token in ("*", ">"):
        if token in subject:
            raise BadSubject(f"cannot publish to {subject!r}: {token} is for subscriptions; name one subject")


def check_pattern(pattern: str) -> None:
    """Refuse what is no pattern to subscribe to.

    Raises:
        BadSubject: see `check_subject`; or a wildcard is part of a token, or > is not the last one.
    """
    _check(pattern)
    tokens = pattern.split(".")
    for token in tokens:
        if ("*" in token or ">" in token) and len(token) > 1:
            raise BadSubject(
                f"cannot subscribe to {pattern!r}: {token!r} mixes a wildcard with other characters"
            )
    if ">" in tokens[:-1]:
        raise BadSubject(f"cannot subscribe to {pattern!r}: > can only be the last token")


def matches(pattern: str, subject: str) -> bool:
    """Claim that a subscription to *pattern* gets what is published to *subject*.

    >>> matches("orders.*.paid", "orders.7.paid"), matches("orders.>", "orders"), matches(">", "a.b")
    (True, False, True)
    """
    wanted, given = pattern.split("."), subject.split(".")
    if wanted[-1] == ">":
        if len(given) < len(wanted):
            return False
        wanted = wanted[:-1]
        given = given[: len(wanted)]
    return len(wanted) == len(given) and all(
        one in ("*", other) for one, other in zip(wanted, given, strict=True)
    )


class Routes(Generic[Value]):
    """Values by pattern, found by subject; what was found is remembered, for subjects come again."""

    _REMEMBERED_MOST = 10_000

    def __init__(self) -> None:
        self._values: list[tuple[str, Value]] = []
        self.found: dict[str, tuple[Value, ...]] = {}

    def add(self, pattern: str, value: Value) -> None:
        """Let *value* be found by every subject that *pattern* matches, after those added before."""
        self._values = [*self._values, (pattern, value)]
        self.forget()

    def remove(self, value: Value) -> None:
        """Forget *value*, whatever its pattern."""
        self._values = [entry for entry in self._values if entry[1] is not value]
        self.forget()

    def forget(self) -> None:
        """Forget what was found; whoever is finding meanwhile remembers it where nobody looks."""
        self.found = {}

    def find(self, subject: str) -> tuple[Value, ...]:
        """Return the values that *subject* concerns, and remember them in `found`.

        Raises:
            BadSubject: see `check_subject`.
        """
        check_subject(subject)
        found = self.found
        values = tuple(value for pattern, value in self._values if matches(pattern, subject))
        if len(found) >= self._REMEMBERED_MOST:
            found.clear()
        found[subject] = values
        return values

    def __iter__(self) -> Iterator[Value]:
        return iter([value for _, value in self._values])


def _check(text: str) -> None:
    if not isinstance(text, str) or not text:
        raise BadSubject(f"{text!r} is no subject; write one such as 'orders.created'")
    if len(text) > LONGEST:
        raise BadSubject(f"a subject has {LONGEST} characters at most, and {text[:40]!r}... has {len(text)}")
    if not text.isprintable() or " " in text or not text.isascii():
        raise BadSubject(
            f"{text!r} holds what no subject can: blanks, control or other than ASCII characters"
        )
    if "" in text.split("."):
        raise BadSubject(f"{text!r} has an empty token; tokens are parted by single dots")
