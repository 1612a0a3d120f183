"""The network, told what time it is."""

from random import Random

import pytest
from msgspec import Raw

from messenger.maelstrom.network import HELD_FOR_DOWN_NODE, LatencyDistribution, Network
from messenger.node.message import Message

MS = 1_000_000


def message(src="n0", dest="n1", text="{}"):
    return Message(src, dest, Raw(text.encode()))


def arrivals(network, now_ns=10**15):
    return [envelope.message for envelope in network.due(now_ns)]


def test_without_latency_messages_arrive_at_once_and_in_order():
    """The gentlest network there is."""
    network, sent = Network(Random(1)), [message(text=f'{{"n": {n}}}') for n in range(5)]

    for one in sent:
        network.send(one, 0)

    assert arrivals(network, 0) == sent
    assert network.next_due_ns is None


def test_a_message_arrives_when_its_latency_has_passed():
    """And not a nanosecond before."""
    network = Network(Random(1), latency_ms=7)
    network.send(message(), 1000)

    assert network.next_due_ns == 7 * MS + 1000
    assert arrivals(network, 7 * MS + 999) == []
    assert len(arrivals(network, 7 * MS + 1000)) == 1


@pytest.mark.parametrize("distribution", [LatencyDistribution.UNIFORM, LatencyDistribution.EXPONENTIAL])
def test_latencies_spread_around_their_mean(distribution):
    """So that messages overtake each other."""
    network = Network(Random(1), latency_ms=10, distribution=distribution)
    due_ms = []
    for _ in range(2000):
        network.send(message(), 0)
    while network.next_due_ns is not None:
        due_ms.append(network.next_due_ns / MS)
        network.due(network.next_due_ns)

    assert 9 < sum(due_ms) / 2000 < 11
    assert max(due_ms) < 20 if distribution is LatencyDistribution.UNIFORM else max(due_ms) > 20


def test_a_lossy_network_loses_its_share():
    """And counts what it has lost."""
    network = Network(Random(1), loss=0.3)
    for _ in range(1000):
        network.send(message(), 0)

    arrived = len(arrivals(network))

    assert 650 < arrived < 750
    assert network.lost == 1000 - arrived


@pytest.mark.parametrize("ends", [("c1", "n0"), ("n0", "c1")])
def test_clients_are_as_good_as_on_the_spot(ends):
    """Their latency would hide anomalies, and their losses would only cost time."""
    network = Network(Random(1), latency_ms=100, loss=1.0)

    network.send(message(*ends), 0)

    assert len(arrivals(network, 0)) == 1


def test_messages_between_servers_are_counted_apart():
    """Services are servers."""
    network = Network(Random(1))
    for ends in [("c1", "n0"), ("n0", "n1"), ("n0", "lin-kv"), ("lin-kv", "n0"), ("n0", "c1")]:
        network.send(message(*ends), 0)

    assert (network.sent, network.sent_between_servers) == (5, 3)


def test_a_partition_loses_what_arrives_while_it_lasts():
    """Also what was sent before it, and not what is sent during it and arrives later."""
    network = Network(Random(1), latency_ms=10)
    network.send(message(text='{"n": 1}'), 0)
    network.partition({("n0", "n1")})
    lost = arrivals(network, 10 * MS)
    network.send(message(text='{"n": 2}'), 10 * MS)
    network.heal()

    assert lost == []
    assert [bytes(one.body) for one in arrivals(network)] == [b'{"n": 2}']


def test_a_partition_may_be_one_way():
    """Blocked is a link, and the way back is another."""
    network = Network(Random(1))
    network.partition({("n0", "n1")})

    network.send(message("n0", "n1"), 0)
    network.send(message("n1", "n0"), 0)

    assert [one.src for one in arrivals(network)] == ["n1"]


def test_a_node_that_is_down_gets_the_first_messages_when_it_is_up_again():
    """The rest is lost, as on a computer that is switched off."""
    network = Network(Random(1))
    network.hold("n1")
    for _ in range(HELD_FOR_DOWN_NODE + 5):
        network.send(message(), 0)
    before = arrivals(network, 1)

    network.release("n1", 2)

    assert before == []
    assert len(arrivals(network, 2)) == HELD_FOR_DOWN_NODE
    assert network.lost == 5


def test_nothing_is_lost_on_nodes_that_have_not_started():
    """The first to be ready may greet the others, and shall not be the one to blame."""
    network = Network(Random(1))
    network.hold("n1", messages_max=None)
    for _ in range(1000):
        network.send(message(), 0)
    network.due(1)

    network.release("n1", 2)

    assert len(arrivals(network, 2)) == 1000


def test_init_reaches_a_node_that_is_down():
    """Else it could never get up."""
    network = Network(Random(1))
    network.hold("n1")

    network.send(message("c0"), 0)

    assert len(arrivals(network)) == 1


def test_the_same_seed_gives_the_same_network():
    """A test that failed can be looked at again."""

    def dues(seed):
        network = Network(Random(seed), latency_ms=10, distribution=LatencyDistribution.EXPONENTIAL, loss=0.2)
        for _ in range(50):
            network.send(message(), 0)
        return [network.next_due_ns, len(network.due(5 * MS)), network.lost]

    assert dues(7) == dues(7) != dues(8)
