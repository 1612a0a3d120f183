"""The errors of the protocol, each an exception: raised in a handler it is the reply, received it is raised.

Source: Maelstrom, doc/protocol.md and resources/errors.edn.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

CUSTOM_CODES = 1000


class RPCError(Exception):
    """A request that failed.

    `code` is its number on the wire. `definite` claims that it has certainly not happened; after an
    indefinite error nobody knows. `extra` is what else the body of the error said.

    Subclass it with a `code` of 1000 or more for errors of your own, and `definite = False` where one may
    have happened nevertheless:

    >>> class Rejected(RPCError):
    ...     code = 1999
    >>> error_of({"type": "error", "code": 1999, "text": "no", "why": "full"})
    Rejected('no')
    """

    code: ClassVar[int] = 13
    definite: ClassVar[bool] = True
    # Here too, for classes whose own __init__ does not call this one.
    text: str = ""
    extra: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, text: str = "", **extra: Any) -> None:
        super().__init__(text)
        self.text = text
        self.extra = extra

    def __init_subclass__(cls) -> None:
        """Let the code name the class.

        Raises:
            TypeError: another class has this code, or it is one that Maelstrom may come to use.
        """
        code = cls.__dict__.get("code")
        if code is None:
            return
        if cls.__module__ != __name__ and code < CUSTOM_CODES:
            raise TypeError(
                f"{cls.__name__}.code is {code}; errors of your own have codes of {CUSTOM_CODES} and more"
            )
        known = _BY_CODE.setdefault(code, cls)
        if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise TypeError(f"code {code} is taken by {known.__name__}; give {cls.__name__} another")
        _BY_CODE[code] = cls

    @property
    def body(self) -> dict[str, Any]:
        """The error as the body of a reply."""
        return {**self.extra, "type": "error", "code": self.code, "text": self.text}


_BY_CODE: dict[int, type[RPCError]] = {}


class Timeout(RPCError):
    """No reply came in time; it may have happened, or happen yet."""

    code = 0
    definite = False


class NodeNotFound(RPCError):
    """There is no node of that name."""

    code = 1


class NotSupported(RPCError):
    """Nobody there handles messages of this type."""

    code = 10


class TemporarilyUnavailable(RPCError):
    """Not now; later, perhaps."""

    code = 11


class MalformedRequest(RPCError):
    """The request does not say what its type must say."""

    code = 12


class Crash(RPCError):
    """Something went wrong in there, before or after it happened."""

    code = 13
    definite = False


class Abort(RPCError):
    """It was given up, for good."""

    code = 14


class KeyDoesNotExist(RPCError):
    """There is no such key."""

    code = 20


class KeyAlreadyExists(RPCError):
    """The key that was to be made exists."""

    code = 21


class PreconditionFailed(RPCError):
    """The value is not what it was to be replaced for."""

    code = 22


class TransactionConflict(RPCError):
    """Another transaction was in the way; it has not happened."""

    code = 30


class UnknownError(RPCError):
    """An error whose code has no class here; what is not known to be definite is not."""

    definite = False

    def __init__(self, text: str = "", *, code: int, **extra: Any) -> None:
        super().__init__(text, **extra)
        self.unknown_code = code

    @property
    def body(self) -> dict[str, Any]:
        """The error as the body of a reply, with the code it came with."""
        return {**super().body, "code": self.unknown_code}


_WIRE = frozenset({"type", "code", "text", "msg_id", "in_reply_to"})


def error_of(body: dict[str, Any]) -> RPCError:
    """Make the exception of an error's *body*; a code without a class gives an `UnknownError`."""
    code, text = body.get("code"), body.get("text", "")
    extra = {key: value for key, value in body.items() if key not in _WIRE}
    known = _BY_CODE.get(code) if type(code) is int else None
    error = RPCError.__new__(known or UnknownError)
    error.args = (str(text),)
    error.text, error.extra = str(text), extra
    if isinstance(error, UnknownError):
        error.unknown_code = code if type(code) is int else Crash.code
    return error
