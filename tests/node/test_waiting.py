"""Handlers that wait, and what they must not do to each other."""

import asyncio
import contextvars
import functools
import time
from decimal import Decimal

import pytest

from messenger.node import KV, Body, Limits, Message, Node, Timeout, parse_lines

from .driver import INIT, ask, ask_waiting, bodies, request
from .world import World, init_line, play

variable = contextvars.ContextVar("variable", default=None)


def silent(_):
    return None


def last_bodies(world, count):
    return [reply["body"] for reply in world.replies[-count:]]


@pytest.mark.parametrize("wait", ["sleep", "rpc"])
def test_a_wait_after_one_that_was_cut_short_is_its_own(wait):
    """Who times out tries something else, and must not be woken by what it has given up."""
    node = Node()

    @node.on
    async def go():
        try:
            async with asyncio.timeout(0.01):
                await node.rpc("n2", {"type": "slow"}, timeout_seconds=30)
        except TimeoutError:
            pass
        if wait == "sleep":
            return {"value": await asyncio.sleep(0.001, "slept")}
        return {"value": (await node.rpc("n3", {"type": "quick"}))["value"]}

    async def script(world):
        [body] = await world.ask(request("go", 2))
        assert not node._calls.pending, "what is given up is given up"
        return body["value"]

    peer = {"n2": None, "n3": {"type": "quick_ok", "value": "replied"}}
    assert play(node, script, lambda message: peer[message["dest"]]) in ("slept", "replied")


@pytest.mark.parametrize("waits_for", ["a call", "a future", "nothing"])
def test_what_comes_with_the_end_of_an_init_hook_is_answered_after_init(waits_for):
    """The reply that ends the hook and a request may be in one read."""
    node = Node()

    @node.on_init
    async def hook():
        variable.set("of the hook")
        call = node.rpc("n2", {"type": "x"})
        if waits_for == "a call":
            await call
        elif waits_for == "a future":
            await asyncio.wait_for(asyncio.shield(call), 20)

    @node.on
    async def ping():
        return {"seen": variable.get()}

    async def script():
        world = World(node, silent)
        world.tell(init_line("n1", "n2"))
        [sent] = world.sent
        world.tell(request("ping", 2), world.reply(sent, {"type": "x_ok"}))
        await world.until(lambda world: len(world.replies) == 2)
        return [(reply["body"]["type"], reply["body"].get("seen")) for reply in world.replies]

    assert asyncio.run(script()) == [("init_ok", None), ("ping_ok", None)]


@pytest.mark.parametrize("waits_for", ["call", "sleep", "future", "gather", "shield"])
def test_who_is_cancelled_in_the_batch_that_began_it_ends_once(waits_for):
    """It takes a task to cancel, and one is enough."""
    node, tasks = Node(), []

    @node.on
    async def work():
        tasks.append(asyncio.current_task())
        call = node.rpc("n2", {"type": "x"}, timeout_seconds=30)
        awaitable = {
            "call": lambda: call,
            "sleep": lambda: asyncio.sleep(0),
            "future": lambda: asyncio.get_running_loop().create_future(),
            "gather": lambda: asyncio.gather(call),
            "shield": lambda: asyncio.shield(call),
        }[waits_for]()
        try:
            await awaitable
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            return {"cancelled": True}

    @node.on
    def give_up():
        return {"cancelled": tasks[0].cancel()}

    async def script(world):
        world.tell(request("work", 2), request("give_up", 3))
        await world.until(lambda world: len(world.replies) == 3)
        await asyncio.sleep(0.01)  # for the second answer that there must not be
        return node.in_flight, [reply["body"]["cancelled"] for reply in world.replies[1:]]

    assert play(node, script) == (0, [True, True])


