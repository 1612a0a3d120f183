"""Requests of a node to others, and what comes of them."""

import asyncio
import contextvars
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messenger.node import (
    Body,
    Crash,
    KeyDoesNotExist,
    Limits,
    MalformedMessage,
    Message,
    Node,
    RPCError,
    Timeout,
    UnserializableMessage,
)

from .driver import bodies, line, messages, request
from .world import init_line, play


class Full(RPCError):
    code = 1001


class Maybe(RPCError):
    code = 1002
    definite = False


class Read(Body):
    key: str


class ReadOk(Body):
    value: int


class Ask(Body):
    pass


def value_of(message):
    """A store in which every value is 7, unless it is asked for trouble."""
    trouble = {"missing": {"type": "error", "code": 20, "text": "no such key", "hint": "write it first"}}
    return trouble.get(message["body"]["key"], {"type": "read_ok", "value": 7})


def silence(_):
    return None


def asking(handler, name="ask"):
    node = Node()

    def bound(body):
        return handler(node)

    async def waiting(body: dict):
        return await handler(node)

    node.on(name)(waiting)
    return node


def outcome(handler, peer=value_of):
    """Return the reply to a client of a node whose handler is *handler*."""
    node = asking(handler)

    async def script(world):
        [answer] = await world.ask(request("ask", 2))
        assert (node.in_flight, len(world.replies)) == (0, 2)
        return answer

    return play(node, script, peer)


@pytest.mark.parametrize("typed", [False, True])
def test_a_reply_is_what_awaiting_gives(typed):
    """A line of code per request, whether bodies are dicts or classes."""

    async def handler(node):
        if typed:
            reply = await node.rpc("lin-kv", Read(key="k"), ReadOk)
            return {"value": reply.value}
        reply = await node.rpc("lin-kv", {"type": "read", "key": "k"})
        return {"value": reply["value"]}

    assert outcome(handler)["value"] == 7


def test_a_handler_goes_on_in_the_batch_that_brings_the_reply():
    """Another round of the loop would cost each request twice its time."""
    node = Node()

    @node.on
    async def ask(request: Ask):
        return {"value": (await node.rpc("lin-kv", Read(key="k"), ReadOk)).value}

    async def script(world):
        [sent] = messages(node.receive(request("ask", 2)))
        return bodies(node.receive(world.reply(sent, {"type": "read_ok", "value": 5})))

    assert play(node, script) == [{"value": 5, "type": "ask_ok", "in_reply_to": 2, "msg_id": 1}]


def test_a_handler_may_ask_again_and_again():
    async def handler(node):
        values = [(await node.rpc("lin-kv", {"type": "read", "key": "k"}))["value"] for _ in range(5)]
        await asyncio.sleep(0)
        values.append((await node.rpc("lin-kv", {"type": "read", "key": "k"}))["value"])
        return {"values": values}

    assert outcome(handler)["values"] == [7] * 6


def test_the_error_of_a_peer_is_raised_as_what_it_is():
    """Who asks for a key knows what to do when there is none."""

    async def handler(node):
        try:
            await node.rpc("lin-kv", Read(key="missing"), ReadOk)
        except KeyDoesNotExist as error:
            return {"text": error.text, "extra": error.extra, "definite": error.definite}

    assert outcome(handler) == {
        "text": "no such key",
        "extra": {"hint": "write it first"},
        "definite": True,
        "type": "ask_ok",
        "in_reply_to": 2,
        "msg_id": 1,
    }


def test_an_error_that_nobody_catches_goes_on_to_the_client():
    """A proxy is two lines."""

    async def handler(node):
        return await node.rpc("lin-kv", {"type": "read", "key": "missing"})

    answer = outcome(handler)

    assert (answer["type"], answer["code"], answer["hint"]) == ("error", 20, "write it first")


@pytest.mark.parametrize(("code", "kind"), [(1001, Full), (1002, Maybe), (13, Crash), (0, Timeout)])
def test_every_code_has_its_class(code, kind):
    async def handler(node):
        with pytest.raises(kind) as raised:
            await node.rpc("n2", {"type": "put"})
        return {"definite": raised.value.definite}

    found = outcome(handler, lambda _: {"type": "error", "code": code})

    assert found["definite"] is kind.definite


