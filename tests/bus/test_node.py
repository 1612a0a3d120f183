"""Nodes on a bus: the same lines, the same handlers, and a wire that survives what its ends do not."""

import asyncio
import itertools
import json
import os
import subprocess
import sys
from contextlib import ExitStack

import pytest

from messenger.bus import BusError, NoResponders, connect
from messenger.bus.nats_server import NatsServer

from .conftest import start_hub

NODES = ("n1", "n2", "n3")


class Cluster:
    """Three nodes of the broadcast workload, each a process, with files in which they keep what they know."""

    def __init__(self, url, folder, stack):
        self._url, self._folder = url, folder
        self.processes = {}
        self._numbers = itertools.count(1)
        for node_id in NODES:
            self.start(node_id)
        stack.callback(self.stop)

    def start(self, node_id):
        self.processes[node_id] = subprocess.Popen(
            [
                *(sys.executable, "-m", "messenger", "node", "broadcast"),
                *("--bus", self._url, "--id", node_id, "--peers", ",".join(NODES)),
            ],
            env=os.environ | {"MESSENGER_STATE": str(self._folder)},
            stderr=subprocess.PIPE,
            text=True,
        )

    def kill(self, node_id):
        self.processes[node_id].kill()
        self.processes[node_id].communicate()

    def stop(self):
        for process in self.processes.values():
            process.terminate()
        self.said = {node_id: one.communicate(timeout=20)[1] for node_id, one in self.processes.items()}
        self.codes = {node_id: process.returncode for node_id, process in self.processes.items()}

    async def ask(self, bus, node_id, **body):
        """Make a request until a reply comes, as one does over a network."""
        body["msg_id"] = next(self._numbers)
        line = json.dumps({"src": "c1", "dest": node_id, "body": body}).encode()
        while True:
            try:
                return json.loads((await bus.request(f"node.{node_id}", line, 0.5)).data)["body"]
            except BusError:
                await asyncio.sleep(0.02)  # whoever should answer is being started

    async def read_until(self, bus, node_id, wanted):
        while sorted((await self.ask(bus, node_id, type="read"))["messages"]) != sorted(wanted):
            await asyncio.sleep(0.02)


def run(test):
    async def main():
        async with asyncio.timeout(60):
            await test

    asyncio.run(main())


def test_three_nodes_talk_and_outlive_the_kill_of_one(wire, tmp_path):
    async def test(stack):
        cluster = Cluster(wire, tmp_path, stack)
        async with connect(wire) as bus:
            for number, node_id in enumerate(NODES):
                await cluster.ask(bus, node_id, type="broadcast", message=number)
            for node_id in NODES:
                await cluster.read_until(bus, node_id, [0, 1, 2])

            cluster.kill("n2")
            await cluster.ask(bus, "n1", type="broadcast", message=3)
            cluster.start("n2")

            for node_id in NODES:
                await cluster.read_until(bus, node_id, [0, 1, 2, 3])
        return cluster

    with ExitStack() as stack:
        run(test(stack))


@pytest.fixture(params=["hub", "nats server"])
def crashing(request, tmp_path):
    """What joins processes, and how it crashes and comes back."""
    if request.param == "hub":
        url = f"zmq+ipc://{tmp_path}/hub"
        hubs = [start_hub(url)[0]]

        def crash():
            hubs[-1].kill()
            hubs[-1].communicate()
            hubs.append(start_hub(url)[0])

        yield url, crash
        hubs[-1].terminate()
        hubs[-1].communicate()
    else:
        request.getfixturevalue("nats_program")
        with NatsServer() as server:

            def crash():
                server.kill()
                server.start()

            yield server.url, crash


def test_three_nodes_outlive_the_crash_of_what_joins_them(crashing, tmp_path):
    url, crash = crashing

    async def test(stack):
        cluster = Cluster(url, tmp_path, stack)
        async with connect(url, on_error=lambda error: None) as bus:
            await cluster.ask(bus, "n1", type="broadcast", message=0)
            for node_id in NODES:
                await cluster.read_until(bus, node_id, [0])

            await asyncio.to_thread(crash)
            await cluster.ask(bus, "n3", type="broadcast", message=1)

            for node_id in NODES:
                await cluster.read_until(bus, node_id, [0, 1])

    with ExitStack() as stack:
        run(test(stack))


