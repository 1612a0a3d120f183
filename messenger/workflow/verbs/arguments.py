"""Arguments that several verbs take, and what several of them write."""

import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from math import isnan
from typing import Any

import click
import msgspec

MOST = (1 << 63) - 1
DATABASE = (
    "Without --url and MESSENGER_POSTGRES_URL, a PostgreSQL of our own is used, with its data in "
    "MESSENGER_POSTGRES_FOLDER, or else ~/.local/share/messenger/postgres (of root, "
    "/var/lib/messenger/postgres). Commands that run at the same time share it; it starts with the first "
    "of them and ends with the last."
)


class Text(click.ParamType[str]):
    """What the database can store: a shell passes on bytes that are no UTF-8."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return *value*, or refuse it."""
        try:
            str(value).encode()
        except UnicodeEncodeError:
            self.fail("it is not UTF-8; write it as UTF-8", param, ctx)
        return str(value)


class Json(click.ParamType[Any]):
    """A JSON text, as the value that it is."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return what *value* says, or refuse it."""
        try:
            return parse_json(value)
        except ValueError as error:
            self.fail(f"it is not JSON: {error}; text is written in double quotes: '\"text\"'", param, ctx)


class Seconds(click.FloatRange):
    """A number of seconds; Python's not-a-number is in every range, as no comparison with it holds."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return *value*, or refuse it."""
        seconds = float(super().convert(value, param, ctx))
        if isnan(seconds):
            self.fail(f"{value!r} is no number of seconds", param, ctx)
        return seconds


def _url(otherwise: str) -> Callable[[Any], Any]:
    return click.option(
        "--url", metavar="URL", envvar="MESSENGER_POSTGRES_URL", help=f"The database; otherwise {otherwise}."
    )


url = _url("see above")
url_or_our_own = _url("one of our own is started, in MESSENGER_POSTGRES_FOLDER")
as_json = click.option("--json", "as_json", is_flag=True, help="Write JSON to stdout, and nothing else.")
task_id = click.argument("task_id", metavar="TASK", type=click.IntRange(1, MOST))
step = click.argument("step", type=Text())
reason = click.option(
    "--reason", type=Text(), default="", metavar="TEXT", help="Why, for whoever reads the task's history."
)


def examples(*lines: str, exits: str) -> str:
    """Return the end of a verb's help: what to type, and its exit statuses."""
    shown = "\n".join(f"  {line}" for line in lines)
    return f"\b\nExamples:\n{shown}\n\nExit status: {exits}"


def parse_json(text: str | bytes) -> Any:
    """Return what *text* says.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        return msgspec.json.decode(text.encode() if isinstance(text, str) else text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise ValueError(str(error)) from error


def write_json(value: Any) -> None:
    """Write *value* as a line of JSON, in UTF-8 whatever the terminal's encoding."""
    click.echo(msgspec.json.encode(value))


def say(text: str) -> None:
    """Tell *text* to whoever sits there, not to the program that reads the result."""
    sys.stderr.write(f"messenger workflow: {text}\n")
    sys.stderr.flush()


def say_migrated(url: str, applied: int) -> None:
    """Tell how many migrations the database at *url*, in words without a password, has got."""
    say(f"{url}: {applied or 'no'} migration{'s' * (applied != 1)} applied")


def moment(at: datetime | None) -> str:
    """Return *at* in UTC, to the second."""
    return "" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def named(snapshot: Mapping[str, Any]) -> str:
    """Return the name of a workflow, with the namespace unless that is the default one."""
    namespace, workflow = snapshot.get("namespace"), snapshot.get("workflow")
    return f"{workflow}" if namespace == "default" else f"{namespace}/{workflow}"
