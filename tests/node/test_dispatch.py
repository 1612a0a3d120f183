"""Messages reach their handlers, and answers become replies."""

import asyncio
from collections import OrderedDict, UserDict
from types import SimpleNamespace

import pytest

from messenger.node import Body, Node

from .driver import INIT, ask, messages, request


class Ask(Body):
    value: object = None


class AskOk(Body):
    value: object = None


class Frozen(Body, frozen=True):
    value: object = None


class Custom(BaseException):
    """Not even an Exception."""


class Unprintable(Exception):
    __slots__ = ()

    def __str__(self):
        raise RuntimeError("not even this")

    __repr__ = __str__


def answering(node, answer):
    """Register a handler for `ask` that gives *answer*."""

    @node.on
    def handler(request: Ask):
        return answer

    return node


def raising(node, error):
    @node.on
    def handler(request: Ask):
        raise error

    return node


def test_replies_leave_in_the_order_of_their_requests(node):
    """Handlers that do not wait are a queue: first in, first out."""
    node.on("plain")(lambda body: {"type": "plain_ok", "value": body["value"]})

    @node.on
    def handler(request: Ask) -> AskOk:
        return AskOk(request.value)

    answers = ask(node, *(request("ask" if n % 2 else "plain", n, value=n) for n in range(10)))

    assert [answer["value"] for answer in answers] == list(range(10))


def test_msg_ids_rise_by_one_from_zero():
    """Two messages of one node never share an id."""
    node = answering(Node(), AskOk())

    answers = ask(node, INIT, *[request("ask", 2)] * 3) + ask(node, *[request("ask", 2)] * 2)

    assert [answer["msg_id"] for answer in answers] == [0, 1, 2, 3, 4, 5]


def test_a_reply_goes_to_its_sender(node):
    """Three clients, three addresses, each its own msg_id back."""
    answering(node, AskOk())
    output = node.receive(b"".join(request("ask", n, src=f"c{n - 1}") for n in (2, 3, 4)))

    replies = [(m["dest"], m["body"]["in_reply_to"], m["body"]["msg_id"]) for m in messages(output)]

    assert replies == [("c1", 2, 1), ("c2", 3, 2), ("c3", 4, 3)]


def test_a_handler_may_say_nothing(node):
    """None is no reply, and takes no id."""
    answering(node, None)

    answers = ask(node, request("ask", 2), request("unknown", 3))

    assert [(answer["in_reply_to"], answer["msg_id"]) for answer in answers] == [(3, 1)]


@pytest.mark.parametrize("in_reply_to", [0, 1, -1, 2**70])
@pytest.mark.parametrize("type_", ["ask", "ask_ok", "error", "unknown"])
def test_a_reply_nobody_awaits_is_ignored(node, type_, in_reply_to):
    """Answering a reply would start an endless conversation; 0 is an id like any other."""
    answering(node, AskOk())

    answers = ask(node, request(type_, 2, in_reply_to=in_reply_to, code=1))

    assert answers == []


@pytest.mark.parametrize("answer", [AskOk(1), {"type": "ask_ok", "value": 1}], ids=["typed", "plain"])
def test_one_object_returned_twice_is_two_replies(node, answer):
    """A constant answer is a natural thing to write."""
    answering(node, answer)

    answers = ask(node, request("ask", 2), request("ask", 3)) + ask(node, request("ask", 4))

    assert [(a["in_reply_to"], a["msg_id"]) for a in answers] == [(2, 1), (3, 2), (4, 3)]


def test_the_request_itself_may_be_returned(node):
    """The shortest echo there is."""

    @node.on
    def handler(request: Ask):
        return request

    answers = ask(node, request("ask", 2, value="x"), request("ask", None, value="y"))

    assert answers == [
        {"type": "ask", "value": "x", "in_reply_to": 2, "msg_id": 1},
        {"type": "ask", "value": "y", "msg_id": 2},
    ]


def test_a_plain_answer_is_not_changed(node):
    """The dict may be the handler's own state."""
    answer = {"type": "ask_ok"}
    answering(node, answer)

    ask(node, request("ask", 2))

    assert answer == {"type": "ask_ok"}


def test_a_request_without_msg_id_is_answered_without_in_reply_to(node):
    """There is nothing to refer to."""
    answering(node, AskOk())

    [answer] = ask(node, request("ask", None))

    assert "in_reply_to" not in answer


