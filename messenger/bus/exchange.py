"""Exchange: where the connections of one `inproc://NAME` meet."""

import itertools
import threading
from collections import deque
from collections.abc import Callable, Sequence

from .bus import Wanted
from .connection import REPLIES
from .errors import SlowConsumer
from .mailbox import Mailbox, Reader
from .message import Message
from .subject import Routes
from .waking import Wake, wake_one

Box = Mailbox[Message]


class BoxRoutes(Routes[Box]):
    """Mailboxes by subject.

    direct: of subjects with one, what a message is put into it with: the items, their append, limit and
    sleepers.
    """

    def __init__(self) -> None:
        super().__init__()
        self.direct: dict[str, tuple[deque[Message], Callable[[Message], None], int, list[Wake]]] = {}

    def forget(self) -> None:
        """Forget what was found."""
        super().forget()
        self.direct = {}

    def find(self, subject: str) -> tuple[Box, ...]:
        """Return the mailboxes that *subject* concerns, and remember them.

        Raises:
            BadSubject: see `check_subject`.
        """
        direct = self.direct
        boxes = super().find(subject)
        if len(self.found) == 1:
            direct.clear()
        if len(boxes) == 1:
            box = boxes[0]
            direct[subject] = box.items, box.items.append, box.limit, box.sleepers
        return boxes


class Exchange:
    """Made by the first connection, and forgotten with the last."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.routes = BoxRoutes()
        self.connections = 0
        self._groups: dict[tuple[str, str], tuple[Box, set[Reader[Message]]]] = {}
        self._waiting: dict[str, Callable[[Message], None]] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def deliver_many(self, subject: str, messages: Sequence[Message]) -> list[Box]:
        """Give *messages* to every mailbox they concern; those returned have no room and got none."""
        boxes = self.routes.found.get(subject)
        full = []
        for box in self.routes.find(subject) if boxes is None else boxes:
            if len(box.items) + len(messages) <= box.limit:
                box.items.extend(messages)
                if box.sleepers:
                    wake_one(box.sleepers)
            else:
                full.append(box)
        return full

    def ask(self, answer: Callable[[Message], None]) -> str:
        """Return a subject to reply to; *answer* gets the first reply."""
        subject = f"{REPLIES}{next(self._numbers)}"
        self._waiting[subject] = answer
        return subject

    def forget(self, subject: str) -> None:
        """Take no reply at *subject* any more."""
        self._waiting.pop(subject, None)

    def answer(self, message: Message) -> None:
        """Bring a reply to whoever waits for it; one that comes too late is dropped."""
        if answer := self._waiting.pop(message.subject, None):
            answer(message)

    def open(self, wanted: Wanted, on_slow: Callable[[SlowConsumer], None]) -> Reader[Message]:
        """Make a reader of what a pattern matches, or one more of its queue group."""
        pattern, group = wanted.pattern, wanted.queue_group
        with self._lock:
            box, readers = self._groups.get((pattern, group or ""), (None, set()))
            if box is None:
                name = f"{pattern} in queue group {group}" if group else pattern
                box = Mailbox(name, wanted.limit, wanted.on_full, on_slow)
                self.routes.add(pattern, box)
                if group:
                    self._groups[pattern, group] = box, readers
            reader = Reader(box, alone=not group)
            readers.add(reader)
            return reader

    def leave(self, reader: Reader[Message], wanted: Wanted, *, forget: bool) -> None:
        """Let *reader* take no more; with the last of its group nothing comes in any more."""
        place = wanted.pattern, wanted.queue_group or ""
        with self._lock:
            _, readers = self._groups.get(place, (None, {reader}))
            readers.discard(reader)
            if not readers:
                self._groups.pop(place, None)
                self.routes.remove(reader.box)
                reader.box.end(forget=forget)
            if readers or forget:
                reader.leave()


_exchanges: dict[str, Exchange] = {}
_lock = threading.Lock()


def join(name: str) -> Exchange:
    """Return the exchange of this name; whoever joins must `part`."""
    with _lock:
        exchange = _exchanges.setdefault(name, Exchange(name))
        exchange.connections += 1
        return exchange


def part(exchange: Exchange) -> None:
    """Leave *exchange*; the last one forgets it."""
    with _lock:
        exchange.connections -= 1
        if not exchange.connections:
            _exchanges.pop(exchange.name, None)
