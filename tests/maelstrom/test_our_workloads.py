"""The workloads of `messenger node`, each on a network, with and without partitions."""

import sys

import pytest

from .driver import run_command

PARTITIONS = "--nemesis partition --nemesis-interval 0.3 --latency 2 --latency-dist exponential"

# What answers every client whatever happens to the network between the nodes.
AVAILABLE = ["echo", "unique_ids", "broadcast", "g_set", "g_counter", "pn_counter", "txn_rw_register"]


@pytest.mark.parametrize("workload", AVAILABLE)
def test_what_needs_nobody_else_is_right_and_available_in_a_partition(workload, tmp_path):
    code, report = run_workload(workload, f"{PARTITIONS} --availability total", tmp_path)

    assert (code, report["anomalies"]) == (0, [])


@pytest.mark.parametrize("options", ["", PARTITIONS], ids=["calm", "partitions"])
@pytest.mark.parametrize(
    ("workload", "model"), [("kafka", ""), ("lin_kv", ""), ("txn_list_append", "strict-serializable")]
)
def test_what_needs_a_majority_or_an_owner_is_right_all_the_same(workload, model, options, tmp_path):
    """It may refuse, and never lies."""
    promise = f"--consistency-models {model}" if model else ""

    code, report = run_workload(workload, f"--time-limit 3 --concurrency 2n {promise} {options}", tmp_path)

    assert (code, report["anomalies"]) == (0, [])


KILLS = "--nemesis kill --nemesis-interval 0.4 --time-limit 3 --concurrency 2n"


@pytest.mark.parametrize(
    "workload",
    [
        "broadcast",
        "g_set",
        "kafka",
        "lin_kv",
        "pn_counter",
        "txn_list_append",
        "txn_rw_register",
        "unique_ids",
    ],
)
def test_what_was_acknowledged_survives_a_kill(workload, tmp_path):
    """It is written down before it is acknowledged."""
    code, report = run_workload(workload, KILLS, tmp_path)

    assert (code, report["anomalies"]) == (0, [])


def test_without_a_folder_to_write_to_it_does_not(tmp_path):
    """So the kills of the tests above are kills."""
    command = ["env", "-u", "MESSENGER_STATE", sys.executable, "-m", "messenger", "node", "g_set"]

    code, report = run_command("g_set", command, f"{KILLS} --node-count 1 --recovery-time 0.2", tmp_path)

    assert (code, {anomaly["kind"] for anomaly in report["anomalies"]}) == (1, {"lost"})


def test_transactions_on_registers_are_read_committed_and_no_more(tmp_path):
    """Two that know nothing of each other may both read what was there before: that is the price."""
    options = f"{PARTITIONS} --time-limit 3 --rate 300"

    committed = run_workload("txn_rw_register", options, tmp_path)
    serializable = run_workload("txn_rw_register", f"{options} --consistency-models serializable", tmp_path)

    assert (committed[0], serializable[0]) == (0, 1)


def run_workload(workload, options, folder):
    command = [sys.executable, "-m", "messenger", "node", workload]
    return run_command(workload, command, options, folder)
