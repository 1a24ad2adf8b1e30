"""Alembic, run by the chassis: without env.py, without alembic.ini, through SQLAlchemy's asyncpg dialect."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias

from alembic.autogenerate import RevisionContext, produce_migrations
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations.ops import (
    AddColumnOp,
    AddConstraintOp,
    AlterColumnOp,
    CreateIndexOp,
    CreateTableOp,
    DropColumnOp,
    DropConstraintOp,
    DropIndexOp,
    DropTableOp,
    MigrateOperation,
    OpContainer,
)
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, MetaData, NullPool
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from arnia.chassis.constraints import constraint_differences
from arnia.chassis.models import LEFT
from arnia.errors import UsageError

__all__ = ["differences", "migrate", "write_revision"]

LOCK: Final = 0x41524E4941
"""The advisory lock that keeps two processes from migrating one database at once."""
LOCK_PAUSE: Final = 0.05
Alembic: TypeAlias = Any
"""What Alembic hands from one of its own functions to another; its types for that are private."""
TEMPLATE: Final = Path(__file__).parent / "revision_template"


async def migrate(metadata: MetaData, url: str, folder: Path, target: str, *, up: bool) -> bool:
    """Run the migrations between where the database is and `target`; return whether there were any."""
    script = _scripts(folder)

    def work(connection: Connection) -> bool:
        steps: list[Any] = []

        def plan(revision: Any, _: MigrationContext) -> list[Any]:
            between = script._upgrade_revs if up else script._downgrade_revs  # noqa: SLF001 - as alembic.command does
            steps.extend(between(target, revision))
            return steps

        with EnvironmentContext(Config(), script, fn=plan) as environment:
            environment.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
            environment.run_migrations()
        return bool(steps)

    async with _connection(url) as connection, _locked(connection):
        try:
            return await connection.run_sync(work)
        except CommandError as error:
            message = f"{folder}: {error}; is this code older than its database?"
            raise UsageError(message) from error


async def differences(metadata: MetaData, url: str) -> list[str]:
    """Return one sentence for each difference between `metadata` and the database."""

    def work(connection: Connection) -> list[str]:
        context = MigrationContext.configure(connection, opts=_comparison(metadata))
        plan = produce_migrations(context, metadata)
        compared = [sentence for step in plan.upgrade_ops_list for sentence in _sentences(step)]
        return compared + constraint_differences(connection, metadata)

    async with _connection(url) as connection:
        return await connection.run_sync(work)


async def write_revision(metadata: MetaData, url: str, folder: Path, message: str) -> Path:
    """Write the migration that autogenerate proposes, numbered after the ones that exist."""
    script = _scripts(folder)
    number = f"{len(list(script.walk_revisions())) + 1:04d}"
    options = {"message": message, "rev_id": number, "head": "head", "version_path": str(folder / "versions")}
    absent = dict.fromkeys(("sql", "splice", "branch_label", "depends_on"))
    revision = RevisionContext(Config(), script, {**absent, **options, "autogenerate": True})

    def work(connection: Connection) -> None:
        def compare(found: Any, context: MigrationContext) -> list[Any]:
            revision.run_autogenerate(found, context)
            return []

        with EnvironmentContext(Config(), script, fn=compare) as environment:
            environment.configure(connection=connection, **_comparison(metadata))
            environment.run_migrations()

    async with _connection(url) as connection:
        try:
            await connection.run_sync(work)
        except CommandError as error:
            raise UsageError(f"{folder}: {error}") from error
    written = [Path(one.path) for one in revision.generate_scripts() if one is not None]
    return written[0]


def _scripts(folder: Path) -> ScriptDirectory:
    versions = folder / "versions"
    if not versions.is_dir():
        message = f"{versions} is not a folder: migrations live there"
        raise UsageError(message)
    return ScriptDirectory(TEMPLATE, version_locations=[versions], file_template="%(rev)s_%(slug)s")


def _comparison(metadata: MetaData) -> dict[str, Alembic]:
    left = metadata.info.get(LEFT, ())

    def is_compared(name: str | None, kind: str, _: object) -> bool:
        return kind != "table" or name not in left

    return {
        "target_metadata": metadata,
        "compare_type": True,
        "compare_server_default": True,
        "include_name": is_compared,
    }


@asynccontextmanager
async def _connection(url: str) -> AsyncIterator[AsyncConnection]:
    _, _, place = url.partition("://")
    settings = {"statement_timeout": "0", "lock_timeout": "0", "idle_in_transaction_session_timeout": "0"}
    engine = create_async_engine(
        f"postgresql+asyncpg://{place}", poolclass=NullPool, connect_args={"server_settings": settings}
    )
    try:
        async with engine.connect() as connection:
            yield connection
            await connection.commit()
    finally:
        await engine.dispose()


@asynccontextmanager
async def _locked(connection: AsyncConnection) -> AsyncIterator[None]:
    # Asked again and again instead of waited for: a waiting statement holds a snapshot, and a migration that runs
    # CREATE INDEX CONCURRENTLY waits for every snapshot: the two would wait for each other.
    while not (await connection.exec_driver_sql("SELECT pg_try_advisory_lock($1)", (LOCK,))).scalar():
        await connection.commit()
        await asyncio.sleep(LOCK_PAUSE)
    await connection.commit()
    try:
        yield
    finally:
        await connection.rollback()
        await connection.exec_driver_sql("SELECT pg_advisory_unlock($1)", (LOCK,))
        await connection.commit()


def _sentences(step: MigrateOperation) -> list[str]:
    """Say what autogenerate would do, as what is wrong now."""
    match step:
        case OpContainer():
            return [sentence for inner in step.ops for sentence in _sentences(inner)]
        case CreateTableOp():
            return [f"table {step.table_name} is in the models and not in the database"]
        case DropTableOp():
            return [f"table {step.table_name} is in the database and not in the models"]
        case AddColumnOp():
            return [f"column {step.table_name}.{step.column.name} is in the models and not in the database"]
        case DropColumnOp():
            return [f"column {step.table_name}.{step.column_name} is in the database and not in the models"]
        case AlterColumnOp():
            return [f"column {step.table_name}.{step.column_name} differs in {' and '.join(_altered(step))}"]
        case CreateIndexOp():
            return [f"index {step.index_name} is in the models and not in the database"]
        case DropIndexOp():
            return [f"index {step.index_name} is in the database and not in the models"]
        case AddConstraintOp():
            constraint = step.to_constraint()
            return [f"constraint {constraint.table.name}.{constraint.name} is in the models and not in the database"]
        case DropConstraintOp():
            return [f"constraint {step.table_name}.{step.constraint_name} is in the database and not in the models"]
        case _:
            return [" ".join(str(part) for part in step.to_diff_tuple())]


def _altered(step: AlterColumnOp) -> Sequence[str]:
    parts = {
        "type": step.modify_type is not None,
        "nullability": step.modify_nullable is not None,
        "server default": step.modify_server_default is not False,
        "comment": step.modify_comment is not False,
    }
    return [name for name, differs in parts.items() if differs]
