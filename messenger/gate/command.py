"""`messenger gate`: judges benchmarks against baselines, or makes baselines of them."""

import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from importlib import import_module
from importlib.util import find_spec

import click

from .error import GateError
from .verbs.arguments import EXITS
from .workflow_command import GitHubLog, obeyed, write_command

# What the processes that measure need; they would say so one by one, and late.
_NEEDED = ("pytest", "pytest_benchmark", "rich")
_VERBS = (
    "check",
    "accept",
    "report",
    "explain",
    "history",
    "doctor",
    "profile",
    "bisect",
    "judge",
    "self-check",
)
_WRONG_USAGE = 2


def main(argv: Sequence[str]) -> int:
    """Run `messenger gate ...` and return its exit status: 0 yes, 1 no, 2 wrong usage, 3 could not tell."""
    for package in _NEEDED:
        if find_spec(package) is None:
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)
    _replace_unprintable()
    _leave_tidily()
    if not obeyed():
        return _run(argv)
    # Names of benchmarks are arbitrary text, and GitHub obeys what it reads in a log.
    with redirect_stdout(GitHubLog(sys.stdout)) as out, redirect_stderr(GitHubLog(sys.stderr)) as err:
        try:
            return _run(argv)
        finally:
            with suppress(OSError):
                out.flush()
            err.flush()


def _run(argv: Sequence[str]) -> int:
    try:
        status = int(_gate.main(list(argv), prog_name="messenger gate", standalone_mode=False) or 0)
        sys.stdout.flush()
    except GateError as error:
        sys.stderr.write(f"messenger gate: {error}\n")
        if isinstance(sys.stdout, GitHubLog):
            sys.stdout.obey(write_command("error", str(error), title="messenger gate") + "\n")
        if error.exit_code != _WRONG_USAGE:
            sys.stdout.write("NOT JUDGED: the reason is on stderr.\n")
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        sys.stderr.write("messenger gate: interrupted; nothing was judged\n")
        return 130
    except OSError as error:
        # A full disk, or a reader who has read enough; Python must not complain again while it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.stderr.write(f"messenger gate: cannot write to stdout: {error.strerror}\n")
        return 2
    return status


class _Verbs(click.Group):
    """A group whose verbs are modules, in the order in which people meet them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _VERBS:
            return None
        module = import_module(f"{__package__}.verbs.{cmd_name.replace('-', '_')}")
        verb: click.Command = module.command
        return verb


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]}, epilog=EXITS)
def _gate() -> None:
    """Judge a pytest-benchmark run against the numbers in the repository."""


def _leave_tidily() -> None:
    """Let a closed terminal or a polite kill unwind everything: processes, worktrees, temporary folders."""
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):
            if (number := getattr(signal, name, None)) is not None:
                signal.signal(number, _leave)


def _leave(number: int, _frame: object) -> None:
    # Not through sys.stderr, which may be in the middle of something itself.
    os.write(2, b"messenger gate: terminated; nothing was judged\n")
    raise SystemExit(128 + number)


def _replace_unprintable() -> None:
    """Write `?` for what the terminal's encoding lacks; a check mark must not end a gate with a traceback."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
