"""Which function answers which type of message."""

import asyncio
import functools
from typing import Any

import msgspec
import pytest

from messenger.node import Body, Message, Node

from .driver import INIT, ask, ask_waiting, line, request


class Ask(Body):
    value: int = 0
    table: dict[int, str] = msgspec.field(default_factory=dict)


class AskOk(Body):
    value: int


class TransferMoney(Body, tag="transfer"):
    pass


def test_the_annotation_gives_the_type_on_the_wire(node):
    """One place says it: the class."""

    @node.on
    def any_name(request: Ask) -> AskOk:
        return AskOk(request.value + 1)

    [answer] = ask(node, request("ask", 2, value=41))

    assert answer == {"type": "ask_ok", "value": 42, "in_reply_to": 2, "msg_id": 1}


def test_an_annotation_may_be_a_string(node):
    """`from __future__ import annotations` makes strings of all of them."""

    def handler(request):
        return {"type": "ok", "value": request.value}

    handler.__annotations__["request"] = "Ask"
    node.on(handler)

    [answer] = ask(node, request("ask", 2, value=1))

    assert answer["value"] == 1


def test_a_tag_gives_the_type_on_the_wire(node):
    """Class names and wire names need not agree."""
    node.on(lambda_for(TransferMoney))

    [answer] = ask(node, request("transfer", 2))

    assert answer["type"] == "seen"


def lambda_for(body_type):
    def handler(request: body_type):
        return {"type": "seen"}

    return handler


@pytest.mark.parametrize("annotation", [dict, dict[str, Any], Any])
def test_without_a_body_the_name_of_the_function_is_the_type(node, annotation):
    """A handler of plain dicts is two lines."""

    def read(body: annotation):
        return {"type": "read_ok", "got": body["key"]}

    node.on(read)

    [answer] = ask(node, request("read", 2, key="k"))

    assert answer["got"] == "k"


def test_a_name_given_to_on_is_the_type(node):
    """Types that are no Python names have handlers as well."""

    @node.on("read/all")
    def read(body):
        return {"type": "read_ok"}

    [answer] = ask(node, request("read/all", 2))

    assert answer["type"] == "read_ok"


def test_on_leaves_the_function_as_it_was(node):
    """It can be called and tested without a node."""

    @node.on
    def read(body: dict) -> dict:
        return {"type": "read_ok"}

    assert read({}) == {"type": "read_ok"}


def test_a_method_is_a_handler(node):
    """State often lives in an object."""

    class Counter:
        value = 0

        def add(self, body):
            self.value += body["delta"]
            return {"type": "add_ok", "value": self.value}

    node.on(Counter().add)

    answers = ask(node, request("add", 2, delta=2), request("add", 3, delta=3))

    assert [answer["value"] for answer in answers] == [2, 5]


def with_plain_neighbour(node):
    """One dict handler makes `parse` leave every body plain."""
    node.on("plain")(lambda body: {"type": "plain_ok"})


@pytest.mark.parametrize("prepare", [lambda node: None, with_plain_neighbour], ids=["typed", "mixed"])
class TestTypedBodies:
    """The same, whether or not another handler of the node takes dicts."""

    def test_bodies_are_typed(self, node, prepare):
        prepare(node)
        node.on(lambda_for_value())

        [answer] = ask(node, request("ask", 2, value=7))

        assert answer["value"] == 7

    @pytest.mark.parametrize("bad", [{"value": "x"}, {"value": None}, {"table": []}, {"table": {"x": "y"}}])
    def test_a_field_of_another_type_is_malformed(self, node, prepare, bad):
        prepare(node)
        node.on(lambda_for_value())

        [answer] = ask(node, request("ask", 2, **bad))

        assert (answer["code"], answer["in_reply_to"]) == (12, 2)

    def test_keys_may_be_integers(self, node, prepare):
        """JSON has no other keys than strings; a type says what they are."""
        prepare(node)
        node.on(lambda_for_value())

        [answer] = ask(node, request("ask", 2, table={"1": "one"}))

        assert answer["table"] == {"1": "one"}

    def test_a_check_of_the_body_that_fails_is_malformed(self, node, prepare):
        """Even if it raises what msgspec does not expect."""

        class Strict(Body):
            def __post_init__(self):
                raise KeyError("never")

        prepare(node)
        node.on(lambda_for(Strict))

        answers = ask(node, request("strict", 2), request("unknown", 3))

        assert [answer["code"] for answer in answers] == [12, 10]

    def test_a_missing_field_is_malformed(self, node, prepare):
        prepare(node)
        node.on(lambda_for(AskOk))

        [answer] = ask(node, request("ask_ok", 2))

        assert answer["code"] == 12
        assert "`value`" in answer["text"]

    def test_an_unknown_type_is_not_supported(self, node, prepare):
        prepare(node)

        [answer] = ask(node, request("nobody_knows", 2))

        assert answer["code"] == 10
        assert "nobody_knows" in answer["text"]

    @pytest.mark.parametrize("type_", [None, 5, True, 1.5, [], ["ask"], {}, {"ask": 1}])
    def test_a_type_that_is_no_string_is_malformed(self, node, prepare, type_):
        prepare(node)
        node.on(lambda_for_value())

        [answer] = ask(node, line({"src": "c", "dest": "n", "body": {"type": type_, "msg_id": 2}}))

        assert (answer["code"], answer["in_reply_to"]) == (12, 2)

    def test_a_missing_type_is_malformed(self, node, prepare):
        prepare(node)
        node.on(lambda_for_value())

        [answer] = ask(node, line({"src": "c", "dest": "n", "body": {"msg_id": 2}}))

        assert answer["code"] == 12

    @pytest.mark.parametrize("fields", [{"type": "nobody_knows"}, {"type": 5}, {"type": "ask", "value": "x"}])
    def test_nothing_is_said_to_who_does_not_wait(self, node, prepare, fields):
        """An error without in_reply_to would be a riddle."""
        prepare(node)
        node.on(lambda_for_value())

        answers = ask(node, line({"src": "c", "dest": "n", "body": fields}))

        assert answers == []

    def test_requests_before_init_are_turned_away(self, prepare):
        """The node does not know its name yet; the sender may try again."""
        node = Node()
        prepare(node)
        node.on(lambda_for_value())

        answers = ask(node, request("ask", 2), request("unknown", 3), INIT, request("ask", 4))

        assert [(a["type"], a.get("code")) for a in answers] == [
            ("error", 11),
            ("error", 11),
            ("init_ok", None),
            ("ask_ok", None),
        ]


