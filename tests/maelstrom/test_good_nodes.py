"""Nodes that are right pass, whatever the network does."""

import pytest

from .driver import run

NODES = [
    ("echo", "echo.py", ""),
    ("unique_ids", "unique_ids.py", "--nemesis partition --nemesis-interval 0.2 --availability total"),
    ("broadcast", "broadcast.py", "--loss 0.3 --latency 10 --latency-dist exponential --topology tree"),
    ("g-set", "g_set.py", "--latency 5 --nemesis pause --nemesis partition --nemesis-interval 0.2"),
    ("g-counter", "counter.py", "--latency 20 --latency-dist uniform"),
    ("pn-counter", "counter.py", "--nemesis partition --nemesis-interval 0.2 --availability total"),
    ("kafka", "kafka.py", "--concurrency 2n --latency 1"),
    ("lin-kv", "kv.py", "--concurrency 2n --latency 5 --latency-dist uniform"),
    ("txn-list-append", "txn.py", "--concurrency 2n --latency 5 --consistency-models strict-serializable"),
    ("txn-rw-register", "txn.py", "--concurrency 2n --latency 5 --consistency-models strict-serializable"),
]


@pytest.mark.parametrize(("workload", "script", "options"), NODES, ids=str)
def test_a_correct_node_passes(workload, script, options, tmp_path):
    """A test that cries wolf is soon ignored."""
    code, report = run(workload, script, options, tmp_path)

    assert report["anomalies"] == []
    assert (code, report["verdict"]) == (0, "passed")
    assert report["operations"]["ok"] > 0
