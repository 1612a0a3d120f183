"""Session: one connection that is lost, found again, and never left half ready."""

import asyncio

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from messenger.workflow import store
from messenger.workflow.postgres.connection import CannotConnect
from messenger.workflow.session import Refused, Session
from messenger.workflow.store import NewTask

from .attempts import on_a_loop
from .cutter import cutter
from .templates import step, template


def statements(count):
    """Cut the connection when the client has sent so many statements after it was let in."""
    seen = []

    def cut(data):
        if data[:1] in (b"P", b"Q", b"B"):  # Parse, Query, Bind
            seen.append(data)
        return len(seen) == count

    return cut


@on_a_loop
async def test_a_connection_that_was_lost_meanwhile_is_opened_again(shared_database):
    """Nothing was asked of it, so nothing is in doubt: after a restart of the server, nobody need be told."""
    async with Session(shared_database) as session:
        connection = await session.connect()
        with psycopg.connect(shared_database, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 10000)", [connection.info.backend_pid])

        assert await store.ended_tasks(session, [2**40]) == []


@on_a_loop
async def test_a_connection_that_is_lost_before_it_is_ready_is_one_that_cannot_be_had(postgres_url, place):
    """As when the server stops right then: whoever uses the session tries again."""
    async with cutter(postgres_url, place, statements(1)) as url, Session(url) as session:
        with pytest.raises(CannotConnect, match="cannot connect to"):
            await session.connect()


@on_a_loop
async def test_a_session_that_was_cancelled_while_it_connected_is_usable(shared_database, place):
    """Without its search path it would say that the database is not migrated."""
    asked, go_on = asyncio.Event(), statements(1)

    def cut(data):
        if go_on(data):
            asked.set()
        return False

    async with cutter(shared_database, place, cut) as url, Session(url) as session:
        connecting = asyncio.create_task(session.connect())
        await asked.wait()
        connecting.cancel()
        await asyncio.wait([connecting])

        number = await store.register_template(session, template(step("work"), namespace="cancelled"))

        assert [created.new for created in await store.create_tasks(session, [NewTask(number, "1")])] == [
            True
        ]


@on_a_loop
async def test_json_that_is_nested_too_deeply_is_refused(shared_database):
    """PostgreSQL's error looks like a lost connection, after which a worker would try for ever."""
    async with Session(shared_database) as session:
        number = await store.register_template(session, template(step("work"), namespace="deep"))

        with pytest.raises(Refused, match="stack depth"):
            await store.create_tasks(session, [NewTask(number, "[" * 100_000 + "]" * 100_000)])


@on_a_loop
async def test_a_database_s_own_isolation_level_is_not_ours(shared_database):
    """What locks first and reads then has to see what was committed meanwhile."""
    url = make_conninfo(shared_database, options="-cdefault_transaction_isolation=serializable")
    async with Session(url) as session:
        connection = await session.connect()

        cursor = await connection.execute("SHOW transaction_isolation")

        assert await cursor.fetchall() == [("read committed",)]
