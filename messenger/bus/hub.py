"""Hub: where the connections of a ZeroMQ bus meet, in a process of its own or in that of one of them.

It reads no more of a message than its subject. One ROUTER socket serves everything, so what one publisher
sends stays in its order whoever it is for, and whoever subscribes hears when that holds; of PUB and SUB
neither can be had, and they drop without a count.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from .connection import REPLIES
from .entries import (
    VERSION,
    Bye,
    Deliver,
    FromConnection,
    Hello,
    Lost,
    Nobody,
    Pause,
    Ping,
    Pong,
    Publish,
    Request,
    Resume,
    Subscribe,
    Unsubscribe,
    read_message,
)
from .message import LIMIT, Message
from .subject import BadSubject, Routes, check_pattern

KEPT_BYTES_MOST = 64 * 1024 * 1024  # for one subscription
SUBSCRIPTIONS_MOST = 10_000  # of one connection
PEERS_MOST = 10_000
BATCH = 2000  # entries, after which what came of them is sent, though more may be coming

_log = logging.getLogger("messenger.bus")


class Peer:
    """A connection as the hub knows it.

    send: gives it entries, and returns those it has no room for, or None when it is gone. stuck: it had
    no room.
    """

    def __init__(self, name: str, send: Callable[[list[Any]], list[Any] | None]) -> None:
        self.name, self.send = name, send
        self.out: list[Any] = []
        self.stuck = False
        self.subscriptions: dict[int, Subscriber] = {}


class Subscriber:
    """A subscription of a peer, alone or in a queue group.

    holding: what comes is kept, for it is paused or its peer is stuck.
    """

    def __init__(self, peer: Peer, number: int, pattern: str, group: "Group | None") -> None:
        self.peer, self.number, self.pattern, self.group = peer, number, pattern, group
        self.paused = False
        self.holding = False
        self.kept: deque[Deliver[Any]] = deque()
        self.kept_bytes = 0
        self.lost = 0

    def keep(self, entry: Deliver[Any]) -> None:
        """Keep *entry* until it can be sent, or count it as lost."""
        message = entry.message  # read where its publisher is in this process
        size = len(message.data) if isinstance(message, Message) else memoryview(message).nbytes
        if len(self.kept) >= LIMIT or self.kept_bytes + size > KEPT_BYTES_MOST:
            if not self.lost:
                _log.warning("%s is too slow for %r; the hub drops", self.peer.name, self.pattern)
            self.lost += 1
        else:
            self.kept.append(entry)
            self.kept_bytes += size

    def release(self) -> None:
        """Send what was kept, unless there is a reason left to keep it, and what was lost meanwhile."""
        self.holding = self.paused or self.peer.stuck
        if not self.holding:
            self.peer.out += self.kept
            self.kept.clear()
            self.kept_bytes = 0
            if self.lost:
                self.peer.out.append(Lost(self.number, self.lost))
                self.lost = 0


class Group:
    """Those who share a pattern's messages; each gets its turn, unless it holds and another does not."""

    def __init__(self, pattern: str, name: str) -> None:
        self.pattern, self.name = pattern, name
        self.members: deque[Subscriber] = deque()

    def next(self) -> Subscriber:
        """Return whose turn it is."""
        for _ in range(len(self.members)):
            self.members.rotate(-1)
            if not self.members[0].holding:
                break
        return self.members[0]


