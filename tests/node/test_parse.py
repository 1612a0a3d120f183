"""Lines become messages."""

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from messenger.node import Body, BodyTypes, MalformedMessage, Message, parse, parse_lines, serialize
from messenger.node.message import Malformed

from .driver import line, request


class Echo(Body):
    echo: str


class Txn(Body):
    txn: list[tuple[str, int, int | None]]
    weights: dict[int, float]


class Fussy(Body):
    value: int

    def __post_init__(self):
        raise KeyError(self.value)


TYPES = BodyTypes(Echo, Txn, Fussy)

ids = st.integers() | st.just(UNSET)
names = st.text(st.characters(exclude_categories=["Cs"]))
finite = st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | finite | names,
    lambda inner: st.lists(inner) | st.dictionaries(names, inner),
    max_leaves=20,
)
typed_bodies = st.builds(Echo, echo=names, msg_id=ids, in_reply_to=ids) | st.builds(
    Txn,
    txn=st.lists(st.tuples(names, st.integers(), st.none() | st.integers())),
    weights=st.dictionaries(st.integers(-(2**63), 2**63), finite),
    msg_id=ids,
    in_reply_to=ids,
)


def test_a_known_type_is_read_as_its_body():
    """Handlers get what their annotation says."""
    message = parse(request("echo", 2, echo="hi"), TYPES)

    assert message == Message("c1", "n1", Echo("hi", msg_id=2))


def test_an_unknown_type_is_read_as_plain_json():
    """Types nobody declared reach dict handlers, or an error 10, with everything they said."""
    message = parse(request("read", 2, key=[1, None]), TYPES)

    assert message.body == {"type": "read", "msg_id": 2, "key": [1, None]}


def test_without_types_every_body_is_plain_json():
    """`parse` is of use without a node."""
    message = parse(request("echo", 2, echo="hi"))

    assert message.body == {"type": "echo", "msg_id": 2, "echo": "hi"}


def test_fields_nobody_declared_are_passed_over():
    """A peer that is a version ahead of us is understood."""
    message = parse(request("echo", 2, echo="hi", new="field"), TYPES)

    assert message.body == Echo("hi", msg_id=2)


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"not json",
        b"[]",
        b"null",
        b"{}",
        b'{"src":"c1","dest":"n1"}',
        b'{"src":"c1","dest":"n1","body":[]}',
        b'{"src":1,"dest":"n1","body":{"type":"echo"}}',
        b'{"src":"c1","dest":"n1","body":{"type":"read","text":"\xff"}}',
        b'{"src":"c1","dest":"n1","body":{"type":"read","text":"\\ud800"}}',
        b'\xef\xbb\xbf{"src":"c1","dest":"n1","body":{"type":"read"}}',
        b'{"src":"c1","dest":"n1","body":{"type":"read","value":NaN}}',
        b'{"src":"c1","dest":"n1","body":{"type":"read","value":1e999}}',
        b"[" * 200_000,
        b'{"src":"c1","dest":"n1","body":{"type":"read","value":' + b"[" * 200_000,
        b"\0",
    ],
    ids=lambda bad: repr(bad[:70]),
)
def test_what_is_no_message_is_malformed(bad):
    """One exception to catch, whatever is wrong."""
    with pytest.raises(MalformedMessage, match="cannot read message"):
        parse(bad, TYPES)


@pytest.mark.parametrize(
    "body", [{"type": "echo"}, {"type": "echo", "echo": 1}, {"type": "fussy", "value": 1}]
)
def test_a_body_that_breaks_its_type_is_malformed(body):
    """Handlers may rely on every field, and on what a body checks itself."""
    with pytest.raises(MalformedMessage):
        parse(line({"src": "c1", "dest": "n1", "body": body}), TYPES)


def test_the_error_names_the_field():
    """The sender should not have to guess."""
    with pytest.raises(MalformedMessage, match="`echo`"):
        parse(request("echo", 2), TYPES)


def test_the_error_quotes_the_start_of_the_line_only():
    """A log of 10 MB lines helps nobody."""
    with pytest.raises(MalformedMessage) as caught:
        parse(b"x" * 10_000_000)

    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("type_", [None, 5, 1.5, True, [], ["echo"], {}, {"echo": 1}])
def test_a_type_that_is_no_string_is_left_to_dispatch(type_):
    """Lists and objects cannot even be looked up in a table of types."""
    bad = {"src": "c1", "dest": "n1", "body": {"type": type_, "msg_id": 2}}

    message = parse(line(bad), TYPES)

    assert message.body == {"type": type_, "msg_id": 2}


