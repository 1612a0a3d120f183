"""`messenger bus serve`: what connections meet in, as a process of its own."""

from pathlib import Path

import click

_EPILOG = """\b
Examples:
  messenger bus serve zmq+ipc:///run/user/1000/bus
  messenger bus serve zmq+tcp://127.0.0.1:5555
  messenger bus serve zmq+tcp://0.0.0.0:5555 --secret hub.key_secret --clients friends/
  messenger bus serve nats --folder /var/lib/messages

Exit status: 0 it was told to stop, 2 it cannot be served so."""


@click.command("serve", short_help="run a hub, or a NATS server", epilog=_EPILOG)
@click.argument("what", metavar="URL|nats")
@click.option(
    "--secret",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="ZeroMQ: the hub's NAME.key_secret, which others need NAME.key to talk to.",
)
@click.option(
    "--clients",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="ZeroMQ: where the NAME.key of everybody lies who may come in.",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=4222, show_default=True, help="NATS: 0 is any."
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="NATS: where streams are kept, and implies --jetstream; without one they end with the server.",
)
@click.option("--jetstream", is_flag=True, help="NATS: keep streams, for durable subscriptions.")
def command(
    what: str, secret: Path | None, clients: Path | None, port: int, folder: Path | None, jetstream: bool
) -> int:
    """Run a ZeroMQ hub at URL, or a NATS server on 127.0.0.1, until SIGTERM or Ctrl-C.

    The URL to connect to is written to stdout once it can be connected to.
    """
    if what == "nats":
        if secret or clients:
            raise click.UsageError("--secret and --clients are for zmq+tcp://; NATS has users, and TLS")
        from ..nats_server import serve as serve_nats

        serve_nats(port=port or None, folder=folder, jetstream=jetstream or folder is not None)
        return 0
    if not what.startswith(("zmq+ipc://", "zmq+tcp://")):
        raise click.UsageError(f"cannot serve {what!r}; write zmq+ipc:///PATH, zmq+tcp://HOST:PORT or nats")
    if bool(secret) != bool(clients):
        raise click.UsageError("--secret and --clients belong together: whose key, and who may come in")
    if folder or jetstream:
        raise click.UsageError("--folder and --jetstream are for nats; a ZeroMQ hub keeps nothing")
    from ..zeromq_hub import serve
    from ..zeromq_keys import Curve

    serve(what, Curve(secret=secret, clients=clients) if secret else None)
    return 0
