"""Asking many, asking again, and the services."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.node import (
    KV,
    TSO,
    Backoff,
    Crash,
    KeyDoesNotExist,
    Node,
    NoQuorum,
    PreconditionFailed,
    RPCError,
    Timeout,
    majority,
    quorum,
    retry,
    rpc_all,
)

from .driver import request
from .world import play


def outcome(handler, peer, nodes=4):
    """Return what *handler*, given its node, comes to among so many nodes."""
    node = Node()

    @node.on
    async def ask():
        return {"found": await handler(node)}

    async def script(world):
        [answer] = await world.ask(request("ask", 2))
        return answer

    return play(node, script, peer, nodes)["found"]


def peers_that(**answers):
    """n2="ok", n3="error", n4="silent"."""

    def peer(message):
        return {
            "ok": {"type": "put_ok", "who": message["dest"]},
            "error": {"type": "error", "code": 22, "text": "no"},
            "silent": None,
        }[answers[message["dest"]]]

    return peer


def test_all_are_asked_and_each_answer_is_kept():
    async def handler(node):
        found = await rpc_all(node, node.peers, {"type": "put"}, timeout_seconds=0.02)
        return {name: getattr(answer, "code", answer) for name, answer in found.items()}

    found = outcome(handler, peers_that(n2="ok", n3="error", n4="silent"))

    assert (found["n2"]["who"], found["n3"], found["n4"]) == ("n2", 22, 0)


@pytest.mark.parametrize(
    ("answers", "needed", "agreed"), [("ok ok silent", 2, 2), ("ok error ok", 2, 2), ("ok ok ok", 3, 3)]
)
def test_a_quorum_is_enough(answers, needed, agreed):
    """Nobody waits for the slowest."""

    async def handler(node):
        return sorted(await quorum(node, node.peers, {"type": "put"}, needed, timeout_seconds=20.0))

    given_answers = dict(zip(("n2", "n3", "n4"), answers.split(), strict=True))

    assert len(outcome(handler, peers_that(**given_answers))) == agreed


@pytest.mark.parametrize("answers", ["error error silent", "silent silent ok"])
def test_without_a_quorum_it_is_known_who_said_what(answers):
    """It is found out as soon as it is certain, not when the last one times out."""

    async def handler(node):
        with pytest.raises(NoQuorum, match="2 are needed") as raised:
            await quorum(node, node.peers, {"type": "put"}, 2, timeout_seconds=0.02)
        return [raised.value.definite, sorted(raised.value.answers)]

    given_answers = dict(zip(("n2", "n3", "n4"), answers.split(), strict=True))
    definite, told = outcome(handler, peers_that(**given_answers))

    assert definite is False
    assert "n3" in told


@given(st.integers(1, 99))
def test_two_majorities_always_meet(nodes):
    assert majority(nodes) * 2 > nodes
    assert (majority(nodes) - 1) * 2 <= nodes


@given(st.floats(0.001, 1), st.floats(1, 100), st.floats(0, 1), st.integers(0, 2**32))
def test_waits_grow_to_their_limit_and_are_cut_short_at_random(first, most, jitter, seed):
    waits = Backoff(first, most, jitter).waits(random.Random(seed))

    for number in range(20):
        full = min(first * 2**number, most)
        assert full * (1 - jitter) - 1e-9 <= next(waits) <= full


@pytest.mark.parametrize("fields", [{"first_seconds": 0}, {"first_seconds": 3.0}, {"jitter": 2.0}])
def test_a_backoff_that_makes_no_sense_is_refused(fields):
    with pytest.raises(ValueError, match="makes no sense"):
        Backoff(**fields)


QUICK = Backoff(0.001, 0.002)


def failing(*errors):
    """Make an attempt that fails so, time after time, and then succeeds."""
    left = list(errors)

    async def attempt():
        if left:
            raise left.pop(0)
        return "done"

    return attempt


@pytest.mark.parametrize(
    ("errors", "attempts", "expected"),
    [
        ((), None, "done"),
        ((Timeout("t"), Crash("c"), Timeout("t")), None, "done"),
        ((Timeout("t"), PreconditionFailed("p")), None, 22),
        ((Timeout("t"), Crash("c")), 2, 13),
        ((Timeout("t"), Crash("c")), 3, "done"),
    ],
)
def test_what_may_have_happened_is_tried_again(errors, attempts, expected):
    """A definite error is an answer."""

    async def handler(node):
        try:
            return await retry(failing(*errors), QUICK, attempts=attempts)
        except RPCError as error:
            return error.code

    assert outcome(handler, lambda _: None) == expected


class Store:
    """lin-kv as it is specified; *interfere* runs before each cas, once."""

    def __init__(self, interfere=lambda values: None):
        self.values = {}
        self.interfere = interfere
        self.ts = 0

    def __call__(self, message):
        body = message["body"]
        key = str(body.get("key"))
        match body["type"]:
            case "ts":
                self.ts += 1
                return {"type": "ts_ok", "ts": self.ts}
            case "read" if key not in self.values:
                return {"type": "error", "code": 20, "text": "none"}
            case "read":
                return {"type": "read_ok", "value": self.values[key]}
            case "write":
                self.values[key] = body["value"]
                return {"type": "write_ok"}
            case "cas":
                interfere, self.interfere = self.interfere, lambda values: None
                interfere(self.values)
                if key not in self.values and not body["create_if_not_exists"]:
                    return {"type": "error", "code": 20}
                if key in self.values and self.values[key] != body["from"]:
                    return {"type": "error", "code": 22}
                self.values[key] = body["to"]
                return {"type": "cas_ok"}
        raise AssertionError(body)


def test_a_store_is_read_and_written():
    async def handler(node):
        store = KV(node, "lin-kv")
        with pytest.raises(KeyDoesNotExist):
            await store.read("a")
        found = [await store.read("a", default=None)]
        await store.write("a", [1, {"b": None}])
        found.append(await store.read("a"))
        await store.cas("a", [1, {"b": None}], 2)
        with pytest.raises(PreconditionFailed):
            await store.cas("a", 1, 3)
        with pytest.raises(KeyDoesNotExist):
            await store.cas("new", 1, 3)
        await store.cas("new", None, 3, create_if_not_exists=True)
        return [*found, await store.read("a"), await store.read("new"), await store.read_latest("new")]

    assert outcome(handler, Store()) == [None, [1, {"b": None}], 2, 3, 3]


def test_an_update_is_done_again_when_somebody_was_in_between():
    store = Store(interfere=lambda values: values.update(n=10))

    async def handler(node):
        return [await KV(node, "lin-kv").update("n", lambda n: n + 1, default=0), store.values["n"]]

    assert outcome(handler, store) == [11, 11]


def test_an_update_of_nothing_without_a_default_says_so():
    async def handler(node):
        with pytest.raises(KeyDoesNotExist):
            await KV(node, "lin-kv").update("n", lambda n: n + 1)
        return "refused"

    assert outcome(handler, Store()) == "refused"


def test_timestamps_rise():
    async def handler(node):
        return [await TSO(node).ts() for _ in range(3)]

    assert outcome(handler, Store()) == [1, 2, 3]
