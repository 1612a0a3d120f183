"""Nodes that are broken fail, each for its own reason."""

import pytest

from .driver import run

NODES = [
    ("echo", "echo.py different", "", "different-echo"),
    ("unique-ids", "unique_ids.py duplicates", "", "duplicate-id"),
    ("broadcast", "broadcast.py lossy", "--loss 0.3", "lost"),
    ("g-set", "g_set.py forgetful", "", "lost"),
    ("g-counter", "counter.py double", "", "wrong-sum"),
    ("kafka", "kafka.py loses", "", "lost"),
    ("kafka", "kafka.py doubles", "", "duplicate"),
    ("kafka", "kafka.py reorders", "", "inconsistent-offset"),
    ("kafka", "kafka.py backwards", "", "nonmonotonic-poll"),
    ("kafka", "kafka.py commits-ahead", "", "committed-too-far"),
    ("lin-kv", "kv.py replica", "--concurrency 2n --latency 10", "not-linearizable"),
    ("lin-kv", "kv.py seq-kv", "--concurrency 2n", "not-linearizable"),
    ("lin-kv", "kv.py lww-kv", "--concurrency 2n", "not-linearizable"),
    ("txn-list-append", "txn.py dirty", "", "G1a"),
    ("txn-list-append", "txn.py torn", "--concurrency 2n --consistency-models serializable", "G"),
    ("txn-rw-register", "txn.py dirty", "", "G1a"),
]


@pytest.mark.parametrize(("workload", "script", "options", "kind"), NODES, ids=str)
def test_a_broken_node_is_found_out(workload, script, options, kind, tmp_path):
    """That is what all this is for."""
    code, report = run(workload, script, f"--rate 200 --recovery-time 0.2 {options}", tmp_path)

    assert code == 1
    assert any(anomaly["kind"].startswith(kind) for anomaly in report["anomalies"])
    assert all(anomaly["operations"] for anomaly in report["anomalies"]), (
        "whoever mends it needs to know which operations"
    )


def test_a_raft_that_acknowledges_before_a_majority_is_found_out(tmp_path):
    """That takes two leaders at once, and clients of both: one run in two has them, so a few are made."""
    options = (
        "--node-count 5 --rate 300 --time-limit 4 --concurrency 2n --latency 2 "
        "--nemesis partition --nemesis-interval 0.7 --seed {seed}"
    )

    reports = (run("lin-kv", "hasty_raft.py", options.format(seed=seed), tmp_path)[1] for seed in range(12))
    found = next((report["anomalies"] for report in reports if report["anomalies"]), [])

    assert {anomaly["kind"] for anomaly in found} == {"not-linearizable"}


VIOLATIONS = [
    ("garbage", "wrote a line that is not a message", "debug: got here"),
    ("stranger", "wrote a message to 'n99', which does not exist", '"type": "hello"'),
    ("forger", "wrote a message whose src is 'n7'", '"type": "hello"'),
    ("quitter", "exited by itself: status 1", "I have had enough"),
    ("mistyped", "gave c1 a wrong reply to echo: its type is 'ehco_ok'", "ehco_ok"),
    ("half-a-line", "exited by itself: status 0, in the middle of the line", '{"src": "n0"'),
]


@pytest.mark.parametrize(("fault", "what", "quoted"), VIOLATIONS)
def test_a_node_that_breaks_the_protocol_fails_with_its_own_words(fault, what, quoted, tmp_path):
    """At once, and quoted: the line says more than any explanation."""
    code, report = run("echo", f"echo.py {fault}", "--node-count 1 --time-limit 60", tmp_path)

    [violation] = report["anomalies"]
    assert code == 1
    assert violation["kind"] == "violation"
    assert what in violation["text"]
    assert quoted in violation["text"]


def test_a_node_that_forgets_what_it_has_acknowledged_when_killed_is_found_out(tmp_path):
    """It comes back, is initialised again, and has nothing to say."""
    options = "--node-count 1 --nemesis kill --nemesis-interval 0.2 --recovery-time 0.2"

    code, report = run("g-set", "g_set.py", options, tmp_path)

    assert code == 1
    assert {anomaly["kind"] for anomaly in report["anomalies"]} == {"lost"}


def test_a_node_that_sends_clients_away_is_not_available(tmp_path):
    """Its refusals are definite errors, which is honest, and no use to anyone."""
    code, report = run("txn-rw-register", "txn.py shy", "--availability total", tmp_path)

    assert code == 1
    assert [anomaly["kind"] for anomaly in report["anomalies"]] == ["unavailable"]
