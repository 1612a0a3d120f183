"""`messenger workflow work`: what it serves, when it ends, and what it survives."""

import json
import os
import signal

import psycopg
import pytest

from messenger.workflow.migrate import migrate

from .processes import processes_in
from .verbs import ORDERS, run, said, start

READY = "is ready for"


@pytest.fixture
def waiting(command, project, database):
    """A worker that runs a step, and what lets that step end."""
    os.mkfifo(project / "fifo")
    command("submit", "waits", "--input", json.dumps(str(project / "fifo")))
    worker = start("work", "waits", "--lease-seconds", "3600", "--url", database)
    assert worker.stdout.readline() == "begun\n"
    yield worker, lambda: (project / "fifo").write_text("on")
    worker.kill()
    worker.communicate()


def test_once_ends_when_nothing_is_left_to_do(command):
    """For a test in CI, and for a demonstration; what fails is tried again first."""
    command("submit", "orders", "--input", '{"items": [1]}')
    command("submit", "orders", "--input", '{"items": []}')
    command("submit", "orders", "--input", "{}", "--due-at", "2099-01-01T00:00:00Z")

    status, out, err = command("work", "orders", "--once", "--name", "me")

    assert (status, out) == (0, "")
    assert "messenger workflow: worker me is ready for orders 1 (reserve, charge) in " in err
    tasks = json.loads(command("tasks", "--json")[1])
    assert [task["state"] for task in tasks] == ["pending", "error", "complete"]


def test_it_says_what_it_serves_without_the_password(project, database):
    worker = start("work", "orders", "waits:waits", "loads", "--url", database)
    line = said(worker, READY)
    worker.terminate()
    worker.communicate()

    assert "orders 1 (reserve, charge), waits 1 (wait), loads 1 (split, load, total) in " in line
    assert "password" not in line


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_lets_end_what_runs(waiting, command, number):
    """And nothing more is claimed."""
    worker, go_on = waiting
    worker.send_signal(number)
    said(worker, "stopping when what runs has ended")
    command("submit", "waits", "--input", '"/dev/null"')

    go_on()

    assert worker.wait(30) == 0
    assert [task["state"] for task in json.loads(command("tasks", "--json")[1])] == ["pending", "complete"]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_the_second_gives_back_what_runs(waiting, command, project, number, status):
    """Its lease is of an hour; another worker has it at once all the same."""
    worker, _ = waiting
    worker.send_signal(number)
    said(worker, "once more to end at once")
    worker.send_signal(number)
    said(worker, "ended; what ran was given back")
    assert worker.wait(30) == status

    (project / "fifo").unlink()
    (project / "fifo").write_text("a plain file")
    command("work", "waits", "--once")

    task = json.loads(command("show", "1", "--json", "--results")[1])
    assert (task["results"], task["steps"][0]["attempt"]) == ({"wait": "a plain file"}, 2)


def test_a_killed_worker_ends_nothing_but_itself(waiting, command, project, database):
    """The lease that it held runs out, and another one does the step."""
    worker, _ = waiting
    worker.kill()
    worker.wait()
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE messenger_workflow.queue SET due_at = clock_timestamp()")  # an hour later

    (project / "fifo").unlink()
    (project / "fifo").write_text("a plain file")
    command("work", "waits", "--once")

    assert command("show", "1")[0] == 0


def test_it_waits_for_a_database_that_was_killed(project, server):
    """A worker that ended with it would have to be started by hand, at night."""
    migrate(server.url)
    worker = start("work", "orders", "--url", server.url, "--poll-seconds", "0.05")
    said(worker, READY)

    server.kill()
    said(worker, "WARNING")
    server.start()
    submitted = run("submit", "orders", "--input", '{"items": [1]}', "--wait", "--url", server.url)

    assert submitted[:2] == (0, '{"reserve":{"items":[1]},"charge":1}\n')
    worker.terminate()
    worker.communicate(timeout=30)
    assert worker.returncode == 0


def test_who_waits_or_watches_waits_for_the_database_too(project, server):
    """A restart of the database takes seconds; a script that waits for hours is not to be lost to it."""
    migrate(server.url)
    url = ("--url", server.url)
    task_id = run("submit", "orders", "--input", '{"items": [1]}', *url)[1].strip()
    waiting = start("submit", "orders", "--input", '{"items": [1, 2]}', "--wait", *url)
    said(waiting, "waiting for task")
    watching = start("show", task_id, "--watch", *url)
    watching.stdout.readline()

    server.kill()
    said(watching, "asking again until it answers")
    server.start()
    run("work", "orders", "--once", *url)

    assert waiting.communicate(timeout=60)[0] == '{"reserve":{"items":[1,2]},"charge":2}\n'
    assert watching.communicate(timeout=60)[0].splitlines()[-1].endswith("complete, 2 of 2 steps complete")
    assert (waiting.returncode, watching.returncode) == (0, 0)