@pytest.mark.parametrize("code", [999, 5000, "20", None])
def test_a_code_without_a_class_is_indefinite(code):
    async def handler(node):
        with pytest.raises(RPCError) as raised:
            await node.rpc("n2", {"type": "put"})
        return {"definite": raised.value.definite, "code": raised.value.body["code"]}

    found = outcome(handler, lambda _: {"type": "error", "code": code})

    assert found["definite"] is False
    assert found["code"] == (code if isinstance(code, int) else 13)


@pytest.mark.parametrize("code", [14, 999])
def test_a_class_of_ones_own_needs_a_code_of_ones_own(code):
    with pytest.raises(TypeError, match="codes of 1000 and more"):
        type("Mine", (RPCError,), {"code": code})


def test_two_classes_cannot_share_a_code():
    with pytest.raises(TypeError, match="1001 is taken by Full"):
        type("Other", (RPCError,), {"code": 1001})


def test_a_handler_answers_with_an_error_by_raising_it():
    node = Node()

    @node.on
    def put():
        raise Full("no room", limit=3)

    async def script(world):
        return await world.ask(request("put", 2))

    [answer] = play(node, script)

    assert answer == {
        "type": "error", "code": 1001, "text": "no room", "limit": 3, "in_reply_to": 2, "msg_id": 1,
    }  # fmt: skip


def test_a_reply_of_another_type_is_an_error_here():
    async def handler(node):
        with pytest.raises(MalformedMessage, match="the reply is no ReadOk"):
            await node.rpc("lin-kv", Read(key="k"), ReadOk)
        return {}

    assert outcome(handler, lambda _: {"type": "surprise"})["type"] == "ask_ok"


def test_without_a_reply_it_is_a_timeout():
    """Indefinite: nobody knows whether it has happened."""

    async def handler(node):
        return await node.rpc("lin-kv", Read(key="k"), ReadOk, timeout_seconds=0.01)

    assert (outcome(handler, silence)["code"], outcome(handler, silence)["text"]) == (
        0,
        "no reply within 0.01 s",
    )


def test_timeouts_of_different_length_come_in_their_own_order():
    ended = []

    async def handler(node):
        async def one(seconds):
            with pytest.raises(Timeout):
                await node.rpc("n2", {"type": "put"}, timeout_seconds=seconds)
            ended.append(seconds)

        await asyncio.gather(one(0.06), one(0.02), one(0.04), one(0.02))
        return {}

    outcome(handler, silence)

    assert ended == [0.02, 0.02, 0.04, 0.06]


@pytest.mark.parametrize("when", ["late", "twice"])
def test_a_reply_that_nobody_waits_for_is_dropped(when):
    """The network may say things twice, and too late."""

    async def handler(node):
        seconds = 0.01 if when == "late" else 1.0
        try:
            return await node.rpc("lin-kv", {"type": "read", "key": "k"}, timeout_seconds=seconds)
        except Timeout:
            return {"type": "ask_ok", "value": "none"}

    node = asking(handler)

    async def script(world):
        world.tell(request("ask", 2))
        [sent] = world.sent
        reply = world.reply(sent, {"type": "read_ok", "value": 1})
        if when == "late":
            await world.until(lambda world: len(world.replies) == 2)
        world.tell(reply, reply)
        await world.until(lambda world: len(world.replies) == 2)
        return len(world.replies)

    assert play(node, script) == 2


async def within_timeout(node):
    async with asyncio.timeout(1):
        return (await node.rpc("lin-kv", {"type": "read", "key": "k"}))["value"]


async def timed_out(node):
    try:
        async with asyncio.timeout(0.01):
            await node.rpc("n2", {"type": "silent"})
    except TimeoutError:
        return 7


async def wait_for(node):
    return (await asyncio.wait_for(node.rpc("lin-kv", {"type": "read", "key": "k"}), 1))["value"]


async def wait_for_too_long(node):
    try:
        await asyncio.wait_for(node.rpc("n2", {"type": "silent"}), 0.01)
    except TimeoutError:
        return 7


