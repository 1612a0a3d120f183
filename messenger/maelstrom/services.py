"""The services that Maelstrom offers to nodes, as state machines: a request in, a reply out.

Source: Maelstrom, doc/services.md and src/maelstrom/service.clj.
"""

from bisect import bisect_right
from collections.abc import Callable
from random import Random
from typing import Any, Protocol

from .canonical import canonical
from .error_codes import KEY_DOES_NOT_EXIST, MALFORMED_REQUEST, NOT_SUPPORTED, PRECONDITION_FAILED

Body = dict[str, Any]

PAST_STATES = 32
"""How many states back seq-kv may answer from."""

REPLICAS = 5
"""How many nodes lww-kv pretends to be."""


class Service(Protocol):
    """Something that answers requests at once."""

    def handle(self, src: str, body: Body) -> Body:
        """Answer the request *body* of *src*, without ids."""
        ...


def all_services(random: Random) -> dict[str, Service]:
    """Make one of each, empty, by the name under which nodes reach it."""
    return {
        "lin-kv": LinKv(),
        "seq-kv": SeqKv(random),
        "lww-kv": LwwKv(random),
        "lin-tso": LinTso(),
    }


class LinKv:
    """A linearizable key-value store."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    def handle(self, src: str, body: Body) -> Body:
        """Answer read, write and cas from the one present state."""
        return _answer(body, lambda key: self._values.get(key, _ABSENT), self._values.__setitem__)


class SeqKv:
    """A sequentially consistent key-value store: it answers from the past, and never goes back for a client.

    A request that would not change the state it meets may meet one of the last `PAST_STATES` states that
    its client has not seen to be over; any other meets the present.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._last_state = 0
        self._seen: dict[str, int] = {}
        self._versions: dict[str, list[tuple[int, Any]]] = {}

    def handle(self, src: str, body: Body) -> Body:
        """Answer read, write and cas from a state at random, or from the last."""
        oldest = max(self._seen.get(src, 0), self._last_state - PAST_STATES + 1)
        state = self._random.randint(oldest, self._last_state)
        changed = False

        def find_change(key: str, value: Any) -> None:
            nonlocal changed
            before = self._value_at(key, state)
            changed = before is _ABSENT or canonical(before) != canonical(value)

        reply = _answer(body, lambda key: self._value_at(key, state), find_change)
        if changed:
            reply = _answer(body, lambda key: self._value_at(key, self._last_state), self._write)
            state = self._last_state
        self._seen[src] = state
        return reply

    def _value_at(self, key: str, state: int) -> Any:
        versions = self._versions.get(key, ())
        place = bisect_right(versions, state, key=lambda version: version[0])
        return versions[place - 1][1] if place else _ABSENT

    def _write(self, key: str, value: Any) -> None:
        self._last_state += 1
        versions = self._versions.setdefault(key, [])
        versions.append((self._last_state, value))
        # The newest version that is older than every state one may meet is still what these begin with.
        oldest = self._last_state - PAST_STATES + 1
        place = bisect_right(versions, oldest, key=lambda version: version[0])
        del versions[: max(0, place - 1)]


class LwwKv:
    """A last-write-wins key-value store, pathological on purpose.

    Each request meets one of `REPLICAS` replicas at random, and before each, one replica at random tells
    another what it knows.  `create_if_not_exists` means nothing to it.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._replicas = [_Replica() for _ in range(REPLICAS)]

    def handle(self, src: str, body: Body) -> Body:
        """Answer read, write and cas from one replica."""
        self._random.choice(self._replicas).merge(self._random.choice(self._replicas))
        replica = self._random.choice(self._replicas)
        without = {name: value for name, value in body.items() if name != "create_if_not_exists"}
        return _answer(without, replica.read, replica.write)


class _Replica:
    """Values with the Lamport times of their writes."""

    def __init__(self) -> None:
        self._clock = 0
        self._values: dict[str, tuple[int, str, Any]] = {}

    def read(self, key: str) -> Any:
        return self._values[key][2] if key in self._values else _ABSENT

    def write(self, key: str, value: Any) -> None:
        self._values[key] = (self._clock, canonical(value), value)
        self._clock += 1

    def merge(self, other: "_Replica") -> None:
        self._clock = max(self._clock, other._clock)
        for key, theirs in other._values.items():
            ours = self._values.get(key)
            if ours is None or ours[:2] < theirs[:2]:
                self._values[key] = theirs


class LinTso:
    """A linearizable timestamp oracle: 0, 1, 2, ..."""

    def __init__(self) -> None:
        self._next = 0

    def handle(self, src: str, body: Body) -> Body:
        """Answer ts."""
        if body.get("type") != "ts":
            return _not_supported(body)
        self._next += 1
        return {"type": "ts_ok", "ts": self._next - 1}


class _Absent:
    """What a key holds that nobody has written; null is a value like any other."""


_ABSENT = _Absent()
_FIELDS = {"read": ("key",), "write": ("key", "value"), "cas": ("key", "from", "to")}


def _answer(body: Body, read: Callable[[str], Any], write: Callable[[str, Any], None]) -> Body:
    """Answer a request of a key-value store that is read and written with these functions."""
    type_ = body.get("type")
    if type_ not in _FIELDS:
        return _not_supported(body)
    missing = [field for field in _FIELDS[type_] if field not in body]
    if missing:
        return _error(MALFORMED_REQUEST, f"{type_} needs {', '.join(missing)}")
    key = canonical(body["key"])
    if type_ == "write":
        write(key, body["value"])
        return {"type": "write_ok"}
    value = read(key)
    if type_ == "read":
        return _key_does_not_exist() if value is _ABSENT else {"type": "read_ok", "value": value}
    if value is _ABSENT:
        if body.get("create_if_not_exists") is not True:
            return _key_does_not_exist()
    elif canonical(value) != canonical(body["from"]):
        text = f"current value {canonical(value)} is not {canonical(body['from'])}"
        return _error(PRECONDITION_FAILED, text)
    write(key, body["to"])
    return {"type": "cas_ok"}


def _error(code: int, text: str) -> Body:
    return {"type": "error", "code": code, "text": text}


def _key_does_not_exist() -> Body:
    return _error(KEY_DOES_NOT_EXIST, "key does not exist")


def _not_supported(body: Body) -> Body:
    return _error(NOT_SUPPORTED, f"this service does not know requests of type {canonical(body.get('type'))}")
