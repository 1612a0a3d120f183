"""Tests of nodes, run as a user runs them."""

import json
import shlex
import sys
from pathlib import Path

from messenger.maelstrom.command import main

NODES = Path(__file__).parent / "nodes"


def node_command(script):
    """Write the command that runs one of our nodes, as `kafka.py loses`."""
    name, *arguments = shlex.split(script)
    return [sys.executable, str(NODES / name), *arguments]


def run(workload, script, options, folder):
    """Test one of our scripts for a second, and return the exit code and the JSON report."""
    return run_command(workload, node_command(script), options, folder)


def run_command(workload, command, options, folder):
    """Do the same with any command."""
    report = folder / "report.json"
    code = main(
        [
            "test",
            f"--workload={workload}",
            "--node-count=3",
            "--time-limit=1",
            "--rate=100",
            "--seed=5",
            f"--json={report}",
            *shlex.split(options),
            "--",
            *command,
        ]
    )
    return code, json.loads(report.read_text())
