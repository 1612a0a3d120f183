"""The `messenger node` command."""

import os
import sys
from importlib import import_module
from pkgutil import iter_modules

_USAGE = """\
usage: messenger node [WORKLOAD]

Run a Maelstrom node on stdin and stdout: one JSON message a line, until the
input ends or SIGTERM comes; what is in flight is answered first.

workloads:
{workloads}
example:
  messenger node echo <<< \\
  '{{"src":"c0","dest":"n1","body":{{"type":"init","msg_id":1,"node_id":"n1","node_ids":["n1"]}}}}'

Broadcast, g_set, the counters, kafka, lin_kv and txn_rw_register keep what they
know in memory; where MESSENGER_STATE names a folder, in a file there as well,
written before they answer, and read again after the node was killed.

exit codes: 0 all answered, 1 replies may be lost, 2 wrong usage
"""


def main(argv: list[str]) -> int:
    """Run the workload named by *argv*, echo by default."""
    if any(argument in ("-h", "--help") for argument in argv):
        sys.stdout.write(_usage())
        return 0
    given, *rest = argv or ["echo"]
    name = given.replace("-", "_")  # Maelstrom's own spelling
    if rest or name not in _names():
        sys.stderr.write(f"messenger node: no workload is called {' '.join(argv)!r}\n\n{_usage()}")
        return 2
    node = import_module(f"messenger.node.workloads.{name}").node
    node.state_folder = os.environ.get("MESSENGER_STATE", "")
    node.run()
    return 0


def _names() -> list[str]:
    from . import workloads

    return sorted(module.name for module in iter_modules(workloads.__path__))


def _usage() -> str:
    from . import workloads

    captions = {name: import_module(f"{workloads.__name__}.{name}").__doc__ or "" for name in _names()}
    return _USAGE.format(
        workloads="".join(f"  {name:<17}{text.splitlines()[0]}\n" for name, text in captions.items())
    )
