"""The words: a message, its body, and the bodies that every node knows.

Source: Maelstrom, doc/protocol.md.
"""

import re
from typing import Any, Generic, TypeVar

from msgspec import UNSET, Struct, UnsetType

BodyType = TypeVar("BodyType")

_WORD_START = re.compile(r"(?<!^)(?=[A-Z])")


def _type_of(class_name: str) -> str:
    """Spell a class name as Maelstrom spells types.

    >>> _type_of("TxnOk")
    'txn_ok'
    """
    return _WORD_START.sub("_", class_name).lower()


# Not frozen: a reply gets its ids where it is dispatched, because a copy of each would cost more than
# parsing it.  Outside the garbage collector: bodies are trees, and a collector that walks a thousand
# of them in mid-batch costs more than they do.
class Body(Struct, tag_field="type", tag=_type_of, kw_only=True, gc=False):
    """What a message says; subclass it once for each message type.

    The class name gives the type on the wire, unless `tag=` does: `class EchoOk(Body)` is `"echo_ok"`.
    The ids are left out of the JSON while they are `UNSET`.
    """

    msg_id: int | UnsetType = UNSET
    in_reply_to: int | UnsetType = UNSET


class Message(Struct, Generic[BodyType], frozen=True, gc=False):
    """A line: who sent it, who shall get it, and a body.

    The body is a `Body` where a handler declared its type, else the JSON object as a dict.
    """

    src: str
    dest: str
    body: BodyType


class Init(Body):
    """The first message a node gets: its own id and everyone's."""

    node_id: str
    node_ids: list[str]


class InitOk(Body):
    """The answer to `Init`."""


class Topology(Body):
    """Who is next to whom, as workloads such as broadcast are told."""

    topology: dict[str, list[str]]


class TopologyOk(Body):
    """The answer to `Topology`."""


class Error(Body):
    """A request that failed, and whether it may have happened nevertheless: the code says.

    See `errors` for the codes.
    """

    code: int
    text: str = ""


class Malformed(Struct, frozen=True, gc=False):
    """Stands where the body should be when a line cannot be read: what is wrong, and the ids it had."""

    text: str
    msg_id: int | UnsetType = UNSET
    in_reply_to: int | UnsetType = UNSET


def integer_or_unset(value: Any) -> int | UnsetType:
    """Keep an id that is an integer; JSON's true is none, though Python would count it as 1."""
    return value if type(value) is int else UNSET
