"""Finds a PostgreSQL to work with: yours, one that runs, or one that is started for as long as needed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .shared_server import SharedServer

URL_VARIABLE = "MESSENGER_POSTGRES_URL"
FOLDER_VARIABLE = "MESSENGER_POSTGRES_FOLDER"


@contextmanager
def open_postgres(url: str | None = None, *, folder: str | Path | None = None) -> Iterator[str]:
    """Yield the URL of a database: *url*, or MESSENGER_POSTGRES_URL, or else one of *folder*.

    The folder's server is joined when another process runs it, and started otherwise; it runs until the last
    of these blocks ends. Without *folder*, it is `default_folder()`.

    Raises:
        WorkflowError: no server is named, and none can be started.
    """
    if named := url or os.environ.get(URL_VARIABLE):
        yield named
        return
    with SharedServer(folder or default_folder()) as server:
        yield server.url


def default_folder() -> Path:
    """Return where the data lie when nobody says: MESSENGER_POSTGRES_FOLDER, or where programs do."""
    if named := os.environ.get(FOLDER_VARIABLE):
        return Path(named)
    if os.geteuid() == 0:  # not its home: the user that the server runs as could not reach it
        return Path("/var/lib/messenger/postgres")
    home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(home) / "messenger" / "postgres"
