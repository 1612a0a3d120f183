"""Linearizable registers by Raft: a leader, a log, and a majority that has it.

Every operation, reads too, is an entry of the log and happens when it is applied, on each node in the same
order.  Term, vote and log are in the node's journal before anybody hears of them.

Source: D. Ongaro and J. Ousterhout, "In search of an understandable consensus algorithm" (2014), figure 2.
"""

import asyncio
import random
from contextlib import suppress
from time import monotonic
from typing import Any

import msgspec
from msgspec import Struct

from messenger.node import (
    Body,
    Crash,
    KeyDoesNotExist,
    Node,
    PreconditionFailed,
    RPCError,
    TemporarilyUnavailable,
    majority,
)
from messenger.node.kv import Cas, Read, Write

HEARTBEAT_SECONDS = 0.1
ELECTION_SECONDS = (0.6, 1.2)
RPC_SECONDS = 0.5
ENTRIES_MOST = 500

node = Node()


class Entry(Struct, array_like=True):
    """An operation, and the term of the leader that took it: read, write, cas, or nothing."""

    term: int
    type: str = "nothing"
    key: Any = None
    value: Any = None
    expected: Any = None
    create: bool = False


class RequestVote(Body):
    term: int
    last_index: int
    last_term: int
    candidate: str


class RequestVoteOk(Body):
    term: int
    granted: bool


class AppendEntries(Body):
    term: int
    leader: str
    previous_index: int
    previous_term: int
    entries: list[Entry]
    committed: int


class AppendEntriesOk(Body):
    """`last_index` is how far the follower agrees, or where the leader should try next."""

    term: int
    success: bool
    last_index: int


class Raft:
    """What a node knows. Indices begin at 1: entry 0 is there before anything happens."""

    def __init__(self) -> None:
        self.term = 0
        self.vote: str | None = None
        self.log = [Entry(term=0)]
        self.committed = 0
        self.applied = 0
        self.leader: str | None = None
        self.registers: dict[bytes, Any] = {}
        self.waiting: dict[int, tuple[int, asyncio.Future[dict[str, Any]]]] = {}
        self.next: dict[str, int] = {}
        self.matching: dict[str, int] = {}
        self.news = asyncio.Event()
        self.deadline = 0.0

    @property
    def leads(self) -> bool:
        """Claim to be the leader."""
        return self.leader == node.node_id

    def rest(self) -> None:
        """Wait for a leader once more; at random, so that not all lose patience at once."""
        self.deadline = monotonic() + random.uniform(*ELECTION_SECONDS)

    def remember(self) -> None:
        """Know again what was known before the node was killed, and who leads not yet."""
        for kind, *record in node.journal.read():
            if kind == "vote":
                self.term, self.vote = record
            else:
                start, entries = record
                self.log[start:] = msgspec.convert(entries, list[Entry])
        self.rest()

    def vote_for(self, candidate: str | None, term: int) -> None:
        """Vote in this *term*, or not yet; nobody may do that twice."""
        if (term, candidate) != (self.term, self.vote):
            node.journal.write(("vote", term, candidate))
        self.term, self.vote = term, candidate

    def replace(self, start: int, entries: list[Entry]) -> None:
        """Let the log be *entries* from index *start* on."""
        node.journal.write(("log", start, entries))
        self.log[start:] = entries

    def see_term(self, term: int) -> None:
        """Follow whoever is ahead."""
        if term > self.term:
            self.vote_for(None, term)
            self.follow(None)

    def follow(self, leader: str | None) -> None:
        """Lead no more, if it did."""
        self.leader = leader
        waiting, self.waiting = self.waiting, {}
        for _, future in waiting.values():
            # The entry may yet be committed by the next leader.
            future.set_exception(Crash("this node leads no more; it may have happened"))
        self.news.set()

    def apply(self) -> None:
        """Do what is committed, and answer who waits for it."""
        while self.applied < self.committed:
            self.applied += 1
            entry = self.log[self.applied]
            term, future = self.waiting.pop(self.applied, (0, None))
            try:
                result = self.perform(entry)
            except RPCError as error:
                if future is not None and term == entry.term:
                    future.set_exception(error)
            else:
                if future is not None and term == entry.term:
                    future.set_result(result)

    def perform(self, entry: Entry) -> dict[str, Any]:
        """Do what *entry* says; return the reply, or raise it."""
        key = msgspec.json.encode(entry.key, order="sorted")  # any JSON can be a key
        if entry.type == "write":
            self.registers[key] = entry.value
        elif entry.type == "read" and key not in self.registers:
            raise KeyDoesNotExist(f"there is no {entry.key!r}")
        elif entry.type == "read":
            return {"value": self.registers[key]}
        elif entry.type == "cas" and key not in self.registers and not entry.create:
            raise KeyDoesNotExist(f"there is no {entry.key!r}")
        elif entry.type == "cas":
            if key in self.registers and self.registers[key] != entry.expected:
                raise PreconditionFailed(f"{entry.key!r} is {self.registers[key]!r}, not {entry.expected!r}")
            self.registers[key] = entry.value
        return {}

    def advance(self) -> None:
        """Commit what a majority has, if it is of this term: older entries go with it."""
        reached = sorted([*self.matching.values(), len(self.log) - 1], reverse=True)
        index = reached[majority(len(node.node_ids)) - 1]
        if index > self.committed and self.log[index].term == self.term:
            self.committed = index
            self.apply()
            self.news.set()