def test_timeouts_are_not_late_for_what_others_do_when_theirs_is_over():
    """A scan of what is pending may cost a part of the time, a handler's work is none of it."""
    node, late = Node(), []

    @node.on
    async def slow():
        with pytest.raises(Timeout):
            await node.rpc("n2", {"type": "x"}, timeout_seconds=0.05)
        time.sleep(0.2)
        return {}

    @node.on
    async def quick():
        began = time.monotonic()
        with pytest.raises(Timeout):
            await node.rpc("n2", {"type": "x"}, timeout_seconds=0.1)
        late.append(time.monotonic() - began - 0.25)
        return {}

    async def script(world):
        await world.ask(request("slow", 2), request("quick", 3))

    play(node, script)

    assert late[0] < 2  # it was 4


def test_who_goes_on_because_time_is_over_does_so_in_its_own_context():
    """Not in that of whoever had the timer set."""
    node = Node()

    @node.on
    async def secretive():
        variable.set("secret")
        with pytest.raises(Timeout):
            await node.rpc("n2", {"type": "x"}, timeout_seconds=0.01)
        return {"seen": "secret"}

    @node.on
    async def plain():
        with pytest.raises(Timeout):
            await node.rpc("n2", {"type": "x"}, timeout_seconds=0.02)
        return {"seen": variable.get()}

    async def script(world):
        return [body["seen"] for body in await world.ask(request("secretive", 2), request("plain", 3))]

    assert play(node, script) == ["secret", None]


def test_who_is_cancelled_goes_on_in_its_own_context():
    """Not in that of whoever cancelled its call."""
    node, calls = Node(), []

    @node.on
    async def waiter():
        calls.append(node.rpc("n2", {"type": "x"}))
        with pytest.raises(asyncio.CancelledError):
            await calls[0]
        return {"seen": variable.get()}

    @node.on
    async def canceller():
        variable.set("secret")
        calls[0].cancel()
        return {"seen": "secret"}

    async def script(world):
        answers = await world.ask(request("waiter", 2), request("canceller", 3))
        return {body["type"]: body["seen"] for body in answers}

    assert play(node, script) == {"canceller_ok": "secret", "waiter_ok": None}


def test_handlers_that_wait_and_others_do_not_share_a_context():
    """In whatever order one batch has them."""
    node = Node()

    @node.on
    async def asynchronous(wait: bool):
        before = variable.get()
        variable.set("asynchronous")
        if wait:
            await node.rpc("n2", {"type": "x"})
        return {"seen": [before, variable.get()]}

    @node.on
    def synchronous():
        before = variable.get()
        variable.set("synchronous")
        return {"seen": [before, variable.get()]}

    async def script(world):
        world.tell(
            request("synchronous", 2),
            request("asynchronous", 3, wait=True),
            request("synchronous", 4),
            request("asynchronous", 5, wait=False),
        )
        world.tell(request("synchronous", 6), *(world.reply(sent, {"type": "x_ok"}) for sent in world.sent))
        return sorted((reply["body"]["in_reply_to"], reply["body"]["seen"]) for reply in world.replies[1:])

    one, other = [None, "synchronous"], [None, "asynchronous"]
    assert play(node, script) == [(2, one), (3, other), (4, one), (5, other), (6, one)]


class Odd:
    """Like an array, which cannot say in one word whether it equals another."""

    def __eq__(self, other):
        raise ValueError("ambiguous")

    __hash__ = None


@pytest.mark.parametrize("make", [list, Odd])
def test_a_value_that_was_replaced_by_its_equal_was_replaced(make):
    """What a handler puts into its context stays there, and a token is good after a wait."""
    node = Node()

    @node.on
    async def ask():
        mine = make()
        token = variable.set(mine)
        await node.rpc("n2", {"type": "x"})
        same = variable.get() is mine
        variable.reset(token)
        return {"same": same}

    async def script(world):
        variable.set(make())
        return [body["same"] for body in await world.ask(request("ask", 2), request("ask", 3))]

    assert play(node, script, lambda _: {"type": "x_ok"}) == [True, True]


