"""Messages become lines."""

import json
import threading
from datetime import datetime, tzinfo
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.node import Body, Message, UnserializableMessage, serialize, serialize_lines


class ReadOk(Body):
    value: object = None


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("not even this")


def circular():
    loop = []
    loop.append(loop)
    return loop


def body_of(output):
    return json.loads(output)["body"]


def test_ids_that_are_unset_are_left_out():
    """A null msg_id is not what the protocol means by none."""
    output = serialize(Message("n1", "c1", ReadOk(1)))

    assert json.loads(output) == {"src": "n1", "dest": "c1", "body": {"type": "read_ok", "value": 1}}


def test_each_line_ends_with_a_newline():
    """The last one too: its reader waits for it."""
    output = serialize_lines([Message("n1", "c1", ReadOk(1)), Message("n1", "c2", {"type": "x"})])

    assert output.endswith(b"\n")
    assert [json.loads(text)["dest"] for text in output.splitlines()] == ["c1", "c2"]


@pytest.mark.parametrize("text", ["\n", "a\r\nb", "\u2028", "\0", "\x1b"])
def test_no_text_can_break_a_line(text):
    """A newline in a string would make two lines of one message."""
    output = serialize_lines([Message("n1", "c1", ReadOk(text))])

    assert output.count(b"\n") == 1
    assert body_of(output)["value"] == text


@pytest.mark.parametrize("value", [2**64, -(2**100), "\ud800", {"\udfff": ["\ud800x"]}])
def test_what_msgspec_refuses_and_json_allows_is_written(value):
    """Integers past 64 bits and lone surrogates have a JSON form."""
    output = serialize(Message("n1", "c1", ReadOk(value)))

    assert body_of(output)["value"] == value


@pytest.mark.parametrize(
    "value", [object(), threading.Lock(), 1j, circular()], ids=lambda value: type(value).__name__
)
def test_what_has_no_json_form_is_refused(value):
    """One exception to catch, whatever is wrong."""
    with pytest.raises(UnserializableMessage, match="'n1' to 'c1'"):
        serialize(Message("n1", "c1", ReadOk(value)))


@pytest.mark.parametrize("value", [object(), circular()], ids=["object", "circular"])
@pytest.mark.parametrize("ids", [{}, {"msg_id": 3}, {"msg_id": 3, "in_reply_to": 7}], ids=str)
@pytest.mark.parametrize("make", [ReadOk, partial(dict, type="read_ok")], ids=["typed", "plain"])
def test_a_reply_that_cannot_be_written_becomes_an_error(value, ids, make):
    """Its receiver waits, and learns why it waits in vain: the ids are kept."""
    reply = make(value=value, **ids)

    body = body_of(serialize_lines([Message("n1", "c1", reply)]))

    assert body.pop("text")
    assert body == {"type": "error", "code": 13, **ids}


def test_one_bad_reply_spoils_no_other():
    """A batch is an accident of timing."""
    replies = [Message("n1", "c1", ReadOk(value)) for value in (1, object(), 2)]

    output = serialize_lines(replies)

    assert [json.loads(text)["body"]["type"] for text in output.splitlines()] == [
        "read_ok",
        "error",
        "read_ok",
    ]


@pytest.mark.parametrize("error", [Unprintable(), ValueError("\ud800")], ids=["unprintable", "surrogate"])
def test_an_object_that_raises_anything_is_an_error_reply(error):
    """What calls a user's own class may fail in any way Python knows."""

    class Nowhere(tzinfo):
        def utcoffset(self, moment):
            raise error

    reply = ReadOk(datetime(2000, 1, 1, tzinfo=Nowhere()))

    body = body_of(serialize_lines([Message("n1", "c1", reply)]))

    assert body["code"] == 13


@given(st.lists(st.text()))
def test_lines_are_the_messages_one_by_one(texts):
    """`serialize_lines` is `serialize` and newlines, faster."""
    messages = [Message("n1", text, ReadOk(text)) for text in texts]

    output = serialize_lines(messages)

    assert [json.loads(part) for part in output.splitlines()] == [json.loads(serialize(m)) for m in messages]
