"""The `messenger` command: finds the room, then leaves the rest to that room's command."""

import sys
from importlib import import_module

_ROOMS = {
    "node": "run a Maelstrom node on stdin and stdout",
    "maelstrom": "test node processes on a simulated network, without Java",
    "bus": "publish, subscribe and request; measure the tail",
    "workflow": "run workflows that survive a crash, on PostgreSQL",
    "gate": "judge a pytest-benchmark run against baselines",
}

# What belongs to another extra than its room's.
_EXTRAS = {"jinja2": "report", "plotly": "report", "pyinstrument": "profile"}

_USAGE = (
    "usage: messenger ROOM ...\n\nrooms:\n"
    + "".join(f"  {room:<11}{caption}\n" for room, caption in _ROOMS.items())
    + "\nmessenger ROOM --help tells more, with examples; messenger --version tells which this is.\n"
)


def main(argv: list[str] | None = None) -> int:
    """Run `messenger ROOM ...`; exit codes are 0 yes, 1 no, 2 wrong usage, 3 could not tell."""
    room, *rest = (sys.argv[1:] if argv is None else argv) or ["--help"]
    if room in ("-h", "--help"):
        sys.stdout.write(_USAGE)
        return 0
    if room == "--version":
        from importlib.metadata import version

        sys.stdout.write(f"messenger {version('messenger')}\n")
        return 0
    if room not in _ROOMS:
        sys.stderr.write(f"messenger: no room is called {room!r}\n\n{_USAGE}")
        return 2
    try:
        return int(import_module(f"messenger.{room}.command").main(rest))
    except ModuleNotFoundError as error:  # a verb may import what it alone needs
        if (error.name or "").startswith("messenger"):
            raise
        extra = _EXTRAS.get(error.name or "", room)
        sys.stderr.write(
            f"messenger {room}: package {error.name!r} is not installed; "
            f"install messenger again with its extra {extra!r}: pip install '.[{extra}]' in its checkout\n"
        )
        return 2


if __name__ == "__main__":
    sys.exit(main())