async def gathered(node):
    calls = [node.rpc("lin-kv", {"type": "read", "key": "k"}) for _ in range(3)]
    return sum(reply["value"] for reply in await asyncio.gather(*calls)) // 3


async def in_a_group(node):
    async def one():
        return (await node.rpc("lin-kv", {"type": "read", "key": "k"}))["value"]

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one()) for _ in range(2)]
    return tasks[1].result()


async def shielded(node):
    return (await asyncio.shield(node.rpc("lin-kv", {"type": "read", "key": "k"})))["value"]


async def awaited_twice(node):
    call = node.rpc("lin-kv", {"type": "read", "key": "k"})
    await call
    return (await call)["value"]


async def in_turn(node):
    [call] = asyncio.as_completed([node.rpc("lin-kv", {"type": "read", "key": "k"})])
    return (await call)["value"]


async def cancelled(node):
    call = node.rpc("n2", {"type": "silent"})
    call.cancel()
    try:
        await call
    except asyncio.CancelledError:
        return 7


async def cancelled_from_outside(node):
    task = asyncio.current_task()
    asyncio.get_running_loop().call_soon(lambda: task.cancel())
    try:
        await node.rpc("n2", {"type": "silent"})
    except asyncio.CancelledError:
        task.uncancel()
        return 7


async def with_callback(node):
    done = asyncio.get_running_loop().create_future()
    call = node.rpc("lin-kv", {"type": "read", "key": "k"})
    call.add_done_callback(lambda call: done.set_result(call.result()["value"]))
    return await done


WAYS = [
    within_timeout,
    timed_out,
    wait_for,
    wait_for_too_long,
    gathered,
    in_a_group,
    shielded,
    awaited_twice,
    in_turn,
    cancelled,
    cancelled_from_outside,
    with_callback,
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("waits_before", [False, True])
def test_a_call_is_a_future_to_asyncio(way, waits_before):
    """Whether the handler waits without a task, or has become one."""

    async def handler(node):
        if waits_before:
            await asyncio.sleep(0)
        return {"value": await way(node)}

    def peer(message):
        return value_of(message) if message["dest"] == "lin-kv" else None

    assert outcome(handler, peer)["value"] == 7


def test_context_variables_stay_with_the_request_that_waits_for_a_reply():
    who = contextvars.ContextVar("who", default=None)
    node = Node()

    @node.on
    async def ask(name: str):
        before = who.get()
        who.set(name)
        await node.rpc("n2", {"type": "put"})
        return {"name": name, "found": who.get(), "before": before}

    async def script(world):
        world.tell(*(request("ask", number, name=f"r{number}") for number in range(2, 6)))
        world.tell(*(world.reply(sent, {"type": "put_ok"}) for sent in reversed(world.sent)))
        await world.until(lambda world: len(world.replies) == 5)
        return [reply["body"] for reply in world.replies[1:]]

    answers = play(node, script)

    assert [answer["name"] for answer in answers] == ["r5", "r4", "r3", "r2"]
    assert all(answer["found"] == answer["name"] for answer in answers)
    assert {answer["before"] for answer in answers} == {None}


@given(
    events=st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["reply", "error", "time"])), max_size=30)
)
@settings(max_examples=60, deadline=None)
def test_whatever_comes_in_whatever_order_each_request_has_one_outcome(events):
    """Replies, duplicates, errors and timeouts may interleave in any way."""
    node = Node()
    outcomes = []

    @node.on
    async def ask(number: int):
        try:
            reply = await node.rpc("n2", {"type": "put"}, timeout_seconds=30.0)
        except RPCError as error:
            outcomes.append((number, error.code))
        else:
            outcomes.append((number, reply["value"]))
        return {}

    async def script(world):
        world.tell(*(request("ask", number + 2, number=number) for number in range(5)))
        sent = list(world.sent)
        for number, event in events:
            if event == "time":
                call = node._calls.pending.pop(sent[number]["body"]["msg_id"], None)
                if call is not None:
                    call.settle(None, Timeout("over"))
                    node._time_is_over(call)
            else:
                body = {"type": "error", "code": 22} if event == "error" else {"type": "put_ok", "value": 1}
                world.tell(world.reply(sent[number], body))
        touched = {number for number, _ in events}
        await world.until(lambda world: len(world.replies) == 1 + len(touched))
        assert node.in_flight == 5 - len(touched)
        return touched

    touched = play(node, script)

    assert sorted(number for number, _ in outcomes) == sorted(touched)


