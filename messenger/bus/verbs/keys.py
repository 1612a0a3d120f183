"""`messenger bus keys`: a pair of keys for one end of an encrypted link."""

from pathlib import Path

import click

_EPILOG = """\b
Examples:
  messenger bus keys hub --folder keys
  messenger bus keys worker --folder keys && cp keys/worker.key friends/
  messenger bus serve zmq+tcp://0.0.0.0:5555 --secret keys/hub.key_secret --clients friends/

In a worker, then:
  connect("zmq+tcp://HOST:5555", curve=Curve(secret="worker.key_secret", server="hub.key"))"""


@click.command("keys", short_help="make keys for zmq+tcp://", epilog=_EPILOG)
@click.argument("name")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    metavar="FOLDER",
    help="Where to. Default: here.",
)
def command(name: str, folder: Path) -> int:
    """Write NAME.key, for others to know us by, and NAME.key_secret, for nobody else."""
    from ..zeromq_keys import write_keys

    if not name.replace("-", "").replace("_", "").isalnum():
        raise click.BadParameter(f"{name!r} is no name; write letters, digits, - and _", param_hint="NAME")
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / f"{name}.key_secret").exists():
        raise click.UsageError(
            f"{folder / name}.key_secret is there already; whoever knows it would be locked out"
        )
    for path in write_keys(folder, name):
        click.echo(path)
    return 0