def lambda_for_value():
    def handler(request: Ask):
        return {"type": "ask_ok", "value": request.value, "table": request.table}

    return handler


def test_two_handlers_of_one_type_are_refused():
    """The second would silently replace the first."""
    node = Node()
    node.on(lambda_for(Ask))

    with pytest.raises(ValueError, match="'ask' have a handler already"):
        node.on(lambda_for(Ask))


@pytest.mark.parametrize("function", [lambda *all: None, lambda one, **rest: None], ids=["all", "rest"])
def test_a_handler_says_what_it_takes(function):
    """Found when it is registered, not when the first message comes."""
    with pytest.raises(TypeError, match="a handler takes a Body, a dict, or fields by name"):
        Node().on("x")(function)


def test_a_handler_may_take_the_fields_of_a_body_by_name(node):
    """Three words instead of a class."""

    @node.on
    def write(key: str, value, *, create: bool = False):
        return {"wrote": [key, value, create]}

    @node.on
    def ping():
        return {}

    answers = ask(
        node,
        request("write", 2, key="k", value=[1]),
        request("write", 3, key="k", value=None, create=True),
        request("write", 4, key=5, value=1),
        request("ping", 5),
    )

    assert [answer.get("wrote") for answer in answers[:2]] == [["k", [1], False], ["k", None, True]]
    assert answers[2]["code"] == 12
    assert answers[3]["type"] == "ping_ok"


@pytest.mark.parametrize("plain", [False, True])
def test_a_handler_may_take_the_message(node, plain):
    """Gossip is not sent back to where it came from."""
    if plain:
        with_plain_neighbour(node)

    @node.on
    def ask_(request: Ask, message: Message):
        return {"type": "ask_ok", "src": message.src, "value": request.value}

    @node.on
    def named(message: Message, value: int):
        return {"src": message.src, "value": value}

    @node.on
    async def waiting(message: Message, body: dict):
        return {"src": message.src, "value": body["value"]}

    answers = ask_waiting(
        node, *(request(type_, 2, value=3, src="c7") for type_ in ("ask", "named", "waiting"))
    )

    assert [(answer["src"], answer["value"]) for answer in answers] == [("c7", 3)] * 3


def test_a_name_that_contradicts_the_body_is_refused():
    """The body's tag is what `parse` looks for; the name would never be seen."""
    with pytest.raises(TypeError, match="give the class tag='other'"):
        Node().on("other")(lambda_for(Ask))


def test_a_handler_without_a_name_needs_a_type():
    """The type of a message is never the repr of a function."""
    with pytest.raises(TypeError, match="say which type"):
        Node().on(functools.partial(lambda key, body: None, "key"))


def test_an_annotation_that_is_no_body_is_refused():
    """A union would silently be handed dicts."""
    with pytest.raises(TypeError, match="neither a Body nor a dict"):
        Node().on(lambda_for(Ask | AskOk))


def test_a_handler_may_come_after_init(node):
    """Handlers may depend on who the node is."""
    ask(node, request("ask", 2))
    node.on(lambda_for_value())

    [answer] = ask(node, request("ask", 3, value=1))

    assert answer["value"] == 1


def test_a_type_that_is_no_text_is_refused():
    """It would never match, and nobody would know why."""
    with pytest.raises(TypeError, match="on\\(\\) takes a message type"):
        Node().on(5)


def test_an_object_whose_call_waits_is_a_handler_that_waits():
    """A handler with state of its own is an object, and may be as asynchronous as a function."""

    class Ask:
        async def __call__(self, body: dict):
            await asyncio.sleep(0)
            return {"value": 1}

    node = Node()
    node.on("ask")(Ask())

    assert ask_waiting(node, INIT, request("ask"))[1]["value"] == 1


def test_a_coroutine_function_cannot_run_in_a_thread():
    """It would return a coroutine, at the first request and at every other."""

    async def ask(body: dict):
        return {}

    with pytest.raises(TypeError, match="ask is asynchronous"):
        Node().on(blocking=True)(ask)
