"""What a hub does with what connections say: what has room, what waits, and in which order."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from messenger.bus.entries import (
    Bye,
    Deliver,
    Hello,
    Lost,
    Nobody,
    Pause,
    Ping,
    Pong,
    Publish,
    Request,
    Resume,
    Subscribe,
    Unsubscribe,
)
from messenger.bus.hub import KEPT_BYTES_MOST, Hub
from messenger.bus.message import Message


class End:
    """The end of a connection: takes so many entries at once, and then none until it is told to."""

    def __init__(self, hub, name):
        self.received, self.room = [], 10**9
        self._hub = hub
        self.peer = hub.peer(name, self._send)

    def say(self, *entries):
        self._hub.take(self.peer, entries)
        self._hub.flush()

    def make_room(self):
        self.room = 10**9
        self._hub.unstick(self.peer)
        self._hub.flush()

    def leave(self):
        self.room = None

    def _send(self, entries):
        if self.room is None:
            return None
        taken, rest = entries[: self.room], entries[self.room :]
        self.received += taken
        self.room -= len(taken)
        return rest


def message(subject, number, reply_to=None):
    return msgspec.Raw(msgspec.msgpack.encode([subject, b"%d" % number, None, reply_to]))


def publish(number, subject="n"):
    return Publish(subject, message(subject, number))


def numbers(entries):
    return [int(msgspec.msgpack.decode(one.message)[1]) for one in entries if isinstance(one, Deliver)]


def test_what_a_peer_had_no_room_for_comes_in_order_and_before_the_answer_to_a_ping():
    """A pong says that all before it has come: a subscription that drains waits for it."""
    hub = Hub()
    reader, writer = End(hub, b"r"), End(hub, b"w")
    reader.say(Subscribe(1, "n", None), Subscribe(2, ">", None))

    reader.room = 1
    writer.say(*(publish(number) for number in range(5)))
    reader.say(Ping(7))
    writer.say(publish(5))
    assert len(reader.received) == 1
    reader.make_room()

    for subscription in (1, 2):
        assert numbers([one for one in reader.received if getattr(one, "number", 0) == subscription]) == [
            *range(6)
        ]
    assert reader.received[-1] == Pong(7)


def test_what_is_kept_for_a_paused_subscription_comes_before_it_ends():
    hub = Hub()
    reader, writer = End(hub, b"r"), End(hub, b"w")
    reader.say(Subscribe(1, "n", None), Pause(1))
    writer.say(publish(0), publish(1))

    reader.say(Unsubscribe(1), Ping(1))
    writer.say(publish(2))

    assert numbers(reader.received) == [0, 1]
    assert reader.received[-1] == Pong(1)


def test_a_queue_group_goes_past_who_is_paused_and_hands_on_what_was_for_one_who_left():
    hub = Hub()
    first, second, writer = End(hub, b"1"), End(hub, b"2"), End(hub, b"w")
    first.say(Subscribe(1, "n", "g"))
    second.say(Subscribe(1, "n", "g"))

    first.say(Pause(1))
    writer.say(*(publish(number) for number in range(4)))
    assert numbers(second.received) == [0, 1, 2, 3]
    first.say(Resume(1))
    second.leave()
    writer.say(*(publish(number) for number in range(4, 8)))

    assert sorted(numbers(first.received)) == [4, 5, 6, 7]


def test_a_request_to_one_that_has_gone_is_answered_by_the_hub():
    hub = Hub()
    server, client = End(hub, b"s"), End(hub, b"c")
    server.say(Subscribe(1, "echo", None))
    reply_to = f"_reply.{b'c'.hex()}.1"

    server.leave()
    client.say(Request("echo", reply_to, message("echo", 1, reply_to)))

    assert client.received == [Nobody(reply_to)]


def test_a_connection_that_says_hello_again_has_subscribed_to_nothing():
    """It is back after a break, and will say what it wants."""
    hub = Hub()
    reader, writer = End(hub, b"r"), End(hub, b"w")
    reader.say(Hello(1), Subscribe(1, "n", None))

    reader.say(Hello(1))
    writer.say(publish(1))

    assert reader.received == []


def test_what_a_publisher_in_the_hubs_own_process_sends_counts_against_the_bytes_it_keeps_as_well():
    hub = Hub()
    reader, writer = End(hub, b"r"), End(hub, b"w")
    reader.say(Subscribe(1, "n", None), Pause(1))

    writer.say(*[Publish("n", Message("n", bytes(1024 * 1024)))] * 70)
    reader.say(Resume(1))

    *messages, lost = reader.received
    assert len(messages) == KEPT_BYTES_MOST // (1024 * 1024)
    assert lost == Lost(1, 70 - len(messages))


ENTRY = st.one_of(
    st.builds(Subscribe, st.integers(1, 3), st.sampled_from(["n", "*", ">"]), st.sampled_from([None, "g"])),
    st.builds(Unsubscribe, st.integers(1, 3)),
    st.builds(Pause, st.integers(1, 3)),
    st.builds(Resume, st.integers(1, 3)),
    st.builds(Ping, st.integers(0, 9)),
    st.just(Hello(1)),
    st.just(Bye()),
    st.just("publish"),
    st.just("fill up"),
    st.just("make room"),
)


@given(st.lists(st.tuples(st.integers(0, 2), ENTRY), max_size=40))
def test_whatever_connections_say_each_gets_messages_in_order_and_none_twice(script):
    hub = Hub()
    grouped = any(isinstance(entry, Subscribe) and entry.queue_group for _, entry in script)
    ends = [End(hub, b"%d" % number) for number in range(3)]
    published = 0

    for who, entry in script:
        end = ends[who]
        end.peer = hub.peer(b"%d" % who, end._send)
        if entry == "publish":
            end.say(publish(published))
            published += 1
        elif entry == "fill up":
            end.room = 0
        elif entry == "make room":
            end.make_room()
        else:
            end.say(entry)

    for end in ends:
        end.make_room()
        by_number = {}
        for one in end.received:
            if isinstance(one, Deliver):
                by_number.setdefault(one.number, []).append(one)
        for delivered in by_number.values():
            came = numbers(delivered)
            assert len({*came}) == len(came)
            # A group hands on what a member did not get, behind what another has got since.
            assert grouped or came == sorted(came)
        assert not any(isinstance(one, Lost) for one in end.received)
