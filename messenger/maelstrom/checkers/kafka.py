"""Kafka: logs lose, double and reorder nothing that was acknowledged."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from ..canonical import canonical
from ..findings import Anomaly, Findings
from ..history import Operation, Outcome

Log = dict[int, dict[str, Operation]]
"""For each offset that is known to exist, the messages seen there, and where each was seen first."""


def check(history: Sequence[Operation]) -> Findings:
    """Check operations send, poll, commit_offsets and list_committed_offsets.

    A message is lost when a poll has gone past its offset without it, or when it was acknowledged and no
    final poll has it.  Source: Maelstrom, doc/workloads.md, and Jepsen, `jepsen.tests.kafka`.
    """
    sends = [op for op in history if op.function == "send"]
    polls = [op for op in history if op.function == "poll" and op.ok]
    logs = _logs(sends, polls)
    lost = {**_missing_at_last(sends, polls), **_skipped(logs, polls)}
    return Findings(
        anomalies=(
            *lost.values(),
            *_inconsistent(logs),
            *_duplicates(logs),
            *_never_sent(sends, polls),
            *_nonmonotonic_sends(sends),
            *_nonmonotonic_polls(polls),
            *_committed_too_far(history),
        ),
        measures={"acknowledged": sum(op.ok for op in sends), "keys": len(logs)},
        undecided=""
        if any(op.final for op in polls)
        else "no final poll succeeded, so nobody knows what is lost",
    )


def _logs(sends: Sequence[Operation], polls: Sequence[Operation]) -> dict[str, Log]:
    logs: defaultdict[str, Log] = defaultdict(dict)
    for op in sends:
        if op.ok:
            key, message = op.value
            logs[key].setdefault(op.result, {}).setdefault(canonical(message), op)
    for op in polls:
        for key, pairs in op.result.items():
            for offset, message in pairs:
                logs[key].setdefault(offset, {}).setdefault(canonical(message), op)
    return logs


def _missing_at_last(
    sends: Sequence[Operation], polls: Sequence[Operation]
) -> dict[tuple[str, int], Anomaly]:
    finals = [op for op in polls if op.final]
    seen = {(key, offset) for poll in finals for key, pairs in poll.result.items() for offset, _ in pairs}
    missing = [op for op in sends if op.ok and (op.value[0], op.result) not in seen] if finals else []
    return {
        (op.value[0], op.result): Anomaly(
            "lost",
            f"key {op.value[0]}, offset {op.result} was acknowledged, and no final poll of any node has it",
            (op,),
        )
        for op in missing
    }


def _skipped(logs: dict[str, Log], polls: Sequence[Operation]) -> dict[tuple[str, int], Anomaly]:
    anomalies: dict[tuple[str, int], Anomaly] = {}
    known = {key: sorted(log) for key, log in logs.items()}
    for poll in polls:
        for key, pairs in poll.result.items():
            if not pairs:
                continue
            there = {offset for offset, _ in pairs}
            offsets = known[key]
            begin = bisect_left(offsets, poll.value.get(key, 0))
            for offset in offsets[begin : bisect_right(offsets, max(there))]:
                if offset not in there and (key, offset) not in anomalies:
                    text = f"key {key}: a poll went past offset {offset} without the message there"
                    witness = next(iter(logs[key][offset].values()))
                    anomalies[key, offset] = Anomaly("lost", text, (witness, poll))
    return anomalies


def _inconsistent(logs: dict[str, Log]) -> Iterator[Anomaly]:
    for key, log in logs.items():
        for offset, messages in log.items():
            if len(messages) > 1:
                text = f"key {key}, offset {offset} has several messages: {', '.join(messages)}"
                yield Anomaly("inconsistent-offset", text, tuple(messages.values()))


def _duplicates(logs: dict[str, Log]) -> Iterator[Anomaly]:
    for key, log in logs.items():
        places: defaultdict[str, list[int]] = defaultdict(list)
        for offset, messages in log.items():
            for message in messages:
                places[message].append(offset)
        for message, offsets in places.items():
            if len(offsets) > 1:
                text = f"key {key}: message {message} is at offsets {', '.join(map(str, sorted(offsets)))}"
                yield Anomaly("duplicate", text, tuple(log[offset][message] for offset in offsets))


def _never_sent(sends: Sequence[Operation], polls: Sequence[Operation]) -> Iterator[Anomaly]:
    sent = {(op.value[0], canonical(op.value[1])): op for op in sends}
    told = set()
    for poll in polls:
        for key, pairs in poll.result.items():
            for name in ((key, canonical(message)) for _, message in pairs):
                send = sent.get(name)
                if name in told or (send is not None and send.outcome is not Outcome.FAIL):
                    continue
                told.add(name)
                if send is None:
                    yield Anomaly("never-sent", f"key {key}: nobody sent message {name[1]}", (poll,))
                else:
                    text = f"key {key}: message {name[1]} was refused, and is there all the same"
                    yield Anomaly("refused-but-there", text, (send, poll))


def _nonmonotonic_sends(sends: Sequence[Operation]) -> Iterator[Anomaly]:
    by_client: defaultdict[tuple[str, str], list[Operation]] = defaultdict(list)
    for op in sends:
        if op.ok:
            by_client[op.client, op.value[0]].append(op)
    for (client, key), ops in by_client.items():
        for one, other in pairwise(ops):
            if other.result <= one.result:
                text = f"key {key}: {client} sent to offset {one.result}, and then to {other.result}"
                yield Anomaly("nonmonotonic-send", text, (one, other))


def _nonmonotonic_polls(polls: Sequence[Operation]) -> Iterator[Anomaly]:
    for poll in polls:
        for key, pairs in poll.result.items():
            offsets = [offset for offset, _ in pairs]
            if any(other <= one for one, other in pairwise(offsets)):
                yield Anomaly("nonmonotonic-poll", f"key {key}: offsets {offsets} do not increase", (poll,))
            if offsets and min(offsets) < poll.value.get(key, 0):
                # What a client asks for is what comes after its last poll, so this goes back behind it.
                text = f"key {key}: asked from {poll.value.get(key, 0)} on, and got offset {min(offsets)}"
                yield Anomaly("nonmonotonic-poll", text, (poll,))


def _committed_too_far(history: Sequence[Operation]) -> Iterator[Anomaly]:
    commits = [op for op in history if op.function == "commit_offsets" and op.outcome is not Outcome.FAIL]
    for listing in history:
        if listing.function != "list_committed_offsets" or not listing.ok:
            continue
        for key, offset in listing.result.items():
            earlier = [op for op in commits if key in op.value and op.invoked_ns < listing.completed_ns]
            highest = max((op.value[key] for op in earlier), default=None)
            if highest is None or offset > highest:
                text = f"key {key}: offset {offset} is listed as committed; the highest commit was {highest}"
                yield Anomaly("committed-too-far", text, (*earlier[-1:], listing))
