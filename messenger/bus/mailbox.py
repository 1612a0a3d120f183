"""Mailbox: what waits for a subscription, or for a queue group, on its way between threads and event loops.

A message is an append to a deque, and whoever sleeps is woken once for all that has come meanwhile:
`queue.Queue` locks and notifies for every message, which costs five times as much.
"""

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import repeat, starmap
from typing import Generic, TypeVar

from .errors import SlowConsumer
from .message import OnFull
from .waking import Wake, doze, sleep, wake_all, wake_one

Item = TypeVar("Item")

_TURN = 128


class Mailbox(Generic[Item]):
    """A bounded queue of many writers and many readers, each of them a thread or a coroutine.

    items: what waits, oldest first. sleepers: what wakes a reader that found nothing; blocked: what wakes
    a writer when half of it was read. A writer whose append is seen by nobody sees the sleeper, and a
    reader whose sleeper is seen by nobody sees the item, for each writes before it reads. Writers in
    several threads may go past the limit by one item each. attend: what a transport calls with a message
    while the only reader sleeps. on_slow hears of losses, each time their number has doubled.
    """

    def __init__(
        self, name: str, limit: int, on_full: OnFull, on_slow: Callable[[SlowConsumer], None]
    ) -> None:
        self.name, self.limit, self.on_full, self._on_slow = name, limit, on_full, on_slow
        self.items: deque[Item] = deque()
        self.sleepers: list[Wake] = []
        self.blocked: list[Wake] = []
        self.attend: Callable[[Item], Item | None] | None = None
        self.dropped = 0
        self.ended = False
        self._lock = threading.Lock()

    def put(self, item: Item) -> bool:
        """Append *item*, or do with it what is to be done when it is full; False when that is to wait.

        Raises:
            SlowConsumer: it is full, and says so.
        """
        if len(self.items) >= self.limit:
            if self.ended:
                return True
            if self.on_full == "block":
                return False
            if self.on_full == "error":
                self.lose()
                raise SlowConsumer(
                    f"{self.name} has {self.limit} messages waiting, its limit, and refuses more; "
                    'read faster, raise limit, or choose on_full="block" or "drop_oldest"'
                )
            if not self._make_room():
                return True
        self.items.append(item)
        if self.sleepers:
            wake_one(self.sleepers)
        return True

    def accept(self, item: Item) -> bool:
        """Do the same for a transport, whose publisher is far away; False when it should pause.

        What was on its way when the limit was reached is kept, as nobody else has it any more.
        """
        if len(self.items) >= self.limit and self.on_full != "block" and not self._make_room():
            return True
        self.items.append(item)
        if self.sleepers:
            wake_one(self.sleepers)
        return len(self.items) < self.limit or self.on_full != "block"

    def lose(self, count: int = 1) -> None:
        """Count messages that were lost, and tell."""
        with self._lock:
            before, self.dropped = self.dropped, self.dropped + count
        if before.bit_length() != self.dropped.bit_length():
            self._on_slow(
                SlowConsumer(
                    f"{self.name} has lost {self.dropped} messages, for {self.limit} waited, its limit; "
                    "read faster, or raise limit"
                )
            )

    def wait_for_room(self, timeout: float | None = None) -> None:
        """Let this thread wait until there is room, or the mailbox has ended."""
        sleep(self.blocked, lambda: self.ended or len(self.items) < self.limit, timeout)

    async def await_room(self) -> None:
        """Wait until there is room, or the mailbox has ended."""
        await doze(self.blocked, lambda: self.ended or len(self.items) < self.limit)

    def wait_until_empty(self, timeout: float | None = None) -> None:
        """Let this thread wait until everything was taken."""
        sleep(self.blocked, lambda: not self.items, timeout)

    async def await_empty(self) -> None:
        """Wait until everything was taken."""
        await doze(self.blocked, lambda: not self.items)

    def hand_on(self) -> None:
        """Let others go on: a writer when there is room, a reader when there is more."""
        if self.blocked and len(self.items) <= self.limit // 2:
            wake_all(self.blocked)
        if self.sleepers and self.items:
            wake_one(self.sleepers)

    def end(self, *, forget: bool = False) -> None:
        """Take no more; readers end when they have read the rest, which *forget* throws away."""
        self.ended = True
        if forget:
            self.items.clear()
        wake_all(self.blocked)
        wake_all(self.sleepers)

    def _make_room(self) -> bool:
        """Lose the oldest item, if that is how; False when there is no room for another."""
        room = self.on_full == "drop_oldest"
        if room:
            with suppress(IndexError):
                self.items.popleft()
        self.lose()
        return room


class Reader(Generic[Item]):
    """One of those who read a mailbox, in a thread or a coroutine; several share what comes.

    ended: this one takes no more. turn: items, after which it looks whether others have to go on.
    """

    __slots__ = ("box", "ended", "turn")

    def __init__(self, box: Mailbox[Item], *, alone: bool = True) -> None:
        self.box = box
        self.turn = min(_TURN, max(1, box.limit // 2)) if alone else 1
        self.ended = False

    @property
    def over(self) -> bool:
        """Claim that nothing will come any more, once what is there was read."""
        return self.ended or self.box.ended

    @property
    def ready(self) -> bool:
        """Claim that there is no need to wait: something is there, or nothing will come."""
        return bool(self.box.items) or self.over

    def wait(self, timeout: float | None = None) -> bool:
        """Let this thread wait for more, *timeout* seconds at most; False when nothing is there after all."""
        sleep(self.box.sleepers, lambda: self.ready, timeout)
        return bool(self.box.items) and not self.ended

    async def wait_async(self) -> bool:
        """Wait for more; False when nothing will come."""
        await doze(self.box.sleepers, lambda: self.ready)
        return bool(self.box.items) and not self.ended

    def take_one(self) -> Item | None:
        """Take the oldest; None when others were quicker, or this one takes no more."""
        try:
            taken = None if self.ended else self.box.items.popleft()
        except IndexError:
            return None
        if self.box.blocked or self.box.sleepers:
            self.box.hand_on()
        return taken

    def take_all(self) -> list[Item]:
        """Take what is there, oldest first; nothing when others were quicker."""
        items = self.box.items
        taken: list[Item] = []
        with suppress(IndexError):
            taken.extend(starmap(items.popleft, repeat((), len(items))))
        if self.box.blocked or self.box.sleepers:
            self.box.hand_on()
        return taken

    def leave(self) -> None:
        """Take no more, and let whoever waits here notice."""
        self.ended = True
        wake_all(self.box.sleepers)
