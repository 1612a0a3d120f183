"""Stored tasks: a database as it is after a while, made in one go."""

from pathlib import Path

import psycopg

from messenger.workflow import store
from messenger.workflow.session import Session

from .catalogue import diamond, layers, linear, tree

WORKFLOWS = {each.template.name: each.template for each in (linear(3), diamond(), tree(), layers(100))}
STAGES = ("open", "running", "failed", "finished")


async def store_tasks(url: str, tasks: int) -> None:
    """Put so many tasks into the database, and let the planner know of them."""
    async with Session(url) as session:
        for template in WORKFLOWS.values():
            await store.register_template(session, template)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(Path(__file__).with_name("stored_tasks.sql").read_bytes(), {"tasks": tasks})
        connection.execute("VACUUM (ANALYZE)")
