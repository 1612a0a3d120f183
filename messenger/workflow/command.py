"""`messenger workflow`: what people do with workflows from a shell."""

import os
import signal
import sys
import threading
from collections.abc import Sequence
from importlib import import_module

import click

from .client import BadTask, UnknownTask, WrongState
from .errors import WorkflowError
from .input_schema import BadInput
from .json_value import NotJson
from .load_workflows import CannotLoad
from .migrate import MigrationFailed, MigrationsDisagree
from .outcome import BadResult
from .postgres.connection import BadUrl
from .problem import BadTemplate
from .session import Refused
from .store import TemplateChanged

_VERBS = (
    "work",
    "submit",
    "show",
    "tasks",
    "dead-letters",
    "retry",
    "resolve",
    "cancel",
    "migrate",
    "serve",
)
_WRONG = (
    BadInput,
    BadResult,
    BadTask,
    BadTemplate,
    BadUrl,
    CannotLoad,
    NotJson,
    Refused,
    TemplateChanged,
    UnknownTask,
)
_NO = (MigrationFailed, MigrationsDisagree, WrongState)
_EXITS = "Exit status: 0 yes, 1 no, 2 wrong usage or input, 3 could not tell."


def main(argv: Sequence[str]) -> int:
    """Run `messenger workflow ...` and return its exit status: 0 yes, 1 no, 2 wrong, 3 could not tell."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _leave)
    _replace_unprintable()
    try:
        status = int(_workflow.main(list(argv), prog_name="messenger workflow", standalone_mode=False) or 0)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        sys.stderr.write("messenger workflow: interrupted\n")
        return 130
    except (WorkflowError, *_WRONG) as error:
        sys.stderr.write(f"messenger workflow: {error}\n")
        return _exit_code(error)
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
def _workflow() -> None:
    """Run workflows that survive a crash, on PostgreSQL."""


def _exit_code(error: Exception) -> int:
    if isinstance(error, _WRONG):
        return 2
    return 1 if isinstance(error, _NO) else 3


def _replace_unprintable() -> None:
    """Write `?` for what the terminal's encoding lacks; a name must not end a command with a traceback."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def _leave(number: int, _frame: object) -> None:
    """Let a polite kill unwind everything: connections, servers, temporary folders."""
    os.write(2, b"messenger workflow: terminated\n")  # sys.stderr may be in the middle of something itself
    raise SystemExit(128 + number)
