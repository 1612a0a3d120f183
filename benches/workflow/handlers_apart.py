"""Handlers in other processes: functions that a pool finds, and a program that answers JSON lines."""

import json
import sys


def double(context):
    return context.input * 2


def double_number(number):
    return number * 2


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps({"result": json.loads(line)["input"] * 2}), flush=True)
