"""Connect: a URL becomes a bus; a transport is imported when its scheme is asked for."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from .blocking_bus import BlockingBus
from .bus import Bus
from .codec import Format
from .connection import Options, harmless, log_error
from .errors import BadUrl
from .subscription import OnError

_FORMS = "write inproc://NAME, zmq+ipc:///PATH, zmq+tcp://HOST:PORT or nats://HOST:PORT"


class Connecting:
    """A bus to be: `async with` connects for an event loop, `with` for threads."""

    def __init__(self, open: Callable[[], Awaitable[Bus]], open_blocking: Callable[[], BlockingBus]) -> None:
        self._open, self._open_blocking = open, open_blocking
        self._stack = AsyncExitStack()
        self._blocking_stack = ExitStack()

    async def __aenter__(self) -> Bus:
        return await self._stack.enter_async_context(await self._open())

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    def __enter__(self) -> BlockingBus:
        return self._blocking_stack.enter_context(self._open_blocking())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._blocking_stack.__exit__(kind, error, trace)


def connect(
    url: str, *, format: Format = "msgpack", on_error: OnError | None = None, **options: Any
) -> Connecting:
    """Name a bus to connect to.

    *format*: how messages that are no bytes are encoded, and decoded for a subscription with a type.
    *on_error* hears of messages that do not fit their type, of handlers that raise, of messages lost and
    of connections that broke; by default the logger `messenger.bus` does. *options*: what else a
    transport takes, see `ZeroMQBus` and `NatsBus`.

    Raises:
        BadUrl: no transport is called so.
    """
    scheme = urlsplit(url).scheme
    common = Options(format, harmless(on_error) if on_error else log_error)
    if scheme == "inproc":
        return _in_process(url, common, **options)
    if scheme in ("zmq+ipc", "zmq+tcp"):
        from .zeromq import openers as zeromq_openers

        return Connecting(*zeromq_openers(url, common, **options))
    if scheme in ("nats", "tls"):
        from .nats_threads import openers as nats_openers

        return Connecting(*nats_openers(url, common, **options))
    raise BadUrl(f"{url.rpartition('@')[2]!r} names no bus; {_FORMS}")  # before the @ may be a password


def _in_process(url: str, options: Options) -> Connecting:
    from .in_process import BlockingInProcessBus, InProcessBus

    name = url.partition("://")[2]
    if not name:
        raise BadUrl(f"{url!r} names no bus; {_FORMS}")

    async def open() -> Bus:
        return InProcessBus(name, options)

    return Connecting(open, lambda: BlockingInProcessBus(name, options))
