"""`messenger bus`: what people do with a bus from a shell."""

import os
import signal
import sys
import threading
from collections.abc import Sequence
from importlib import import_module

import click

from .errors import BadUrl, BusError, Unsupported
from .latency.part import CannotMeasure
from .subject import BadSubject

_VERBS = ("latency", "serve", "keys")
_EXITS = "Exit status: 0 yes, 1 no, 2 wrong usage or input, 3 could not tell."


def main(argv: Sequence[str]) -> int:
    """Run `messenger bus ...` and return its exit status: 0 yes, 1 no, 2 wrong usage, 3 could not tell."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _leave)
    try:
        status = int(_bus.main(list(argv), prog_name="messenger bus", standalone_mode=False) or 0)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        sys.stderr.write("messenger bus: interrupted\n")
        return 130
    except (BadUrl, BadSubject, Unsupported) as error:
        sys.stderr.write(f"messenger bus: {error}\n")
        return 2
    except CannotMeasure as error:
        sys.stderr.write(f"messenger bus: {error}\n")
        return error.exit_code
    except BusError as error:
        sys.stderr.write(f"messenger bus: {error}\n")
        return 3
    except BrokenPipeError:
        # A reader who has read enough; Python must not complain again while it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    return status


class _Verbs(click.Group):
    """A group whose verbs are modules, in the order in which people meet them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _VERBS:
            return None
        verb: click.Command = import_module(f"{__package__}.verbs.{cmd_name.replace('-', '_')}").command
        return verb


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]}, epilog=_EXITS)
def _bus() -> None:
    """Publish, subscribe and request; measure the tail."""


def _leave(number: int, _frame: object) -> None:
    """Let a polite kill unwind everything: processes, sockets, temporary folders."""
    os.write(2, b"messenger bus: terminated\n")  # sys.stderr may be in the middle of something itself
    raise SystemExit(128 + number)