def test_a_message_is_sent_without_waiting():
    node = Node()

    @node.on
    def ask():
        node.send("n2", {"type": "note", "text": "hi"})
        node.broadcast(Ask())
        return {}

    async def script(world):
        await world.ask(request("ask", 2))
        return [(message["dest"], message["body"]) for message in world.sent]

    assert play(node, script) == [
        ("n2", {"type": "note", "text": "hi"}),
        ("n2", {"type": "ask"}),
        ("n3", {"type": "ask"}),
    ]


def test_a_sync_node_sends_as_well():
    """No event loop is needed to say something."""
    node = Node()

    @node.on
    def ask():
        node.send("n2", {"type": "note"})
        return {}

    node.receive(init_line("n1", "n2"))

    assert not node.waits
    assert [body["type"] for body in bodies(node.receive(request("ask", 2)))] == ["note", "ask_ok"]


@pytest.mark.parametrize(
    ("dest", "body", "error", "words"),
    [
        ("n9", {"type": "note"}, ValueError, "nobody is called 'n9'; there are lin-kv, lin-tso"),
        (5, {"type": "note"}, ValueError, "nobody is called 5"),
        ("n2", {"text": "no type"}, TypeError, "a body needs a type"),
        ("n2", {"type": 7}, TypeError, "a type that is a string"),
        ("n2", "note", TypeError, "a str is no body"),
        ("n2", {"type": "note", "of": object()}, UnserializableMessage, "cannot write message"),
        ("n2", {"type": "note", "of": float("nan")}, None, ""),
    ],
)
def test_a_mistake_is_raised_where_it_is_made(dest, body, error, words):
    """Maelstrom stops listening to a node after one line that it cannot deliver."""
    node = Node()
    found = []

    @node.on
    def ask():
        if error is None:
            node.send(dest, body)
        else:
            with pytest.raises(error, match=words) as raised:
                node.send(dest, body)
            found.append(raised)
        return {}

    node.receive(init_line("n1", "n2"))

    assert len(bodies(node.receive(request("ask", 2)))) == (2 if error is None else 1)
    assert len(found) == (error is not None)


def test_nobody_sends_before_init():
    with pytest.raises(RuntimeError, match="use on_init"):
        Node().send("n2", {"type": "note"})


def test_a_client_may_be_sent_to_and_others_once_they_are_introduced():
    node = Node()
    node.receive(init_line("n1"))

    node.send("c12", {"type": "note"})
    node.introduce("billing")
    node.send("billing", {"type": "note"})

    assert [message["dest"] for message in messages(node.finished())] == ["c12", "billing"]


def test_a_body_that_is_sent_stays_as_it_was():
    """It may be sent to several, or be the request that is being handled."""
    node = Node()
    body = Ask(msg_id=9)
    node.receive(init_line("n1", "n2"))

    node.broadcast(body)

    assert body.msg_id == 9


def test_a_request_may_be_answered_at_once_and_again():
    node = Node()

    @node.on
    def ask(body: dict, message: Message):
        node.reply(message, {"type": "first"})
        return {"type": "second"}

    node.receive(init_line("n1"))

    assert [(b["type"], b["in_reply_to"]) for b in bodies(node.receive(request("ask", 2)))] == [
        ("first", 2),
        ("second", 2),
    ]


