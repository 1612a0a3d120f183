"""What a node does by itself: timers, hooks, and stopping."""

import asyncio
import logging

import pytest

from messenger.node import Crash, Node

from .driver import INIT, NodeProcess, bodies, request
from .world import World, init_line, play


def test_a_timer_runs_from_init_on_again_and_again():
    node = Node()
    rung = []

    @node.every(0.01)
    def ring():
        rung.append(node.node_id)
        node.broadcast({"type": "tick"})

    async def script(world):
        await world.until(lambda world: len(world.sent) >= 6)

    assert node.waits
    play(node, script)

    assert set(rung) == {"n1"}


@pytest.mark.parametrize("repeated", [False, True])
def test_a_timer_may_wait_and_never_overtakes_itself(repeated):
    node = Node()
    running, most, rung = 0, 0, []

    async def ring():
        nonlocal running, most
        running += 1
        most = max(most, running)
        await node.rpc("n2", {"type": "put"})
        rung.append(1)
        running -= 1
        node.send("n3", {"type": "rung"})

    (node.every if repeated else node.after)(0.01)(ring)

    async def script(world):
        await world.until(lambda world: len(rung) >= (3 if repeated else 1))

    play(node, script, lambda message: {"type": "put_ok"})

    assert most == 1
    assert repeated or len(rung) == 1


@pytest.mark.parametrize("waits", [False, True])
def test_a_timer_that_fails_says_so_and_rings_again(waits, caplog):
    node = Node()
    rung = []

    def ring():
        rung.append(1)
        if len(rung) < 3:
            raise ValueError("the bell is broken")
        node.send("n2", {"type": "rung"})

    async def ring_later():
        await asyncio.sleep(0)
        ring()

    node.every(0.01)(ring_later if waits else ring)

    async def script(world):
        await world.until(lambda world: world.sent)

    play(node, script)

    assert caplog.text.count("ValueError: the bell is broken") == 2
    assert "the timer ring" in caplog.text


def test_a_timer_that_is_set_late_runs_as_well():
    node = Node()
    node.every(1000)(lambda: None)

    @node.on
    def ask():
        node.after(0.01)(lambda: node.send("n2", {"type": "rung"}))
        return {}

    async def script(world):
        world.tell(request("ask", 2))
        await world.until(lambda world: world.sent)

    play(node, script)


@pytest.mark.parametrize(("seconds", "jitter"), [(0, 0.1), (-1, 0.1), (1, 1.5), (1, -0.1)])
def test_a_timer_that_makes_no_sense_is_refused(seconds, jitter):
    with pytest.raises(ValueError, match="seconds must be more than 0"):
        Node().every(seconds, jitter=jitter)(lambda: None)


def test_hooks_are_awaited_before_init_is_answered_and_all_else_is_held():
    """A node that loads its state answers nobody before it has it."""
    node = Node()
    told = []

    @node.on_init
    def name():
        told.append(node.node_id)

    @node.on_init
    async def load():
        told.append((await node.rpc("lin-kv", {"type": "read", "key": "state"}))["value"])

    @node.on
    def ask():
        return {"told": list(told)}

    async def script():
        world = World(node)
        world.tell(init_line("n1", "n2") + request("ask", 2), request("unknown", 3))
        assert world.replies == []
        [read] = world.sent
        world.tell(world.reply(read, {"type": "read_ok", "value": 5}))
        await world.until(lambda world: len(world.replies) == 3)
        return [reply["body"] for reply in world.replies]

    init, answer, error = asyncio.run(script())

    assert (init["type"], answer["told"], error["code"]) == ("init_ok", ["n1", 5], 10)


def test_a_hook_that_fails_is_an_error_and_init_may_come_again(caplog):
    node = Node()
    attempts = []

    @node.on_init
    async def load():
        attempts.append(1)
        await asyncio.sleep(0)
        if len(attempts) == 1:
            raise Crash("the disk is gone")

    node.on("ask")(lambda body: {})

    async def script():
        world = World(node)
        [error] = await world.ask(init_line("n1"))
        [early] = await world.ask(request("ask", 2))
        [init] = await world.ask(init_line("n1"))
        [answer] = await world.ask(request("ask", 3))
        return error["text"], early["code"], init["type"], answer["type"]

    assert asyncio.run(script()) == ("the disk is gone", 11, "init_ok", "ask_ok")


def test_neighbours_are_those_of_the_topology_else_all_peers():
    node = Node()
    node.receive(init_line("n1", "n2", "n3"))
    assert node.neighbours == ["n2", "n3"]

    [answer] = bodies(node.receive(request("topology", 2, topology={"n1": ["n3"], "n2": []})))

    assert (answer["type"], node.neighbours, node.peers) == ("topology_ok", ["n3"], ["n2", "n3"])


def test_a_handler_of_ones_own_for_topology_replaces_it():
    node = Node()
    node.on("topology")(lambda body: {"mine": True})
    node.receive(init_line("n1", "n2"))

    [answer] = bodies(node.receive(request("topology", 2, topology={"n1": []})))

    assert (answer["mine"], node.neighbours) == (True, ["n2"])