@pytest.mark.parametrize("separator", [b"\n", b"\r\n", b"\n\n", b"\n \t\r\n"])
def test_blank_lines_and_carriage_returns_are_passed_over(separator):
    """Windows, and people who press return twice."""
    lines = [request("echo", number, echo="x").strip() for number in (1, 2, 3)]

    messages = parse_lines(separator.join(lines) + separator, TYPES)

    assert [message.body.msg_id for message in messages] == [1, 2, 3]


def test_one_bad_line_spoils_no_other():
    """A batch is an accident of timing; its messages have nothing to do with each other."""
    lines = request("echo", 1, echo="a"), b"garbage\n", request("read", 2), request("echo", 3, echo="b")

    messages = parse_lines(b"".join(lines), TYPES)

    assert [type(message.body) for message in messages] == [Echo, Malformed, dict, Echo]


def test_a_bad_line_keeps_the_ids_that_can_be_read():
    """Its sender waits for a reply to that msg_id."""
    bad = b'{"src":"c1","dest":"n1","body":{"type":"echo","msg_id":7,"in_reply_to":3,"echo":"\\ud800"}}'

    [message] = parse_lines(bad, TYPES)

    assert (message.src, message.body.msg_id, message.body.in_reply_to) == ("c1", 7, 3)


def test_invalid_utf8_does_not_hide_the_sender():
    """The rest of the line is as good as ever, so the sender can be told."""
    bad = b'{"src":"c1","dest":"n1","body":{"type":"echo","msg_id":7,"echo":"\xff\xfe"}}'

    [message] = parse_lines(bad, TYPES)

    assert (message.src, message.body.msg_id) == ("c1", 7)


@pytest.mark.parametrize("src", [None, 5, ["c1"], {}])
def test_a_bad_line_without_a_sender_has_no_id_to_answer(src):
    """An error addressed to "" would be one more bad message on the network."""
    bad = {"src": src, "dest": "n1", "body": {"type": "echo", "msg_id": 7}}

    [message] = parse_lines(line(bad), TYPES)

    assert message.body.msg_id is UNSET


@pytest.mark.parametrize("msg_id", [True, None, 1.5, "1", [1], {}])
def test_a_msg_id_that_is_no_integer_is_malformed(msg_id):
    """JSON's true is not message 1, though Python's is."""
    bad = {"src": "c1", "dest": "n1", "body": {"type": "echo", "msg_id": msg_id, "echo": "x"}}

    [message] = parse_lines(line(bad), TYPES)

    assert message.body.msg_id is UNSET
    assert isinstance(message.body, Malformed)


@pytest.mark.parametrize("value", [2**63, 2**64, -(2**70), 10**1000])
def test_integers_past_64_bits_are_exact(value):
    """Keys and counters of other languages' big integers come back as they went in."""
    message = parse(request("read", 2, value=value))

    assert message.body["value"] == value


@pytest.mark.parametrize("types", [BodyTypes(), TYPES], ids=["plain", "typed"])
@pytest.mark.parametrize("depth", [10, *range(sys.getrecursionlimit() - 60, sys.getrecursionlimit() + 60, 7)])
def test_deep_nesting_is_read_or_refused(depth, types):
    """Near the recursion limit there is an answer either way."""
    deep = b'{"src":"c1","dest":"n1","body":{"type":"read","v":%b%b}}' % (b"[" * depth, b"]" * depth)

    [message] = parse_lines(deep, types)

    assert isinstance(message.body, dict | Malformed)


@given(names, names, typed_bodies)
def test_parse_undoes_serialize_for_typed_bodies(src, dest, body):
    """Whatever a handler says, a peer that knows the type reads exactly that."""
    message = Message(src, dest, body)

    assert parse(serialize(message), TYPES) == message


@given(names, names, st.dictionaries(names, json_values))
def test_parse_undoes_serialize_for_plain_bodies(src, dest, body):
    """Big integers, any text, any nesting."""
    message = Message(src, dest, body)

    assert parse(serialize(message)) == message


@given(st.dictionaries(names, json_values))
def test_parse_agrees_with_the_standard_library(body):
    """A second opinion on what the JSON means."""
    text = line({"src": "c1", "dest": "n1", "body": body})

    assert parse(text).body == json.loads(text)["body"]


@given(st.lists(st.binary(max_size=40).filter(lambda junk: b"\n" not in junk)))
def test_any_lines_are_read_without_an_error(junk):
    """`parse_lines` raises nothing, and finds a good line among any bad ones."""
    messages = parse_lines(b"\n".join([*junk, request("echo", 9, echo="x")]), TYPES)

    assert messages[-1].body == Echo("x", msg_id=9)