def test_a_blocking_handler_may_take_its_time_and_ask_others():
    """Libraries that know nothing of asyncio are used as they are."""
    node = Node(Limits(threads=2))
    started, go = threading.Barrier(3), threading.Event()

    @node.on(blocking=True)
    def ask(number: int):
        started.wait(timeout=20)
        go.wait(timeout=20)
        node.send("n2", {"type": "note"})
        reply = node.rpc_blocking("lin-kv", {"type": "read", "key": "k"})
        with pytest.raises(KeyDoesNotExist):
            node.rpc_blocking("lin-kv", {"type": "read", "key": "missing"})
        with pytest.raises(ValueError, match="nobody is called"):
            node.rpc_blocking("n9", {"type": "read"})
        return {"number": number, "value": reply["value"]}

    node.on("quick")(lambda: {"type": "quick_ok"})

    async def script(world):
        world.tell(request("ask", 2, number=1), request("ask", 3, number=2), request("quick", 4))
        await world.until(lambda world: len(world.replies) == 2)
        await asyncio.get_running_loop().run_in_executor(None, started.wait, 20)
        go.set()
        await world.until(lambda world: len(world.replies) == 4)
        return [reply["body"] for reply in world.replies[1:]]

    quick, *slow = play(node, script, lambda m: value_of(m) if m["dest"] == "lin-kv" else None)

    assert quick["type"] == "quick_ok"
    assert sorted((answer["number"], answer["value"]) for answer in slow) == [(1, 7), (2, 7)]


def test_the_nodes_own_thread_never_blocks():
    async def handler(node):
        with pytest.raises(RuntimeError, match="await rpc"):
            node.rpc_blocking("lin-kv", {"type": "read", "key": "k"})
        return {}

    assert outcome(handler)["type"] == "ask_ok"


def test_sequential_requests_wait_for_each_other():
    node = Node()
    running = []

    @node.on(sequential=True)
    async def ask(number: int):
        running.append(number)
        await node.rpc("n2", {"type": "put"})
        assert running == [number]
        running.clear()
        return {"number": number}

    async def script(world):
        answers = await world.ask(*(request("ask", number, number=number) for number in range(2, 8)))
        return [answer.get("number") for answer in answers]

    assert play(node, script, lambda _: {"type": "put_ok"}) == [2, 3, 4, 5, 6, 7]


def test_a_call_needs_an_event_loop():
    node = Node()
    node.receive(init_line("n1", "n2"))

    with pytest.raises(RuntimeError, match="no event loop is running"):
        node.rpc("n2", {"type": "put"})


def test_a_call_says_when_it_has_no_outcome_yet():
    async def handler(node):
        call = node.rpc("n2", {"type": "put"})
        for ask in (call.result, call.exception):
            with pytest.raises(asyncio.InvalidStateError):
                ask()
        assert (call.done(), call.cancelled()) == (False, False)
        call.cancel("enough")
        assert (call.done(), call.cancelled(), call.cancel()) == (True, True, False)
        with pytest.raises(asyncio.CancelledError):
            call.exception()
        return {}

    assert outcome(handler, silence)["type"] == "ask_ok"


def test_latency_is_counted_from_the_read_that_brought_the_request():
    """A handler that waits for others is as slow as they are."""
    node = Node()

    @node.on
    async def ask():
        await node.rpc("n2", {"type": "put"})
        return {}

    async def script(world):
        before = node.statistics.latency.count
        await world.ask(request("ask", 2), request("ask", 3))
        return node.statistics.latency.count - before

    assert play(node, script, lambda _: {"type": "put_ok"}) == 2


def test_a_line_from_nobody_that_claims_to_be_a_reply_does_no_harm():
    node = asking(lambda node: asyncio.sleep(0, {}))

    async def script(world):
        world.tell(line({"src": "n2", "dest": "n1", "body": {"type": "x", "in_reply_to": 10**30}}))
        return await world.ask(request("ask", 2))

    assert play(node, script)[0]["type"] == "ask_ok"


def test_a_node_that_is_full_reads_on_for_the_replies_it_waits_for():
    """They come by the same pipe as requests: to stop reading would be to wait for ever."""
    node = Node(Limits(max_in_flight=4))

    @node.on
    async def ask():
        await node.rpc("n2", {"type": "put"})
        return {}

    async def script(world):
        world.tell(*(request("ask", number) for number in range(2, 6)))
        assert (node.full(), node.in_flight) == (False, 4)
        [refused] = await world.ask(request("ask", 6))
        for sent in world.sent[:2]:
            world.tell(world.reply(sent, {"type": "put_ok"}))
        assert node.full() is False
        world.tell(request("ask", 7))
        for sent in world.sent[2:]:
            world.tell(world.reply(sent, {"type": "put_ok"}))
        codes = [reply["body"].get("code") for reply in world.replies]
        return refused["code"], codes

    assert play(node, script) == (11, [None, 11, None, None, None, None, None])