def test_a_node_that_is_terminated_answers_what_it_has_and_exits_in_peace(wire, tmp_path):
    async def test(stack):
        cluster = Cluster(wire, tmp_path, stack)
        async with connect(wire) as bus:
            await cluster.ask(bus, "n1", type="read")
            await cluster.ask(bus, "n2", type="read")
            await cluster.ask(bus, "n3", type="read")
        cluster.stop()
        return cluster

    with ExitStack() as stack:
        clusters = []

        async def keep():
            clusters.append(await test(stack))

        run(keep())
        assert clusters[0].codes == dict.fromkeys(NODES, 0)
        assert clusters[0].said == dict.fromkeys(NODES, "")


def test_whoever_has_a_subject_gets_its_lines_there(wire, tmp_path):
    """A client may be a node's peer, rather than make requests of the bus."""

    async def test(stack):
        cluster = Cluster(wire, tmp_path, stack)
        async with connect(wire) as bus:
            await cluster.ask(bus, "n1", type="read")
            mine = await bus.subscribe("node.c7")
            await bus.publish("node.n1", b'{"src":"c7","dest":"n1","body":{"type":"read","msg_id":5}}')

            line = json.loads((await mine.get(10)).data)

            assert (line["src"], line["dest"], line["body"]["in_reply_to"]) == ("n1", "c7", 5)

    with ExitStack() as stack:
        run(test(stack))


def test_garbage_on_its_subject_does_not_stop_a_node(wire, tmp_path):
    async def test(stack):
        cluster = Cluster(wire, tmp_path, stack)
        async with connect(wire) as bus:
            await cluster.ask(bus, "n1", type="read")
            for data in (
                b"",
                b"\xff",
                b"{}",
                b"[1]\n[2]",
                b'{"src":"c 1","dest":"n1","body":{"type":"read","msg_id":1}}',
            ):
                await bus.publish("node.n1", data, reply_to="somewhere")

            assert (await cluster.ask(bus, "n1", type="read"))["type"] == "read_ok"

    with ExitStack() as stack:
        run(test(stack))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--bus", "x://y", "--id", "n1"], "names no bus"),
        (["--bus", "zmq+ipc:///nowhere/hub"], "belong together"),
        (["--id", "n1"], "belong together"),
        (["--bus"], "--bus needs a value"),
        (["--bus", "zmq+ipc:///p", "--id", "n4", "--peers", "n1,n2"], "n4 is none of --peers"),
        (["--buss"], "no option is called '--buss'"),
    ],
)
def test_a_node_that_is_told_nonsense_says_what_is_wrong(options, says):
    run = subprocess.run(
        [sys.executable, "-m", "messenger", "node", "echo", *options],
        capture_output=True,
        text=True,
        timeout=30,
    )

    assert run.returncode == 2
    assert says in run.stderr
    assert "Traceback" not in run.stderr


def test_what_a_node_says_after_its_output_was_written_is_said_on_a_bus_too(wire):
    """`bench_stats` is answered then, though nothing else was to be written."""
    node = subprocess.Popen([sys.executable, "-m", "messenger", "node", "echo", "--bus", wire, "--id", "n1"])

    async def ask():
        line = b'{"src":"c1","dest":"n1","body":{"type":"bench_stats","msg_id":1}}'
        async with connect(wire) as bus:
            while True:
                try:
                    return json.loads((await bus.request("node.n1", line, 0.5)).data)["body"]["type"]
                except NoResponders:
                    await asyncio.sleep(0.02)  # it is being started

    async def test():
        assert await ask() == "bench_stats_ok"

    try:
        run(test())
    finally:
        node.terminate()
        node.wait(20)
