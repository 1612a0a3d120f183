"""A way to PostgreSQL that takes time, as a process: `... distant_server FOLDER URL ROUND_TRIP_MS`.

It serves on a socket in FOLDER, says when it is ready, and ends when its input does. Half of the time
is spent on what is sent, half on what is answered, and up to 2 ms more: the loop has whole
milliseconds.
"""

import asyncio
import sys

from psycopg.conninfo import conninfo_to_dict


async def main(folder: str, url: str, round_trip_ms: str) -> None:
    where = conninfo_to_dict(url)
    delay_seconds = float(round_trip_ms) / 2000
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Timers of one length end in the order in which they began, and do not keep the next data waiting.
        while data := await reader.read(65536):
            loop.call_later(delay_seconds, writer.write, data)
        loop.call_later(delay_seconds, writer.close)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_unix_connection(f"{where['host']}/.s.PGSQL.{where['port']}")
        await asyncio.gather(pump(reader, there[1]), pump(there[0], writer))

    await asyncio.start_unix_server(serve, f"{folder}/.s.PGSQL.5432")
    loop.add_reader(sys.stdin, ended.set)
    print("ready", flush=True)
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
