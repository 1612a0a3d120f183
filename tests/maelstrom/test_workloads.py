"""What holds for all workloads."""

from random import Random

import msgspec
import pytest

from messenger.maelstrom.workloads.registry import WORKLOADS
from messenger.maelstrom.workloads.workload import Invocation, Options

NODES = ("n0", "n1", "n2")


@pytest.fixture(params=WORKLOADS)
def workload(request):
    return WORKLOADS[request.param](Random(1), Options(nodes=NODES))


def test_a_request_says_its_type(workload):
    """The rest is the workload's own, and must be JSON."""
    for _ in range(50):
        invocation = workload.invoke("c1")
        body = workload.request(invocation)

        assert body["type"] == invocation.function
        assert msgspec.json.decode(msgspec.json.encode(body)) == body


def test_a_reply_without_its_fields_is_malformed(workload):
    """A node that forgets one shall hear of it, by name."""
    replies = {name: type_ for name, type_ in workload.replies.items() if type_.__struct_fields__}

    for function, type_ in replies.items():
        [field] = type_.__struct_fields__
        with pytest.raises(msgspec.ValidationError, match=field):
            workload.result(function, {"type": f"{function}_ok", "in_reply_to": 1})


def test_the_same_seed_gives_the_same_operations():
    """A test that failed can be looked at again."""
    for make in WORKLOADS.values():
        one, other = make(Random(1), Options()), make(Random(1), Options())

        assert [one.invoke("c1") for _ in range(30)] == [other.invoke("c1") for _ in range(30)]


def test_broadcast_tells_neighbours_first():
    """All of them, as Maelstrom does; a node finds itself among them."""
    workload = WORKLOADS["broadcast"](Random(1), Options(nodes=NODES, topology="line"))

    assert workload.prepare() == {
        "type": "topology",
        "topology": {"n0": ["n1"], "n1": ["n0", "n2"], "n2": ["n1"]},
    }


@pytest.mark.parametrize("name", ["txn-list-append", "txn-rw-register"])
def test_no_value_is_written_to_a_key_twice(name):
    """The checkers know by the value who has written it."""
    workload, seen = WORKLOADS[name](Random(1), Options()), set()

    for _ in range(500):
        for kind, key, value in workload.invoke("c1").value:
            assert kind == "r" or (key, value) not in seen
            seen.add((key, value))


def test_a_list_that_is_none_is_malformed():
    """The checker could make nothing of it."""
    workload = WORKLOADS["txn-list-append"](Random(1), Options())

    with pytest.raises(msgspec.ValidationError, match="array"):
        workload.result("txn", {"type": "txn_ok", "txn": [["r", 1, 7]]})


def test_a_kafka_client_goes_on_from_what_it_has_polled(op):
    """And, when it is assigned keys anew, from behind what is committed."""
    workload = WORKLOADS["kafka"](Random(1), Options())
    workload.learn(op("list_committed_offsets", ["0", "1"], {"0": 4}))
    workload.learn(op("poll", {"0": 5, "1": 0}, {"1": [(0, "a"), (3, "b")]}))

    polls = [one.value for _ in range(100) if (one := workload.invoke("c1")).function == "poll"]

    assert {tuple(poll.items()) for poll in polls} == {(("0", 5), ("1", 4))}


def test_a_kafka_client_polls_in_the_end_until_nothing_comes(op):
    """A node may hand out its log in pieces."""
    workload = WORKLOADS["kafka"](Random(1), Options())
    first = workload.finish("c9", None)

    second = workload.finish("c9", op("poll", first.value, {"0": [(0, "a")]}))
    third = workload.finish("c9", op("poll", second.value, {}))

    assert second == Invocation("poll", {"0": 1, "1": 0, "2": 0, "3": 0})
    assert third is None