def test_a_call_that_is_answered_in_the_batch_that_awaits_it_lets_its_handler_go_on():
    """Several handlers may wait for what one has asked; here the handler has touched its context, too."""
    node, calls = Node(), []

    @node.on
    async def start():
        calls.append(node.rpc("n2", {"type": "x"}))
        return {}

    @node.on
    async def join():
        variable.set("joined")
        async with asyncio.timeout(20):
            return {"value": (await calls[0])["value"], "seen": variable.get()}

    async def script(world):
        world.tell(request("start", 2))
        [sent] = world.sent
        world.tell(request("join", 3), world.reply(sent, {"type": "x_ok", "value": 7}))
        await world.until(lambda world: len(world.replies) == 3)
        return last_bodies(world, 1)[0]

    answer = play(node, script)

    assert (answer["value"], answer["seen"]) == (7, "joined")


def test_after_the_flush_a_handler_gets_its_own_message():
    node = Node()

    @node.on(after_flush=True)
    def who(body: dict, message: Message):
        return {"src": message.src}

    answers = ask(node, INIT, request("who", 2, src="c1"), request("who", 3, src="c2"))

    assert [answer["src"] for answer in answers[1:]] == ["c1", "c2"]


def test_replies_of_one_type_may_be_different_things():
    """`read_ok` is what everybody calls it."""
    node = Node()
    kv = KV(node, "lin-kv")

    class ReadOk(Body):
        value: int
        version: int

    @node.on
    async def all_ways():
        first = await kv.read("k")
        plain = await node.rpc("n2", {"type": "read"})
        typed = await node.rpc("n2", {"type": "read"}, ReadOk)
        return {"found": [first, plain["version"], typed.version]}

    async def script(world):
        return (await world.ask(request("all_ways", 2)))[0]["found"]

    assert play(node, script, lambda _: {"type": "read_ok", "value": 1, "version": 7}) == [1, 7, 7]


def test_a_handler_takes_over_a_type_that_was_a_reply_before():
    node = Node()

    class Seen(Body):
        value: int

    @node.on
    async def first():
        await node.rpc("n2", {"type": "x"}, Seen)
        return {}

    async def script(world):
        await world.ask(request("first", 2))

        @node.on
        def seen(request: Seen):
            return {"value": request.value}

        return (await world.ask(request("seen", 3, value=5)))[0]["value"]

    assert play(node, script, lambda _: {"type": "seen", "value": 1}) == 5


def test_each_reply_is_counted_once():
    """Even if the next request is read before the reply of a task is written."""
    node = Node()

    @node.on
    async def nap():
        await asyncio.sleep(0)
        return {}

    @node.on
    def ping():
        return {}

    async def script():
        written = bodies(node.receive(INIT + request("nap", 2)))
        node.flushed()
        while node.in_flight:
            await asyncio.sleep(0)
        written += bodies(node.receive(request("ping", 3)))
        node.flushed()
        return len(written), node.statistics.latency.count

    assert asyncio.run(script()) == (3, 3)


def test_a_current_task_that_was_kept_is_nobody_elses():
    """To cancel a handler that has ended must not hit the next."""
    node, kept = Node(), []

    @node.on
    async def quick():
        kept.append(asyncio.current_task())
        return {}

    @node.on
    async def waits():
        kept.append(asyncio.current_task())
        await node.rpc("n2", {"type": "x"})
        return {}

    @node.on
    def give_up(number: int):
        return {"cancelled": kept[number].cancel()}

    async def script(world):
        world.tell(request("quick", 2), request("waits", 3))
        [early] = await world.ask(request("give_up", 4, number=0))
        world.tell(*(world.reply(sent, {"type": "x_ok"}) for sent in world.sent))
        [late] = await world.ask(request("give_up", 5, number=1))
        return (
            early["cancelled"],
            late["cancelled"],
            sorted(reply["body"]["type"] for reply in world.replies[1:]),
        )

    answered = ["give_up_ok", "give_up_ok", "quick_ok", "waits_ok"]
    assert play(node, script) == (False, False, answered)


