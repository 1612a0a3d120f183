"""Messages become bytes, and bytes messages again."""

from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.bus import Malformed, TooLarge
from messenger.bus.codec import check_headers, decoder, encoder
from messenger.bus.message import LARGEST_BYTES


class Order(msgspec.Struct):
    number: int
    note: str
    amounts: list[float]
    parent: "Order | None" = None


ORDERS = st.recursive(
    st.none(),
    lambda parents: st.builds(
        Order,
        st.integers(-(2**63), 2**64 - 1),
        st.text(),
        st.lists(st.floats(allow_nan=False, allow_infinity=False)),
        parents,
    ),
    max_leaves=4,
)
FORMATS = pytest.mark.parametrize("format", ["msgpack", "json"])


@FORMATS
@given(order=ORDERS)
def test_what_is_encoded_is_decoded_as_it_was(format, order):
    encode, decode = encoder(format), decoder(Order | None, format)

    assert decode("orders", encode(order)) == order


@FORMATS
@given(data=st.binary())
def test_any_bytes_are_left_as_they_are_and_fit_or_are_malformed(format, data):
    """Whoever publishes may send anything; whoever subscribes gets one error that says so."""
    assert encoder(format)(data) == data
    with suppress(Malformed):
        assert isinstance(decoder(Order, format)("orders", data), Order)


@FORMATS
def test_nesting_without_an_end_is_malformed(format):
    deep = b"[" * 100_000 if format == "json" else b"\x91" * 100_000

    with pytest.raises(Malformed):
        decoder(list, format)("orders", deep)


@FORMATS
def test_what_grows_over_the_limit_is_refused_with_the_limit(format):
    with pytest.raises(TooLarge, match=f"{LARGEST_BYTES} bytes at most"):
        encoder(format)(["x" * LARGEST_BYTES])


@FORMATS
def test_what_cannot_be_encoded_is_a_type_error(format):
    with pytest.raises(TypeError):
        encoder(format)(object())


@pytest.mark.parametrize("headers", [{"a": 1}, {1: "a"}, {"a": b"x"}])
def test_headers_are_text(headers):
    with pytest.raises(TypeError, match="headers are text"):
        check_headers(headers)


def test_headers_have_a_limit():
    with pytest.raises(TooLarge, match="32768 characters at most, and these 32769"):
        check_headers({"a": "x" * 32_768})
