"""Handlers that run in processes, which find them in a module."""

import os
import signal
import subprocess
import sys
import threading

from messenger.workflow import Context, CursorRange, LeaseLost, PermanentError, RetryLater, step


class Unreadable(Exception):
    """Made of two arguments, of which pickle keeps one."""

    def __init__(self, one, other):
        super().__init__(f"{one} and {other}")


def double(context):
    return context.input * 2


def everything(context):
    return [getattr(context, name) for name in Context.__struct_fields__ if name != "send_heartbeat"]


def pid(context):
    return os.getpid()


def leave(context):
    os._exit(7)


def exit_as_a_program(context):
    sys.exit(3)


def kill_itself(context):
    os.kill(os.getpid(), signal.SIGKILL)


def hang(context):
    """Tell who hangs, and do."""
    context.heartbeat(os.getpid())
    threading.Event().wait()


def hang_with_another(context):
    """Tell whom else it has started; hang."""
    with subprocess.Popen(["sleep", "1000"]) as other:
        context.heartbeat([os.getpid(), other.pid])
        threading.Event().wait()


def beat_until_lost(context):
    """Tell who works, and go on until that is refused; then write so where the input says."""
    try:
        while True:
            context.heartbeat(os.getpid())
    except LeaseLost:
        with open(context.input, "w") as told:
            told.write("lost")
        raise


def raise_value_error(context):
    raise ValueError("no such account")


def raise_permanent(context):
    raise PermanentError("no such account")


def raise_retry_later(context):
    raise RetryLater(90, "the bank is closed")


def raise_unreadable(context):
    raise Unreadable("one", "other")


def return_a_lambda(context):
    return lambda: None


def return_bytes(context):
    return bytes(context.input)


def print_loudly(context):
    print("not an answer")
    os.write(1, b"nor this\n")
    return sys.stdin.read()


@step(runs_in="process")
def ship(context): ...


def choose(context):
    return [ship]


def split(context):
    return [CursorRange(0, 5)]