def test_sequential_handlers_survive_their_loop():
    """A test begins one after the other, with one node."""
    node = Node()

    @node.on(sequential=True)
    async def ask():
        await asyncio.sleep(0)
        return {}

    runs = [ask_waiting(node, INIT, request("ask", 2), request("ask", 3)) for _ in range(2)]

    assert [[answer["type"] for answer in run] for run in runs] == [["init_ok", "ask_ok", "ask_ok"]] * 2


def test_a_sync_node_asks_on_whatever_loop_runs():
    node = Node()

    @node.on
    def start():
        node.rpc("n2", {"type": "x"}).add_done_callback(replies.append)
        return {}

    async def script(world):
        world.tell(request("start", 2))
        while not replies:
            await asyncio.sleep(0)
        return replies.pop().result()["type"]

    replies = []
    assert [play(node, script, lambda _: {"type": "x_ok"}) for _ in range(2)] == ["x_ok", "x_ok"]


def test_the_call_of_another_node_is_no_reason_to_answer_for_it():
    """One process may hold two nodes, and tests do."""
    front, back = Node(), Node()

    @front.on
    async def ask():
        return {"value": (await back.rpc("n2", {"type": "x"}))["value"]}

    async def script(world):
        back.receive(init_line("n1", "n2"))
        world.tell(request("ask", 2))
        [asked] = bodies(back.finished())
        reply = {"type": "x_ok", "value": 7, "in_reply_to": asked["msg_id"]}
        said = back.receive(
            request("x_ok", None, src="n2", **{k: v for k, v in reply.items() if k != "type"})
        )
        await world.until(lambda world: len(world.replies) == 2)
        return said, last_bodies(world, 1)[0]["value"]

    assert play(front, script) == (b"", 7)


def test_a_node_that_is_full_while_hooks_run_holds_what_comes():
    """It has not begun, so there is nothing to refuse, and it is not open when the hooks have failed."""
    node = Node(Limits(max_in_flight=1))

    @node.on_init
    async def hook():
        await node.rpc("n2", {"type": "x"}, timeout_seconds=0.01)

    @node.on
    async def ping():
        return {}

    async def script():
        world = World(node, silent)
        world.tell(init_line("n1", "n2"))
        node.full()
        world.tell(request("ping", 2))
        held = len(world.replies)
        await world.until(lambda world: len(world.replies) == 2)
        node.full()
        world.tell(request("ping", 3))
        return held, [reply["body"]["code"] for reply in world.replies]

    assert asyncio.run(script()) == (0, [0, 11, 11])


def test_numbers_do_not_depend_on_what_else_was_read():
    """A batch with a line of unknown type takes another way."""
    node = Node()

    class Pay(Body):
        amount: Decimal

    @node.on
    def pay(request: Pay):
        return {}

    line = b'{"src":"c1","dest":"n1","body":{"type":"pay","amount":0.1234567890123456789}}\n'

    message, _ = parse_lines(line + request("unknown", 2), node.handlers.types)

    assert message.body.amount == Decimal("0.1234567890123456789")


def test_a_partial_of_an_object_that_waits_waits():
    class Ask:
        async def __call__(self, extra, body: dict):
            await asyncio.sleep(0)
            return {"value": extra}

    node = Node()
    node.on("ask")(functools.partial(Ask(), 5))

    assert ask_waiting(node, INIT, request("ask"))[1]["value"] == 5


def test_a_callback_runs_in_the_context_that_it_was_given_in():
    """As with every future of asyncio's."""
    node, seen = Node(), []

    @node.on
    async def ask():
        variable.set("mine")
        call = node.rpc("n2", {"type": "x"})
        call.add_done_callback(lambda _: seen.append(variable.get()))
        await call
        return {}

    async def script(world):
        await world.ask(request("ask", 2))
        while not seen:
            await asyncio.sleep(0)

    play(node, script, lambda _: {"type": "x_ok"})

    assert seen == ["mine"]
