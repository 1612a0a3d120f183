"""The process that both sides are forked from, so that they share hash seed and address-space layout.

Run as a script, with a plan in JSON on stdin: it imports pytest and what else the benches import from
elsewhere, never the product, then forks a side for each tree.
"""

import importlib
import json
import os
import random
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

_BLOCKS = 20_000
_kept: list[bytes] = []


def main(plan: dict[str, Any]) -> None:
    """Fork the sides of *plan* in its order, and wait for both."""
    run = _load_arm().run
    for name in plan["preload"]:
        try:
            importlib.import_module(name)
        except Exception:  # noqa: S112 - what cannot be imported here is imported by the sides, or fails there
            continue
    _shuffle_heap(random.Random(os.environ["PYTHONHASHSEED"]))
    for side in plan["sides"]:
        os.set_inheritable(side["fd"], False)  # the programs that benchmarks start have no business there
    children = {_fork(plan, side, run): side["fd"] for side in plan["sides"]}
    while children:
        child, status = os.wait()
        if child in children:  # the connection stays open here until its end can be told
            _tell(children.pop(child), os.waitstatus_to_exitcode(status))


def _shuffle_heap(chance: random.Random) -> None:
    """Leave holes for what is imported next, elsewhere in each pair.

    A remark in a file moves what is allocated after it, the same way in every process: what that costs or
    saves, 5 % of a call of 500 ns, would look like the file's own.
    """
    blocks = [bytes(chance.randrange(1, 1024)) for _ in range(_BLOCKS)]
    chance.shuffle(blocks)
    _kept.extend(blocks[: _BLOCKS // 2])


def _load_arm() -> Any:
    """Load the package around this file under another name: its own may be the product's."""
    folder = Path(__file__).parent
    spec: Any = spec_from_file_location(
        "_messenger_gate_arm", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    package = module_from_spec(spec)
    sys.modules[spec.name] = package
    spec.loader.exec_module(package)
    return importlib.import_module("_messenger_gate_arm.run")


def _tell(fd: int, code: int) -> None:
    """Tell the conductor how a side ended; the empty line ends what that may have been about to say."""
    how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
    with socket.socket(fileno=fd) as connection, suppress(OSError):
        connection.sendall(b"\n" + json.dumps({"died": how}).encode() + b"\n")


def _fork(plan: dict[str, Any], side: dict[str, Any], run: Callable[..., None]) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        _become(plan, side, run)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)  # whatever threads or exit handlers the benchmarks have left behind
    raise AssertionError("a side does not return")


def _become(plan: dict[str, Any], side: dict[str, Any], run: Callable[..., None]) -> None:
    """Be *side* until its benches have run: its own log as stdout and stderr, nobody else's connection."""
    for other in plan["sides"]:
        if other is not side:
            os.close(other["fd"])
    log = os.open(side["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for fd, standard in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(fd, standard)
    for stream in (sys.stdout, sys.stderr):  # what was printed must be there when the process is not
        stream.reconfigure(write_through=True)  # type: ignore[union-attr]
    with socket.socket(fileno=side["fd"]) as connection:
        tree, hide = side["tree"], side["hide_checkout"]
        run(connection, tree, plan["sources"], plan["arguments"], plan["wanted"], hide_checkout=hide)
    sys.stdout.flush()
    sys.stderr.flush()


if __name__ == "__main__":
    main(json.load(sys.stdin))
