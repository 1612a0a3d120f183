"""Queries: one statement a file, named after the function that runs it."""

from functools import cache
from importlib.resources import files


@cache
def query(name: str) -> bytes:
    """Return the statement *name*, as psycopg takes it."""
    return files(__package__).joinpath(f"{name}.sql").read_bytes()
