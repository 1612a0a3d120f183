"""Cutter: a server between a client and PostgreSQL, which loses connections where a test wants it to."""

import asyncio
from contextlib import asynccontextmanager

from psycopg.conninfo import conninfo_to_dict, make_conninfo


@asynccontextmanager
async def cutter(url, folder, cut):
    """Yield a URL that leads to *url*; what the client sends is given to *cut*, and lost if that says so."""
    where = conninfo_to_dict(url)
    writers = set()

    async def pump(reader, writer, lost):
        while (data := await reader.read(65536)) and not lost(data):
            writer.write(data)
        writer.close()

    async def serve(reader, writer):
        theirs = await asyncio.open_unix_connection(f"{where['host']}/.s.PGSQL.{where['port']}")
        writers.update((writer, theirs[1]))
        there = asyncio.create_task(pump(reader, theirs[1], cut))
        await pump(theirs[0], writer, lambda data: False)
        await there

    server = await asyncio.start_unix_server(serve, f"{folder}/.s.PGSQL.5432")
    try:
        yield make_conninfo(url, host=str(folder), port=5432)
    finally:
        server.close()
        for writer in writers:
            writer.close()