def test_a_node_that_is_full_and_waits_for_no_reply_is_not_read():
    """Back-pressure: what is not read stays with its sender."""
    node = Node(Limits(max_in_flight=4))
    go = []

    @node.on
    async def ask():
        future = asyncio.get_running_loop().create_future()
        go.append(future)
        await future
        return {}

    async def script(world):
        world.tell(*(request("ask", number) for number in range(2, 6)))
        found = [node.full()]
        for future in go:
            future.set_result(None)
            await world.until(lambda world: len(world.replies) == len(found) + 1)
            found.append(node.full())
        return found

    assert play(node, script) == [True, True, False, False, False]


def test_an_error_class_with_an_init_of_its_own_is_an_error_all_the_same():
    """A handler must not be able to end its node."""

    class Odd(RPCError):
        code = 1003

        def __init__(self, who):
            self.who = who

    async def handler(node):
        raise Odd("me")

    assert outcome(handler)["code"] == 1003


def test_a_timeout_that_begins_when_another_ends_is_not_forgotten():
    ended = []

    async def handler(node):
        async def one(*waits):
            for seconds in waits:
                with pytest.raises(Timeout):
                    await node.rpc("n2", {"type": "put"}, timeout_seconds=seconds)
                ended.append(seconds)

        await asyncio.gather(one(0.5), one(0.01, 0.02, 0.03))
        return {}

    outcome(handler, silence)

    assert ended == [0.01, 0.02, 0.03, 0.5]


def test_a_handler_whose_call_is_cancelled_by_another_goes_on():
    node = Node()
    calls = []

    @node.on
    async def ask():
        calls.append(node.rpc("n2", {"type": "silent"}))
        try:
            await calls[0]
        except asyncio.CancelledError:
            return {"cancelled": True}

    @node.on
    def give_up():
        return {"cancelled": calls[0].cancel()}

    async def script(world):
        world.tell(request("ask", 2))
        world.tell(request("give_up", 3))
        await world.until(lambda world: len(world.replies) == 3)
        return node.in_flight, [reply["body"]["cancelled"] for reply in world.replies[1:]]

    assert play(node, script) == (0, [True, True])


def test_a_blocking_handler_that_stops_iterating_has_crashed():
    """No future can hold a StopIteration: the request would never be answered."""
    node = Node()

    @node.on(blocking=True)
    def ask():
        return next(iter([]))

    async def script(world):
        return await world.ask(request("ask", 2))

    assert play(node, script)[0]["code"] == 13


def test_what_is_said_keeps_its_order():
    """A reply, what is sent next, and the reply after that: who gets all three may count on it."""
    node = Node()

    @node.on
    def tell(number: int):
        if number % 2:
            node.send("n2", {"type": "told", "number": number})
        return {"number": number}

    async def script(world):
        output = node.receive(b"".join(request("tell", number, number=number) for number in range(6)))
        return [(body["type"], body["number"]) for body in bodies(output)]

    said = [[("tell_ok", number)] for number in range(6)]
    for number in (1, 3, 5):
        said[number].insert(0, ("told", number))
    assert play(node, script) == [one for pair in said for one in pair]


def test_a_frozen_body_may_be_sent():
    """It may be a constant; the id is that of a copy."""

    class Put(Body, frozen=True):
        value: int

    body = Put(value=1)
    seen = []

    async def handler(node):
        await node.rpc("n2", body)
        await node.rpc("n2", body)
        return {}

    outcome(handler, lambda message: seen.append(message["body"]) or {"type": "put_ok"})

    assert [(one["type"], one["value"]) for one in seen] == [("put", 1)] * 2
    assert seen[0]["msg_id"] != seen[1]["msg_id"]
    assert body == Put(value=1)


