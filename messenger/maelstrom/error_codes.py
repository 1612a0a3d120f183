"""Error codes of nodes and services, and which of them are definite.

Source: Maelstrom, doc/protocol.md, "Errors".
"""

TIMEOUT = 0
NODE_NOT_FOUND = 1
NOT_SUPPORTED = 10
TEMPORARILY_UNAVAILABLE = 11
MALFORMED_REQUEST = 12
CRASH = 13
ABORT = 14
KEY_DOES_NOT_EXIST = 20
KEY_ALREADY_EXISTS = 21
PRECONDITION_FAILED = 22
TXN_CONFLICT = 30

_DEFINITE = frozenset(
    {
        NODE_NOT_FOUND,
        NOT_SUPPORTED,
        TEMPORARILY_UNAVAILABLE,
        MALFORMED_REQUEST,
        ABORT,
        KEY_DOES_NOT_EXIST,
        KEY_ALREADY_EXISTS,
        PRECONDITION_FAILED,
        TXN_CONFLICT,
    }
)
_ABOUT_DATA = frozenset({KEY_DOES_NOT_EXIST, KEY_ALREADY_EXISTS, PRECONDITION_FAILED})


def is_definite(code: int) -> bool:
    """Tell whether *code* says that the operation did not happen, and never will.

    A code that Maelstrom does not know is indefinite, as there.
    """
    return code in _DEFINITE


def is_about_data(code: int) -> bool:
    """Tell whether *code* is an answer that only an available node can give: it has looked at the data."""
    return code in _ABOUT_DATA