class Hub:
    """What the socket brings goes through `take`; after that, `flush` sends what came of it."""

    def __init__(self) -> None:
        self.peers: dict[bytes, Peer] = {}
        self._routes: Routes[Subscriber | Group] = Routes()
        self._groups: dict[tuple[str, str], Group] = {}
        self._dirty: dict[Peer, None] = {}
        self._verbs: dict[type, Callable[[Peer, Any], None]] = {
            Publish: lambda peer, entry: self._publish(entry.subject, entry.message, None, peer),
            Request: lambda peer, entry: self._publish(entry.subject, entry.message, entry.reply_to, peer),
            Hello: self._hello,
            Subscribe: self._subscribe,
            Unsubscribe: self._unsubscribe,
            Pause: self._pause,
            Resume: self._resume,
            Ping: lambda peer, entry: self._send(peer, Pong(entry.number)),
            Bye: lambda peer, entry: self.forget(peer),
        }

    def peer(self, name: bytes, send: Callable[[list[Any]], list[Any] | None]) -> Peer:
        """Return the connection of this *name*, which is new when nothing has come from it yet."""
        if (peer := self.peers.get(name)) is None:
            while len(self.peers) >= PEERS_MOST:  # some go without a word; who only publishes is not missed
                idle = next((one for one in self.peers.values() if not one.subscriptions), None)
                self.forget(idle or next(iter(self.peers.values())))
            peer = self.peers[name] = Peer(name.hex(), send)
        return peer

    def take(self, peer: Peer, entries: Iterable[FromConnection]) -> None:
        """Do what *peer* asks for; an entry with a subject or a pattern that is none is dropped."""
        verbs = self._verbs
        for entry in entries:
            try:
                verbs[type(entry)](peer, entry)
            except BadSubject as error:
                _log.warning("dropped what %s sent: %s", peer.name, error)

    def flush(self) -> None:
        """Send each peer what is for it; what has no room is kept, and what is for nobody finds another."""
        while self._dirty:
            peer, _ = self._dirty.popitem()
            out, peer.out = peer.out, []
            if not out:
                continue
            rest = peer.send(out)
            if rest is None:
                self._reroute(peer, out)
            elif rest:
                self._stick(peer, rest)

    def unstick(self, peer: Peer) -> None:
        """Go on sending to a *peer* that had no room: messages first, for a `Pong` says that they came."""
        peer.stuck = False
        answers, peer.out = peer.out, []
        for subscriber in peer.subscriptions.values():
            subscriber.release()
        peer.out += answers
        self._dirty[peer] = None

    def forget(self, peer: Peer) -> None:
        """End all that *peer* has subscribed to."""
        self._end_subscriptions(peer)
        self.peers.pop(bytes.fromhex(peer.name), None)

    def _publish(self, subject: str, message: Any, reply_to: str | None, sender: Peer) -> None:
        targets = self._routes.found.get(subject)
        if targets is None:
            if subject.startswith(REPLIES):
                self._send_reply(subject, Deliver(0, message))
                return
            targets = self._routes.find(subject)
        for target in targets:
            subscriber = target.next() if isinstance(target, Group) else target
            entry = Deliver(subscriber.number, message)
            if subscriber.holding:
                subscriber.keep(entry)
            else:
                subscriber.peer.out.append(entry)
                self._dirty[subscriber.peer] = None
        if reply_to is not None and not targets:
            self._send(sender, Nobody(reply_to))

    def _send_reply(self, subject: str, entry: Any) -> None:
        """Send *entry* to the connection that a reply's subject names; one that has gone misses it."""
        try:
            peer = self.peers.get(bytes.fromhex(subject.split(".")[1]))
        except ValueError:
            return
        if peer:
            self._send(peer, entry)

    def _send(self, peer: Peer, entry: Any) -> None:
        if not peer.stuck:
            peer.out.append(entry)
            self._dirty[peer] = None
        elif len(peer.out) < LIMIT:
            peer.out.append(entry)

    def _hello(self, peer: Peer, hello: Hello) -> None:
        if hello.version != VERSION:
            _log.warning("%s speaks version %s of the protocol, not %s", peer.name, hello.version, VERSION)
        self._end_subscriptions(peer)

    def _end_subscriptions(self, peer: Peer) -> None:
        for number in list(peer.subscriptions):
            self._remove(peer.subscriptions.pop(number))

    def _subscribe(self, peer: Peer, asked: Subscribe) -> None:
        check_pattern(asked.pattern)
        if asked.number in peer.subscriptions or len(peer.subscriptions) >= SUBSCRIPTIONS_MOST:
            raise BadSubject(f"subscription {asked.number} to {asked.pattern!r} is one too many")
        group = None
        if asked.queue_group is not None:
            place = asked.pattern, asked.queue_group
            group = self._groups.get(place)
            if group is None:
                group = self._groups[place] = Group(*place)
                self._routes.add(asked.pattern, group)
        subscriber = Subscriber(peer, asked.number, asked.pattern, group)
        subscriber.holding = peer.stuck
        peer.subscriptions[asked.number] = subscriber
        if group:
            group.members.append(subscriber)
        else:
            self._routes.add(asked.pattern, subscriber)

    def _unsubscribe(self, peer: Peer, asked: Unsubscribe) -> None:
        if subscriber := peer.subscriptions.pop(asked.number, None):
            peer.out += subscriber.kept
            subscriber.kept.clear()
            self._dirty[peer] = None
            self._remove(subscriber)

    def _pause(self, peer: Peer, asked: Pause) -> None:
        if subscriber := peer.subscriptions.get(asked.number):
            subscriber.paused = subscriber.holding = True

    def _resume(self, peer: Peer, asked: Resume) -> None:
        if subscriber := peer.subscriptions.get(asked.number):
            subscriber.paused = False
            subscriber.release()
            self._dirty[peer] = None

    def _remove(self, subscriber: Subscriber) -> None:
        group = subscriber.group
        if group is None:
            self._routes.remove(subscriber)
            return
        group.members.remove(subscriber)
        if not group.members:
            del self._groups[group.pattern, group.name]
            self._routes.remove(group)
        for entry in subscriber.kept:
            self._publish_to(group, entry)

    def _publish_to(self, group: Group, entry: Deliver[Any]) -> None:
        """Give what a member of *group* did not get to another, if there is one."""
        if not group.members:
            return
        subscriber = group.next()
        again = Deliver(subscriber.number, entry.message)
        if subscriber.holding:
            subscriber.keep(again)
        else:
            self._send(subscriber.peer, again)

    def _reroute(self, peer: Peer, entries: list[Any]) -> None:
        """Forget *peer*, which is gone; its groups get what it did not."""
        groups = {number: one.group for number, one in peer.subscriptions.items()}
        self.forget(peer)
        for entry in entries:
            if type(entry) is Deliver and entry.number in groups:
                if group := groups[entry.number]:
                    self._publish_to(group, entry)
                self._tell_if_nobody(entry.message)

    def _tell_if_nobody(self, unread: Any) -> None:
        """Let whoever requested by this message know, if nobody is left who could answer."""
        try:
            message = read_message(unread)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        reply_to = message.reply_to or ""
        if reply_to.startswith(REPLIES) and not self._routes.find(message.subject):
            self._send_reply(reply_to, Nobody(reply_to))

    def _stick(self, peer: Peer, rest: list[Any]) -> None:
        """Keep for *peer* what it has no room for, each entry where it belongs."""
        peer.stuck = True
        for subscriber in peer.subscriptions.values():
            subscriber.holding = True
        for entry in rest:
            if type(entry) is Deliver and entry.number in peer.subscriptions:
                peer.subscriptions[entry.number].keep(entry)
            else:
                peer.out.append(entry)