def test_a_timeout_that_is_no_number_is_refused():
    """It would never end."""

    async def handler(node):
        with pytest.raises(ValueError, match="not a number"):
            node.rpc("n2", {"type": "put"}, timeout_seconds=float("nan"))
        return {}

    assert outcome(handler)["type"] == "ask_ok"


def test_a_node_that_is_started_again_counts_its_requests_elsewhere():
    """Else a late reply to the one that was killed is taken for the reply to another request."""

    def first_id():
        seen = []

        async def handler(node):
            await node.rpc("n2", {"type": "put"})
            return {}

        outcome(handler, lambda message: seen.append(message["body"]["msg_id"]) or {"type": "put_ok"})
        return seen[0]

    assert len({first_id() for _ in range(3)}) == 3


def test_what_a_handler_does_to_its_context_after_a_reply_is_its_own():
    """Handlers share a context as long as they leave it alone, and not a moment longer."""
    variable = contextvars.ContextVar("variable", default="unset")
    node = Node()

    @node.on
    async def ask(name: str):
        await node.rpc("n2", {"type": "put"})
        before = variable.get()
        variable.set(name)
        await node.rpc("n2", {"type": "put"})
        return {"seen": [before, variable.get()]}

    @node.on
    async def look():
        return {"seen": variable.get()}

    async def script(world):
        for number in range(2, 5):
            world.tell(request("ask", number, name=str(number)))
        for _ in range(2):
            # In one batch: each goes on right behind the other.
            sent, world.sent = world.sent, []
            world.tell(*(world.reply(one, {"type": "put_ok"}) for one in sent), request("look", 9))
        return [reply["body"]["seen"] for reply in world.replies[1:]]

    assert play(node, script) == ["unset", ["unset", "2"], ["unset", "3"], ["unset", "4"], "unset"]


def test_who_keeps_the_current_task_has_one_of_its_own():
    """A lock that remembers its holder must not take one handler for another."""
    node = Node()
    holders = {}

    @node.on
    async def ask(name: str):
        holders[name] = asyncio.current_task()
        await node.rpc("n2", {"type": "put"})
        return {"same": asyncio.current_task() is holders[name]}

    async def script(world):
        world.tell(*(request("ask", number, name=str(number)) for number in range(2, 5)))
        assert len({id(holder) for holder in holders.values()}) == 3
        world.tell(*(world.reply(one, {"type": "put_ok"}) for one in world.sent))
        return [reply["body"]["same"] for reply in world.replies[1:]]

    assert play(node, script) == [True] * 3


def test_a_handler_may_be_cancelled_in_the_batch_that_began_it():
    """Its task is made for that."""
    node = Node()
    tasks = []

    @node.on
    async def ask():
        tasks.append(asyncio.current_task())
        try:
            await node.rpc("n2", {"type": "put"})
        except asyncio.CancelledError:
            return {"cancelled": True}

    @node.on
    def give_up():
        return {"cancelled": tasks[0].cancel()}

    async def script(world):
        world.tell(request("ask", 2), request("give_up", 3))
        await world.until(lambda world: len(world.replies) == 3)
        return node.in_flight, [reply["body"]["cancelled"] for reply in world.replies[1:]]

    assert play(node, script) == (0, [True, True])


def test_a_reply_to_what_has_not_been_written_yet_does_no_harm():
    """Ids can be guessed by who has seen the one before."""
    variable = contextvars.ContextVar("variable")
    node = Node()

    @node.on
    async def ask():
        variable.set(1)
        await node.rpc("n2", {"type": "put"})
        return {}

    async def script(world):
        world.tell(request("ask", 2))
        [sent] = world.sent
        body = {"type": "put_ok", "in_reply_to": sent["body"]["msg_id"] + 1}
        world.tell(request("ask", 3), line({"src": "n2", "dest": "n1", "body": body}))
        world.tell(world.reply(sent, {"type": "put_ok"}))
        await world.until(lambda world: len(world.replies) == 3)
        return node.in_flight, sorted(reply["body"]["in_reply_to"] for reply in world.replies[1:])

    assert play(node, script) == (0, [2, 3])
