"""NATS for threads, and how `connect` opens it for them and for event loops."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from .connection import Options
from .delivery import is_durable
from .errors import Closed
from .loop_thread import LoopThreadBus
from .message import Message
from .nats import NatsBus
from .nats_connection import Access


def openers(
    url: str, options: Options, **keywords: Any
) -> tuple[Callable[[], Awaitable[NatsBus]], Callable[[], "BlockingNatsBus"]]:
    """Return what connects for an event loop, and for threads; see `NatsBus` for the keywords.

    Raises:
        BadUrl: it names no server.
    """
    access = Access(url, **keywords)

    async def open() -> NatsBus:
        bus = NatsBus(access, options)
        await bus.dial()
        return bus

    return open, lambda: BlockingNatsBus(open, options)


class BlockingNatsBus(LoopThreadBus):
    """A connection for threads, any number of them."""

    _bus: NatsBus

    def add_stream(self, name: str, subjects: list[str], **settings: Any) -> None:
        """Let the server keep what is published to *subjects*; see `JetStream.add_stream`."""
        self._check_open(f"add stream {name!r}")
        self._run(self._bus.add_stream(name, subjects, **settings))

    def reply(self, request: Message, message: object, *, headers: Mapping[str, str] | None = None) -> None:
        """Answer *request*, if it expects an answer; what a stream delivers does not."""
        if request.reply_to is not None and not is_durable(request):
            self.publish(request.reply_to, message, headers=headers)

    def _settle(self, message: Message, error: Exception | None) -> None:
        if not is_durable(message):
            return
        if error is not None:
            with suppress(Closed):  # it comes again, to whoever subscribes next
                self._run(self._bus._settle(message, error))
            return
        # Past `publish`, which refuses once this is closing; waiting for the loop costs ten times as much.
        acknowledgement = Message(str(message.reply_to), b"+ACK")
        while not self._outbox.put(acknowledgement):
            self._outbox.wait_for_room()