raft = Raft()
node.on_init(raft.remember)


@node.on
async def read(request: Read) -> dict[str, Any]:
    return await propose(request, Entry(raft.term, "read", request.key))


@node.on
async def write(request: Write) -> dict[str, Any]:
    return await propose(request, Entry(raft.term, "write", request.key, request.value))


@node.on
async def cas(request: Cas) -> dict[str, Any]:
    create = request.create_if_not_exists
    return await propose(request, Entry(raft.term, "cas", request.key, request.to, request.from_, create))


async def propose(request: Body, entry: Entry) -> dict[str, Any]:
    """Let an operation happen: here if this node leads, else where the leader is."""
    if raft.leads:
        raft.replace(len(raft.log), [entry])
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        raft.waiting[len(raft.log) - 1] = entry.term, future
        raft.advance()
        raft.news.set()
        return await future
    if raft.leader is None:
        raise TemporarilyUnavailable("there is no leader now")
    reply = await node.rpc(raft.leader, request)
    return {key: reply[key] for key in reply.keys() - {"msg_id", "in_reply_to"}}


@node.on
def request_vote(request: RequestVote) -> RequestVoteOk:
    raft.see_term(request.term)
    ahead = (raft.log[-1].term, len(raft.log) - 1) > (request.last_term, request.last_index)
    granted = request.term == raft.term and not ahead and raft.vote in (None, request.candidate)
    if granted:
        raft.vote_for(request.candidate, raft.term)
        raft.rest()
    return RequestVoteOk(term=raft.term, granted=granted)


@node.on
def append_entries(request: AppendEntries) -> AppendEntriesOk:
    raft.see_term(request.term)
    if request.term < raft.term:
        return AppendEntriesOk(term=raft.term, success=False, last_index=0)
    raft.leader = request.leader
    raft.rest()
    previous = request.previous_index
    if previous >= len(raft.log) or raft.log[previous].term != request.previous_term:
        nearest = min(previous, len(raft.log)) - 1
        return AppendEntriesOk(term=raft.term, success=False, last_index=max(nearest, raft.committed))
    for place, entry in enumerate(request.entries):
        index = previous + 1 + place
        if index >= len(raft.log) or raft.log[index].term != entry.term:
            raft.replace(index, request.entries[place:])
            break
    last = previous + len(request.entries)
    raft.committed = max(raft.committed, min(request.committed, last))
    raft.apply()
    return AppendEntriesOk(term=raft.term, success=True, last_index=last)


@node.every(0.05)
async def elect() -> None:
    """Ask for votes when no leader has been heard of for too long."""
    if raft.leads or monotonic() < raft.deadline:
        return
    raft.rest()
    raft.vote_for(node.node_id, raft.term + 1)
    raft.follow(None)
    term = raft.term
    request = RequestVote(
        term=term, last_index=len(raft.log) - 1, last_term=raft.log[-1].term, candidate=node.node_id
    )
    calls = [node.rpc(peer, request, RequestVoteOk, timeout_seconds=RPC_SECONDS) for peer in node.peers]
    votes = 1
    for call in asyncio.as_completed(calls):
        if votes >= majority(len(node.node_ids)) or raft.term != term:
            break
        try:
            reply = await call
        except RPCError:
            continue
        raft.see_term(reply.term)
        votes += reply.granted
    if votes >= majority(len(node.node_ids)) and raft.term == term and raft.leader is None:
        lead()


def lead() -> None:
    raft.leader = node.node_id
    raft.next = dict.fromkeys(node.peers, len(raft.log))
    raft.matching = dict.fromkeys(node.peers, 0)
    # Commits what the leaders before have left.
    raft.replace(len(raft.log), [Entry(term=raft.term)])
    raft.advance()
    replicators[:] = [asyncio.ensure_future(replicate(peer, raft.term)) for peer in node.peers]


replicators: list[asyncio.Future[None]] = []


async def replicate(peer: str, term: int) -> None:
    """Bring one follower up to date, and let it know that there is a leader."""
    while raft.leads and raft.term == term:
        start = raft.next[peer]
        request = AppendEntries(
            term=term,
            leader=node.node_id,
            previous_index=start - 1,
            previous_term=raft.log[start - 1].term,
            entries=raft.log[start : start + ENTRIES_MOST],
            committed=raft.committed,
        )
        try:
            reply = await node.rpc(peer, request, AppendEntriesOk, timeout_seconds=RPC_SECONDS)
        except RPCError:
            continue
        raft.see_term(reply.term)
        if not raft.leads or raft.term != term:
            return
        raft.next[peer] = reply.last_index + 1
        if reply.success:
            raft.matching[peer] = max(raft.matching[peer], reply.last_index)
            raft.advance()
        if raft.next[peer] >= len(raft.log):
            raft.news.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(raft.news.wait(), HEARTBEAT_SECONDS)


if __name__ == "__main__":
    node.run()
