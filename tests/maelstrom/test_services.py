"""The services."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.maelstrom.checkers.linearizability import Step, find_obstacle
from messenger.maelstrom.services import PAST_STATES, LinKv, LinTso, LwwKv, SeqKv, all_services


def read(key="x"):
    return {"type": "read", "key": key}


def write(value, key="x"):
    return {"type": "write", "key": key, "value": value}


def cas(from_, to, key="x", **more):
    return {"type": "cas", "key": key, "from": from_, "to": to, **more}


class Last(Random):
    """Chance that always takes the last: for lww-kv the same replica, for seq-kv the present."""

    def choice(self, options):
        return options[-1]

    def randint(self, low, high):
        return high


@pytest.fixture(params=["lin-kv", "seq-kv", "lww-kv"])
def store(request):
    """Each of the stores, on a day when chance lets them all be consistent."""
    return all_services(Last())[request.param]


def test_a_store_gives_back_what_was_written(store):
    """Values may be any JSON, also null."""
    assert store.handle("n0", write({"a": [None, 1]})) == {"type": "write_ok"}
    assert store.handle("n0", read()) == {"type": "read_ok", "value": {"a": [None, 1]}}
    store.handle("n0", write(None))
    assert store.handle("n0", read()) == {"type": "read_ok", "value": None}


def test_a_key_that_nobody_has_written_does_not_exist(store):
    """Error 20, for reads and for compare-and-sets."""
    assert store.handle("n0", read())["code"] == 20
    assert store.handle("n0", cas(1, 2))["code"] == 20


def test_keys_are_json_values(store):
    """1, "1" and true are three of them."""
    for value, key in enumerate([1, "1", True, [1]]):
        store.handle("n0", write(value, key))

    assert [store.handle("n0", read(key))["value"] for key in (1, "1", True, [1])] == [0, 1, 2, 3]


def test_a_compare_and_set_needs_the_value_it_compares_with(store):
    """Error 22, and nothing changes."""
    store.handle("n0", write(1))

    refused = store.handle("n0", cas(2, 3))

    assert (refused["code"], refused["text"]) == (22, "current value 1 is not 2")
    assert store.handle("n0", cas(1, 3)) == {"type": "cas_ok"}
    assert store.handle("n0", read())["value"] == 3


@pytest.mark.parametrize("name", ["lin-kv", "seq-kv"])
def test_a_compare_and_set_may_create_a_key(name):
    """For lazy initialisation, when nobody else has done it."""
    store = all_services(Last())[name]

    assert store.handle("n0", cas(0, 1, create_if_not_exists=True)) == {"type": "cas_ok"}
    assert store.handle("n0", cas(0, 2, create_if_not_exists=True))["code"] == 22


def test_lww_kv_creates_no_key_by_compare_and_set():
    """Maelstrom's does not know the option."""
    store = LwwKv(Random(1))

    assert store.handle("n0", cas(0, 1, create_if_not_exists=True))["code"] == 20


def test_a_request_that_is_none_is_refused(store):
    """What is missing is named; a service outlives whatever it is asked."""
    assert store.handle("n0", {"type": "write", "key": 1}) == {
        "type": "error",
        "code": 12,
        "text": "write needs value",
    }
    assert store.handle("n0", {"type": "increment"})["code"] == 10
    assert store.handle("n0", {})["code"] == 10


def test_lin_kv_is_linearizable_whoever_asks():
    """There is one present, and everyone is in it."""
    store = LinKv()
    store.handle("n0", write(1))

    assert store.handle("n1", read())["value"] == 1


def test_seq_kv_answers_from_the_past():
    """A node that has not been there for a while may see any of it."""
    store = SeqKv(Random(3))
    for value in range(10):
        store.handle("n0", write(value))

    answers = [seen_by(store, f"n{node}") for node in range(1, 50)]

    assert len(set(answers)) > 5


def seen_by(store, client):
    reply = store.handle(client, read())
    return reply.get("value", "absent")


def test_seq_kv_forgets_what_is_too_long_ago():
    """No answer is from before the last states that it keeps."""
    store = SeqKv(Random(3))
    for value in range(100):
        store.handle("n0", write(value))

    answers = [store.handle(f"n{node}", read())["value"] for node in range(1, 500)]

    assert min(answers) == 100 - PAST_STATES
    assert max(answers) == 99


def test_seq_kv_lets_a_node_read_its_own_writes():
    """What it has done is not undone."""
    store = SeqKv(Random(3))
    for value in range(50):
        store.handle("n1", write(-value, "y"))
        store.handle("n0", write(value))

        assert store.handle("n0", read())["value"] == value


@given(st.integers(), st.lists(st.tuples(st.sampled_from("ab"), st.booleans()), max_size=80))
def test_seq_kv_never_goes_back_for_a_client(seed, requests):
    """Stale, but monotonic."""
    store, last = SeqKv(Random(seed)), {"a": -1, "b": -1}
    store.handle("c", write(-1))
    for value, (client, writes) in enumerate(requests):
        if writes:
            store.handle("c", write(value))
        reply = store.handle(client, read())
        seen = reply.get("value", -1)

        assert seen >= last[client]
        last[client] = seen


def test_seq_kv_lets_updates_that_change_nothing_meet_the_past():
    """The legal surprise of Maelstrom's documentation: a write that is ordered before another's."""
    outcomes = set()
    for seed in range(30):
        store = SeqKv(Random(seed))
        store.handle("n1", write(1))
        while store.handle("n2", cas(1, 2))["type"] != "cas_ok":
            pass  # it has met the time before the first write
        store.handle("n1", write(1))
        outcomes.add(store.handle("n2", read())["value"])

    assert outcomes == {1, 2}


def test_lww_kv_forgets_writes():
    """Two writes, and the one that another replica has heard of later wins, or none is known yet."""
    store = LwwKv(Random(5))
    store.handle("n0", write(1))

    answers = {seen_by(store, "n1") for _ in range(3)} | {
        seen_by(all_written(seed), "n1") for seed in range(20)
    }

    assert {"absent", 1, 2} <= answers


def all_written(seed):
    store = LwwKv(Random(seed))
    store.handle("n0", write(1))
    store.handle("n0", write(2))
    return store


def test_lww_kv_agrees_in_the_end():
    """Replicas tell each other what they know, so that asking often enough brings them together."""
    store = LwwKv(Random(5))
    for value in range(10):
        store.handle("n0", write(value))
    for _ in range(200):
        store.handle("n0", read())

    assert len({store.handle("n0", read())["value"] for _ in range(50)}) == 1


def test_lin_tso_counts():
    """Each timestamp is greater than all that were given before."""
    oracle = LinTso()

    assert [oracle.handle("n0", {"type": "ts"}) for _ in range(2)] == [
        {"type": "ts_ok", "ts": 0},
        {"type": "ts_ok", "ts": 1},
    ]
    assert oracle.handle("n0", read())["code"] == 10


def test_the_checker_sees_through_seq_kv():
    """If it did not, no node that trusts it would ever fail."""
    store, steps = SeqKv(Random(1)), []
    for index in range(40):
        value = index if index % 2 else None
        reply = store.handle(f"n{index % 5}", read() if value is None else write(value))
        expected = str(reply.get("value", "null")) if value is None else None
        written = None if value is None else str(value)
        steps.append(Step(index, 10 * index, 10 * index + 1, expected, written))

    assert find_obstacle(steps) is not None
