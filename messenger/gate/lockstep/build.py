"""Build: the project's own command compiles what a tree needs compiled; git knows sources only."""

import os
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ..error import GateError

_SAID = 2000


def build_tree(side: str, tree: Path, command: Sequence[str], python: str) -> None:
    """Run *command*, if there is one, in *tree*, where `python` is *python*; *side* is for messages.

    Raises:
        GateError: it fails, or cannot be found (exit code 3).
    """
    if not command:
        return
    path = os.pathsep.join([str(Path(python).parent), os.environ.get("PATH", os.defpath)])
    try:
        done = subprocess.run(
            command,
            cwd=tree,
            env={**os.environ, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise _cannot_build(side, command, f"{command[0]}: {error.strerror}") from error
    if done.returncode:
        raise _cannot_build(side, command, done.stdout.strip()[-_SAID:])


def _cannot_build(side: str, command: Sequence[str], said: str) -> GateError:
    return GateError(
        f"cannot build the {side} with [tool.messenger.gate] build ({shlex.join(command)}):\n{said}", 3
    )
