"""Connection: what both twins of a bus know."""

import logging
from collections.abc import Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from .codec import Format, check_headers, decoder, encoder
from .errors import Closed, NoResponders, RequestTimeout, Unsupported
from .mailbox import Reader
from .message import LARGEST_BYTES, Message
from .subject import check_subject
from .subscription import Decode, OnError

REPLIES = "_reply."  # how every subject begins that a request of ours is answered at
DRAIN_SECONDS = 10.0

Leave = TypeVar("Leave")

_log = logging.getLogger("messenger.bus")


class Options(NamedTuple):
    """How messages become bytes, and who hears of what went wrong where nobody waits for it."""

    format: Format
    on_error: OnError


def log_error(error: Exception) -> None:
    """Tell the logger `messenger.bus`; what somebody's handler raised, with where it did."""
    ours = type(error).__module__.startswith("messenger.")
    _log.error("%s", error or repr(error), exc_info=None if ours else error)


def harmless(hook: OnError) -> OnError:
    """Return what calls *hook*, and logs what it raises: whoever tells has other things to go on with."""

    def tell(error: Exception) -> None:
        try:
            hook(error)
        except Exception:
            _log.exception("the error hook has failed, when told: %s", error or repr(error))

    return tell


class Connection(Generic[Leave]):
    """What both twins know: their subscriptions, and how messages become bytes.

    url: where others meet this connection, without secrets.
    """

    url: str

    def __init__(self, options: Options) -> None:
        self._encode = encoder(options.format)
        self._format, self._on_error = options
        self._open: dict[Reader[Message], Leave] = {}
        self._closed = False

    def _message(
        self, subject: str, message: object, headers: Mapping[str, str] | None, reply_to: str | None
    ) -> Message:
        if type(message) is not bytes or len(message) > LARGEST_BYTES:
            message = self._encode(message)
        if reply_to is not None:
            check_reply_to(reply_to)
        return Message(subject, message, None if headers is None else check_headers(headers), reply_to)

    def _decoder(self, type: Any) -> Decode | None:
        return None if type is None else decoder(type, self._format)

    def _check_open(self, doing: str) -> None:
        if self._closed:
            raise Closed(f"cannot {doing}: this connection is closed; open another with connect()")


def check_reply_to(subject: str) -> None:
    """Refuse what nobody could reply to.

    Raises:
        BadSubject: see `check_subject`.
    """
    if not (isinstance(subject, str) and subject.startswith(REPLIES)):
        check_subject(subject)


def check_handler(handler: object) -> None:
    """Refuse what could not be called when the first message comes."""
    if handler is not None and not callable(handler):
        raise TypeError(f"a handler is a function that takes a message, and {handler!r} is none")


def not_kept(consequence: str) -> Unsupported:
    """Return what to raise where a transport is asked for what only streams can do."""
    return Unsupported(f"only nats:// keeps messages; {consequence}")


def nobody(subject: str) -> NoResponders:
    """Return what to raise when nobody subscribes to *subject*."""
    return NoResponders(f"nobody answers requests to {subject!r}; is the one who should subscribe running?")


def late(subject: str, timeout: float) -> RequestTimeout:
    """Return what to raise when no reply came within *timeout* seconds."""
    return RequestTimeout(
        f"no reply from {subject!r} within {timeout:g} s; whether it was acted on is not known"
    )