STOPS = """
from messenger.node import Node
node = Node()
@node.on
{kind}def leave():
    node.log.info("leaving")
    node.stop()
    return {{}}
node.run()
"""


@pytest.mark.parametrize("kind", ["", "async "])
def test_a_node_may_stop_by_itself_when_it_has_answered(kind):
    with NodeProcess(STOPS.format(kind=kind)) as process:
        process.ask(INIT)

        answer = process.ask(request("leave", 2))

        assert answer["type"] == "leave_ok"
        assert process.exit_code() == 0
        assert "INFO n1: leaving" in process.complaints


STOPS_FROM_A_THREAD = """
import threading
from messenger.node import Node
node = Node()
stop = threading.Event()
@node.on
{kind}def leave():
    stop.set()
    return {{}}
threading.Thread(target=lambda: (stop.wait(), node.stop()), daemon=True).start()
node.run()
"""


@pytest.mark.parametrize("kind", ["", "async "])
def test_a_node_may_be_stopped_by_a_thread_while_nothing_comes(kind):
    with NodeProcess(STOPS_FROM_A_THREAD.format(kind=kind)) as process:
        process.ask(INIT)

        answer = process.ask(request("leave", 2))

        assert answer["type"] == "leave_ok"
        assert process.exit_code() == 0


BUSY = """
import asyncio
from messenger.node import Node
node = Node()
rung = 0
@node.every(0.001)
def ring():
    global rung
    rung += 1
@node.on
async def ask():
    return {"rung": rung}
@node.on
async def sleep():
    await asyncio.sleep(0.001)
    return {}
node.run()
"""


def test_timers_ring_and_sleepers_wake_while_input_never_ceases():
    """Input is answered while the loop waits, and must not keep it from what else there is."""
    with NodeProcess(BUSY) as process:
        process.ask(INIT)
        process.send(request("sleep", 2))
        answers, msg_id = [], 3
        while not any(answer["type"] == "sleep_ok" for answer in answers) or answers[-1].get("rung", 0) < 10:
            process.send(request("ask", msg_id))
            answers += [message["body"] for message in process.read(1)]
            msg_id += 1
            assert msg_id < 1_000_000


ASKS_FROM_A_THREAD = """
import sys
import threading
from messenger.node import Node, Timeout
node = Node()
def ask():
    try:
        node.rpc_blocking("lin-kv", {"type": "read", "key": "k"}, timeout_seconds=3600)
    except Timeout as error:
        print(error, file=sys.stderr)
@node.on
async def start():
    global thread
    thread = threading.Thread(target=ask)
    thread.start()
    return {}
node.run()
thread.join()
"""


def test_a_thread_that_waits_for_a_reply_is_let_go_when_the_node_stops():
    with NodeProcess(ASKS_FROM_A_THREAD) as process:
        process.ask(INIT)
        process.send(request("start", 2))
        assert sorted(message["body"]["type"] for message in process.read(2)) == ["read", "start_ok"]

        assert process.finish() == []
        assert process.exit_code() == 0
        assert "the node has stopped" in process.complaints


def test_what_a_node_logs_carries_its_name(caplog):
    node = Node()
    node.receive(init_line("n7"))

    with caplog.at_level(logging.INFO):
        node.log.info("elected in term %d", 3)

    assert "n7: elected in term 3" in caplog.text


def test_the_same_init_again_starts_no_timer_again():
    node = Node()
    rung = []
    node.after(0.01)(lambda: rung.append(1))

    @node.every(0.03, jitter=0.0)
    def ring():
        node.send("n2", {"type": "tick"})

    async def script(world):
        for _ in range(3):
            world.tell(init_line("n1", "n2", "n3"))
        await world.until(lambda world: len(world.sent) >= 2)

    play(node, script)

    assert rung == [1]


def test_an_init_that_comes_while_hooks_run_waits_for_them():
    """Answered at once, it would open the node before it has its state."""
    node = Node()
    go = []

    @node.on_init
    async def load():
        go.append(asyncio.get_running_loop().create_future())
        await go[0]

    async def script():
        world = World(node)
        world.tell(init_line("n1"), init_line("n1"))
        before = len(world.replies)
        go[0].set_result(None)
        await world.until(lambda world: len(world.replies) == 2)
        return before, [reply["body"]["type"] for reply in world.replies]

    assert asyncio.run(script()) == (0, ["init_ok", "init_ok"])


def test_what_was_held_for_hooks_that_fail_is_refused():
    node = Node()

    @node.on_init
    async def load():
        await asyncio.sleep(0)
        raise Crash("the disk is gone")

    node.on("ask")(lambda body: {})

    async def script():
        world = World(node)
        return [answer["code"] for answer in await world.ask(init_line("n1"), request("ask", 2))]

    assert sorted(asyncio.run(script())) == [11, 13]
