"""Codecs side by side, and what typed messages cost over bytes."""

import pickle
from itertools import count

import msgpack
import msgspec
import orjson
import ormsgpack
import pytest

from messenger.bus import connect


class Item(msgspec.Struct):
    article: str
    quantity: int
    price: float
    gift: bool


class Order(msgspec.Struct):
    number: int
    customer: str
    paid: bool
    placed_at: float
    note: str | None
    items: list[Item]


# Items in an order, by the bytes of MessagePack that they make it, 5 % more or less.
ITEMS = {100: 0, 1024: 17, 51_200: 929}
SIZES = [*ITEMS]
TYPED = {"msgspec-msgpack", "msgspec-json", "pickle"}
CODECS = {
    "msgspec-msgpack": (msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Order).decode),
    "msgspec-json": (msgspec.json.Encoder().encode, msgspec.json.Decoder(Order).decode),
    "orjson": (orjson.dumps, orjson.loads),
    "ormsgpack": (ormsgpack.packb, ormsgpack.unpackb),
    "msgpack": (msgpack.packb, msgpack.unpackb),
    "pickle": (pickle.dumps, pickle.loads),
}
# What stands beside the bus is not ours to slow down: comparing two commits leaves it out.
beside = pytest.mark.gate(skip=True)
_numbers = count()


def order_of(size_bytes):
    items = [Item(f"article {i:06d}", i % 7 + 1, 19.99 + i, i % 3 == 0) for i in range(ITEMS[size_bytes])]
    return Order(4711, "c-2718281828", True, 1_700_000_000.25, "ring the bell twice, please", items)


def taken_by(codec, order):
    """What *codec* takes: the types that it knows, or the same as dicts and lists."""
    return order if codec in TYPED else msgspec.to_builtins(order)


@beside
@pytest.mark.parametrize("size_bytes", SIZES, ids=lambda size: f"{size}B")
@pytest.mark.parametrize("codec", CODECS)
def bench_encode(benchmark, codec, size_bytes):
    order = order_of(size_bytes)
    encode, decode = CODECS[codec]
    benchmark.group = f"encode {size_bytes} B"

    data = benchmark(encode, taken_by(codec, order))

    assert decode(data) == taken_by(codec, order)


@beside
@pytest.mark.parametrize("size_bytes", SIZES, ids=lambda size: f"{size}B")
@pytest.mark.parametrize("codec", CODECS)
def bench_decode(benchmark, codec, size_bytes):
    """Only msgspec checks types meanwhile; pickle trusts whoever wrote it, the others know none."""
    order = order_of(size_bytes)
    encode, decode = CODECS[codec]
    data = encode(taken_by(codec, order))
    benchmark.group = f"decode {size_bytes} B"

    decoded = benchmark(decode, data)

    assert decoded == taken_by(codec, order)
    assert codec != "msgspec-msgpack" or len(data) == pytest.approx(size_bytes, rel=0.05)


@pytest.mark.parametrize("received", ["bytes", "struct"], ids=lambda kind: f"{kind}-100B")
@pytest.mark.parametrize("published", ["bytes", "struct"], ids=lambda kind: f"{kind}-to")
def bench_typed_layer(benchmark, published, received):
    """A message of 100 B through a mailbox, one after the other; structs over bytes are the typed layer."""
    order = order_of(100)
    data = msgspec.msgpack.encode(order)
    message = order if published == "struct" else data
    benchmark.group = "typed layer 100 B"

    with connect(f"inproc://typed-layer-{next(_numbers)}") as bus:
        messages = iter(bus.subscribe("orders", type=Order if received == "struct" else None))

        def through():
            bus.publish("orders", message)
            return next(messages)

        last = benchmark(through)

    assert (last.data, last.value) == (data, order if received == "struct" else None)