def test_any_kind_of_dict_is_an_answer(node):
    """`OrderedDict` and `defaultdict` are dicts to everyone else."""
    answering(node, OrderedDict(type="ask_ok", value=1))

    [answer] = ask(node, request("ask", 2))

    assert answer == {"type": "ask_ok", "value": 1, "in_reply_to": 2, "msg_id": 1}


@pytest.mark.parametrize(
    "nonsense",
    [
        5,
        0,
        "text",
        b"",
        [],
        [AskOk()],
        (),
        True,
        object(),
        AskOk,
        UserDict(type="x"),
        SimpleNamespace(msg_id=1),
    ],
    ids=repr,
)
@pytest.mark.parametrize("type_", ["ask", "plain"])
def test_an_answer_that_is_no_body_is_an_error_that_says_so(node, type_, nonsense):
    """The author of the handler reads it in the reply."""
    answering(node, nonsense).on("plain")(lambda body: nonsense)

    [answer] = ask(node, request(type_, 2))

    assert answer["code"] == 13
    assert f"a handler returned {type(nonsense).__name__}; return a Body" in answer["text"]


def test_a_plain_answer_without_a_type_gets_that_of_the_request(node):
    """Nearly every answer is an `_ok`."""
    answering(node, {"value": 1})
    node.on("plain")(lambda body: {})

    answers = ask(node, request("ask", 2), request("plain", 3))

    assert [answer["type"] for answer in answers] == ["ask_ok", "plain_ok"]


@pytest.mark.parametrize("nonsense", [{"type": None}, {"type": 5}])
def test_a_plain_answer_needs_a_type_that_is_one(node, nonsense):
    """A message without a type is malformed: better said here than by its receiver."""
    answering(node, nonsense)

    [answer] = ask(node, request("ask", 2))

    assert answer["code"] == 13
    assert "not a string" in answer["text"]


def test_a_frozen_answer_is_copied(node):
    """A constant may be declared as one; ids are set in place elsewhere."""
    constant = Frozen(5)
    answering(node, constant)

    answers = ask(node, request("ask", 2), request("ask", 3))

    assert answers == [
        {"type": "frozen", "value": 5, "in_reply_to": 2, "msg_id": 1},
        {"type": "frozen", "value": 5, "in_reply_to": 3, "msg_id": 2},
    ]
    assert constant == Frozen(5)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("bad"),
        Unprintable(),
        Custom("custom"),
        RecursionError(),
        MemoryError(),
        StopIteration(3),
        GeneratorExit(),
        asyncio.CancelledError(),
        ExceptionGroup("several", [ValueError("\ud800")]),
        SyntaxError("odd", ("file", 1, 2, "text")),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "odd"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("type_", ["ask", "plain"])
def test_a_handler_that_raises_is_a_crash_and_nothing_more(node, type_, error):
    """Whatever it raises, its sender gets error 13 and the next request its answer."""

    def fail(body):
        raise error

    raising(node, error).on("plain")(fail)

    answers = ask(node, request(type_, 2), request("unknown", 3))

    assert [(a["code"], a["in_reply_to"]) for a in answers] == [(13, 2), (10, 3)]
    assert type(error).__name__ in answers[0]["text"]


def test_the_error_text_is_the_exception_with_its_notes(node):
    """The message first: notes only add to it."""
    error = ValueError("bad")
    error.add_note("seen at noon")
    raising(node, error)

    [answer] = ask(node, request("ask", 2))

    assert answer["text"] == "ValueError: bad\nseen at noon"


def test_an_exception_without_anyone_waiting_is_no_reply(node):
    """No msg_id, no error message: the sender could not tell what it is about."""
    raising(node, ValueError("bad"))

    answers = ask(node, request("ask", None))

    assert answers == []


@pytest.mark.parametrize("leaving", [SystemExit(3), KeyboardInterrupt()], ids=repr)
def test_leaving_the_process_is_not_held_up(node, leaving):
    """`sys.exit` in a handler means the process."""
    raising(node, leaving)

    with pytest.raises(type(leaving)):
        node.receive(request("ask", 2))


def test_recursion_without_end_is_a_crash(node):
    """The stack is as deep as ever for the next message."""

    @node.on
    def handler(request: Ask):
        return handler(request)

    answers = ask(node, request("ask", 2), request("ask", 3))

    assert [answer["code"] for answer in answers] == [13, 13]
