"""A program that does as its input says: what a subprocess handler in another language would be."""

import json
import os
import signal
import subprocess
import sys


def say(**answer):
    print(json.dumps(answer), flush=True)


def say_lines(lines):
    for line in lines:
        print(line, flush=True)


def fail(code):
    print("no disk", file=sys.stderr, flush=True)
    sys.exit(code)


def hang(_):
    with subprocess.Popen(["sleep", "1000"]) as other:
        say(heartbeat=[os.getpid(), other.pid])
        signal.pause()


def beat_forever(_):
    while True:
        say(heartbeat=os.getpid())


def answer_and_beat(_):
    say(result="done")
    beat_forever(_)


def write_to_stderr(lines):
    sys.stderr.write(("x" * 99 + "\n") * lines)
    say(result="written")


def write_a_long_line(size):
    sys.stdout.write("x" * size)
    sys.stdout.flush()
    signal.pause()


def say_and_leave(result):
    say(result=result)
    os._exit(0)


def leave_another_behind(_):
    say(heartbeat=subprocess.Popen(["sleep", "1000"]).pid)
    os._exit(1)


DOES = {
    "answer_and_beat": answer_and_beat,
    "say": say_lines,
    "fail": fail,
    "kill": lambda number: os.kill(os.getpid(), number),
    "hang": hang,
    "beat_forever": beat_forever,
    "write_to_stderr": write_to_stderr,
    "write_a_long_line": write_a_long_line,
    "leave_another_behind": leave_another_behind,
    "say_and_leave": say_and_leave,
    "pid": lambda _: say(result=os.getpid()),
}

for line in sys.stdin:
    request = json.loads(line)
    [(what, argument)] = request["input"].items()
    DOES.get(what, lambda _, request=request: say(result=request))(argument)
