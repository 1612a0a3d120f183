"""Migrate a database: applies the numbered files of `migrations/` that it has not seen, in order."""

import hashlib
import re
from importlib.resources import files
from importlib.resources.abc import Traversable

import msgspec
import psycopg
from psycopg.pq import TransactionStatus

from .errors import WorkflowError
from .postgres.connection import connect, without_password
from .postgres.programs import OLDEST_VERSION
from .queries import query

_FILE = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")


class MigrationFailed(WorkflowError):
    """A migration that the database refused; nothing of it has happened."""


class MigrationsDisagree(WorkflowError):
    """The database was migrated by other files than these."""


class BadMigrations(WorkflowError):
    """Files that are no sequence of migrations."""


class Migration(msgspec.Struct, frozen=True):
    """A file of SQL that is applied once, in a transaction of its own."""

    number: int
    name: str
    statements: bytes
    checksum: str

    def __str__(self) -> str:
        return f"{self.number:04}_{self.name}"


def migrate(url: str, folder: Traversable | None = None) -> list[Migration]:
    """Apply what is missing and return it; several processes may do this at once.

    Every file has a transaction of its own: after an error, those before it stay applied.

    Raises:
        MigrationFailed: the database refused one, or its PostgreSQL is older than 15.
        MigrationsDisagree: a file has changed since it was applied, or the database is ahead of the files.
        BadMigrations: the files in *folder* are no sequence.
        BadUrl, CannotConnect: as `connect` does.
    """
    migrations = read_migrations(folder)
    applied = []
    with connect(url) as connection:
        if connection.info.server_version < OLDEST_VERSION * 10_000:
            raise MigrationFailed(
                f"{without_password(url)} is PostgreSQL {connection.info.server_version // 10_000}; "
                f"workflows need {OLDEST_VERSION} or later"
            )
        try:
            while (migration := _apply_next(connection, migrations)) is not None:
                applied.append(migration)
        except MigrationsDisagree as error:
            raise MigrationsDisagree(f"{without_password(url)}: {error}") from None
        except psycopg.Error as error:
            raise MigrationFailed(
                f"{without_password(url)}: cannot read which migrations it has: {str(error).strip()}"
            ) from error
    return applied


def read_migrations(folder: Traversable | None = None) -> list[Migration]:
    """Read the migrations of *folder*, or our own, in order.

    Raises:
        BadMigrations: they are not numbered 0001, 0002 and so on.
    """
    found = files(__package__).joinpath("migrations") if folder is None else folder
    paths = sorted(
        (path for path in found.iterdir() if path.name.endswith(".sql")), key=lambda path: path.name
    )
    migrations = []
    for number, path in enumerate(paths, 1):
        matched = _FILE.fullmatch(path.name)
        if matched is None or int(matched[1]) != number:
            raise BadMigrations(f"{path.name} should be called {number:04}_NAME.sql: numbers leave no gap")
        statements = path.read_bytes().replace(b"\r\n", b"\n")  # as git may have written it
        checksum = hashlib.sha256(statements).hexdigest()
        migrations.append(Migration(number, matched[2], statements, checksum))
    return migrations


def _apply_next(connection: psycopg.Connection, migrations: list[Migration]) -> Migration | None:
    """Apply the first that the database does not have, and return it."""
    with connection.transaction():
        connection.execute(query("lock_migrations"))
        count = _count_applied(connection, migrations)
        if count == len(migrations):
            return None
        migration = migrations[count]
        connection.execute(query("use_schema"))
        try:
            connection.execute(migration.statements)
        except psycopg.Error as error:
            raise MigrationFailed(
                f"{migration}.sql failed, and nothing of it is applied: {_describe(error)}"
            ) from error
        if connection.info.transaction_status != TransactionStatus.INTRANS:
            raise MigrationFailed(
                f"{migration}.sql ended the transaction that it runs in; take COMMIT and ROLLBACK out of it"
            )
        connection.execute(query("record_migration"), (migration.number, migration.name, migration.checksum))
    return migration


def _count_applied(connection: psycopg.Connection, migrations: list[Migration]) -> int:
    """Return how many the database has, after making sure that it has these."""
    if connection.execute(query("has_migrations")).fetchone() != (True,):
        return 0
    applied = connection.execute(query("applied_migrations")).fetchall()
    for (number, name, checksum), migration in zip(applied, migrations, strict=False):
        if (number, name, checksum) != (migration.number, migration.name, migration.checksum):
            raise MigrationsDisagree(
                f"{migration}.sql is not the file that was applied as {number:04}_{name} "
                f"(SHA-256 {checksum[:12]}, now {migration.checksum[:12]}); "
                "restore it, and put what you want to change in a new file"
            )
    if len(applied) > len(migrations):
        number, name, _ = applied[-1]
        raise MigrationsDisagree(
            f"it has migration {number:04}_{name}, and this messenger knows {len(migrations)}; "
            "install the version of messenger that migrated it, or a newer one"
        )
    return len(applied)


def _describe(error: psycopg.Error) -> str:
    where = error.diag.statement_position
    return str(error).strip() + (f" (at character {where} of the file)" if where else "")