def test_commands_share_a_server_whichever_is_first(project, folder):
    """Nothing is named, and nothing started by hand; a worker outlives the command that was first."""
    environment = {"MESSENGER_POSTGRES_FOLDER": folder}
    submitting = start("submit", "orders", "--input", '{"items": [1]}', "--wait", **environment)
    said(submitting, "waiting for task")
    worker = start("work", "orders", **environment)

    assert submitting.communicate(timeout=60)[0] == '{"reserve":{"items":[1]},"charge":1}\n'
    said(worker, "this one runs it now")
    again = run("submit", "orders", "--input", '{"items": [1, 2]}', "--wait", **environment)
    worker.terminate()
    worker.communicate(timeout=60)

    assert (again[:2], worker.returncode) == ((0, '{"reserve":{"items":[1,2]},"charge":2}\n'), 0)
    assert processes_in(folder) == []


def test_what_was_submitted_is_kept_until_there_is_a_worker(project, folder):
    """The server of a command that submits ends with it, and the task does not."""
    environment = {"MESSENGER_POSTGRES_FOLDER": folder}

    submitted = run("submit", "orders", "--input", '{"items": [1]}', **environment)
    worked = run("work", "orders", "--once", **environment)
    shown = run("show", submitted[1].strip(), **environment)

    assert [submitted[0], worked[0], shown[0]] == [0, 0, 0]
    assert " orders 1: complete, 2 of 2 steps complete" in shown[1]


BROKEN = {
    "raises.py": "def f(n):\n    return g(n - 1) if n else 1 / 0\ndef g(n):\n    return f(n)\nf(25)\n",
    "lacks.py": "import no_such_package\n",
    "leaves.py": "raise SystemExit(7)\n",
    "syntax.py": "def f(:\n",
    "invalid.py": 'from messenger.workflow import Workflow\nempty = Workflow("e", version="1", steps=[])\n',
    "nothing.py": "from messenger.workflow import Workflow\n",
    "twice.py": ORDERS + "\n@step\ndef other(context): ...\n"
    'clash = Workflow("x", version="1", steps=[step(name="a", handler="charge")(other.function)])\n',
}


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["order"], "there is no module 'order' in "),
        (["order"], "did you mean 'orders'?"),
        (["orders.py"], "did you mean 'orders'?"),
        (["orders.steps"], "there is no module 'orders.steps'"),
        (["./orders.py"], "'./orders.py' is no name of a module; write orders"),
        (["a..b"], "'a..b' is no name of a module"),
        ([""], "'' is no name of a module"),
        (["\udcff"], "it is not UTF-8"),
        (["orders:order"], "'order' is not there in module 'orders'"),
        (["orders:order"], "did you mean 'orders'?"),
        (["orders:reserve"], "'reserve' is StepFunction, not Workflow"),
        (["orders:"], "'' is not there in module 'orders'"),
        (["nothing"], "holds no workflow; make one"),
        (["raises"], "ZeroDivisionError: division by zero"),
        (["raises"], 'raises.py", line 5, in <module>\n    f(25)\n'),
        (["raises"], "  ... 44 more\n"),
        (["lacks"], "No module named 'no_such_package'"),
        (["leaves"], "SystemExit: 7"),
        (["syntax"], "SyntaxError: invalid syntax"),
        (["invalid"], "template 'e' cannot be used"),
        (["twice"], "handler 'charge' is "),
        (["orders", "--concurrency", "0"], "--concurrency"),
        (["orders", "--threads", "1001"], "--threads"),
        (["orders", "--processes", "none"], "--processes"),
        (["orders", "--lease-seconds", "nan"], "--lease-seconds"),
        (["orders", "--poll-seconds", "inf"], "--poll-seconds"),
        (["orders", "--log-level", "loud"], "--log-level"),
        ([], "Missing argument"),
    ],
)
def test_what_cannot_be_served_is_wrong_usage(command_on, quiet_database, project, argv, words):
    for name, text in BROKEN.items():
        (project / name).write_text(text)

    status, out, err = command_on(quiet_database, "work", *argv)

    assert (status, out) == (2, "")
    assert words in err
    assert "load_workflows" not in err


def test_a_database_that_is_not_ready_says_what_to_run(command_on, empty_database):
    status, _, err = command_on(empty_database, "work", "orders")

    assert status == 3
    assert "run: messenger workflow migrate" in err
