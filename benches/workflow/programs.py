"""Programs: modules of this folder as processes, which answer lines with lines."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def program(module: str, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """Start *module*, and return when it says that it is ready; it ends when its input does."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"benches.workflow.{module}", *arguments],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout.readline() == "ready\n", f"{module} did not start"
        yield process
        process.stdin.close()
        assert process.wait(60) == 0, f"{module} failed"
