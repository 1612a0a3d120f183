"""The `messenger node` command."""

import os
import sys
from importlib import import_module
from pkgutil import iter_modules

_USAGE = """\
usage: messenger node [WORKLOAD] [--bus URL --id ID [--peers ID,ID,...]]

Run a Maelstrom node on stdin and stdout: one JSON message a line, until the
input ends or SIGTERM comes; what is in flight is answered first.

With --bus, the same lines come and go on a message bus, one subject a node:
what is for n1 is published to node.n1. URL is zmq+ipc:///PATH,
zmq+tcp://HOST:PORT or nats://HOST:PORT; --id is who this node is, and --peers
are all nodes.

workloads:
{workloads}
example:
  messenger node broadcast --bus nats://127.0.0.1:4222 --id n1 --peers n1,n2,n3
  messenger node echo <<< \\
  '{{"src":"c0","dest":"n1","body":{{"type":"init","msg_id":1,"node_id":"n1","node_ids":["n1"]}}}}'

Broadcast, g_set, the counters, kafka, lin_kv and txn_rw_register keep what they
know in memory; where MESSENGER_STATE names a folder, in a file there as well,
written before they answer, and read again after the node was killed.

exit codes: 0 all answered, 1 replies may be lost, or there is no such bus, 2 wrong usage
"""


_OPTIONS = ("--bus", "--id", "--peers")


def main(argv: list[str]) -> int:
    """Run the workload named by *argv*, echo by default."""
    if any(argument in ("-h", "--help") for argument in argv):
        sys.stdout.write(_usage())
        return 0
    words, options, wrong = _parted(argv)
    given, *rest = words or ["echo"]
    name = given.replace("-", "_")  # Maelstrom's own spelling
    if not wrong and (rest or name not in _names()):
        wrong = f"no workload is called {' '.join(words)!r}"
    if wrong:
        sys.stderr.write(f"messenger node: {wrong}\n\n{_usage()}")
        return 2
    node = import_module(f"messenger.node.workloads.{name}").node
    node.state_folder = os.environ.get("MESSENGER_STATE", "")
    if "--bus" not in options:
        node.run()
        return 0
    from messenger.bus import BadUrl, BusError

    try:
        node.run(
            bus=options["--bus"],
            node_id=options["--id"],
            node_ids=options.get("--peers", options["--id"]).split(","),
        )
    except (BadUrl, BusError) as error:
        sys.stderr.write(f"messenger node: {error}\n")
        return 2 if isinstance(error, BadUrl) else 1
    return 0


def _parted(argv: list[str]) -> tuple[list[str], dict[str, str], str]:
    """Part words from options with a value; returns what is wrong with them as well, if anything is."""
    words: list[str] = []
    options: dict[str, str] = {}
    rest = iter(argv)
    for argument in rest:
        name, equals, value = argument.partition("=")
        if name in _OPTIONS:
            options[name] = value if equals else next(rest, "")
            if not options[name]:
                return words, options, f"{name} needs a value"
        elif argument.startswith("-"):
            return words, options, f"no option is called {argument!r}"
        else:
            words.append(argument)
    if bool(options) != ("--bus" in options and "--id" in options):
        return words, options, "--bus, --id and --peers belong together; a node on a bus needs --bus and --id"
    if "--peers" in options and options["--id"] not in options["--peers"].split(","):
        return words, options, f"--id {options['--id']} is none of --peers {options['--peers']}"
    return words, options, ""


def _names() -> list[str]:
    from . import workloads

    return sorted(module.name for module in iter_modules(workloads.__path__))


def _usage() -> str:
    from . import workloads

    captions = {name: import_module(f"{workloads.__name__}.{name}").__doc__ or "" for name in _names()}
    return _USAGE.format(
        workloads="".join(f"  {name:<17}{text.splitlines()[0]}\n" for name, text in captions.items())
    )
