"""Transactions on registers: read committed, and totally available: no transaction waits for another node.

A transaction happens at once on the node that gets it, at a time of Lamport's clock, and is told to the
others whole.  Of two writes to a register the later stands.  All that a transaction reads or replaces is of
an earlier time, so information flows in no circle; but two transactions that know nothing of each other may
both read what was there before, which stricter models forbid.

Source: L. Lamport, "Time, clocks, and the ordering of events in a distributed system" (1978).
"""

from typing import Any

from messenger.node import Node

node = Node()
registers: dict[Any, tuple[tuple[int, str], Any]] = {}
clock = 0


@node.on_init
def remember() -> None:
    for at, by, written in node.journal.read():
        learn(at, [(key, (at, by), value) for key, value in written])


@node.on
def txn(txn: list[tuple[str, Any, Any]]) -> dict[str, Any]:
    written: dict[Any, Any] = {}
    results: list[Any] = []
    for operation, key, value in txn:
        if operation == "w":
            written[key] = value
        elif key in written:
            value = written[key]
        else:
            value = registers[key][1] if key in registers else None
        results.append([operation, key, value])
    if written:
        commit((clock + 1, node.node_id), list(written.items()))
    return {"txn": results}


@node.on
def merge(time: int, registers: list[tuple[Any, int, str, Any]]) -> None:
    learn(time, [(key, (at, by), value) for key, at, by, value in registers])


def commit(stamp: tuple[int, str], written: list[tuple[Any, Any]]) -> None:
    """Make the writes of a transaction visible, all at once."""
    node.journal.write((*stamp, written))
    learn(stamp[0], [(key, stamp, value) for key, value in written])


def learn(time: int, entries: list[tuple[Any, tuple[int, str], Any]]) -> None:
    """Take over what is later than what is here."""
    global clock
    clock = max(clock, time)
    for key, stamp, value in entries:
        if key not in registers or registers[key][0] < stamp:
            registers[key] = stamp, value


@node.every(0.1)
def replicate() -> None:
    """Tell everybody everything, as it was at one moment."""
    entries = [[key, *stamp, value] for key, (stamp, value) in registers.items()]
    node.broadcast({"type": "merge", "time": clock, "registers": entries})


if __name__ == "__main__":
    node.run()
