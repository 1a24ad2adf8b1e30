"""The schema of a service, brought to where its models are.

A service keeps only `migrations/versions/*.py`; Alembic's environment is here. Alembic is imported when there is
something to do: a database that is up to date costs one query.
"""

import ast
from pathlib import Path
from typing import Final

import asyncpg
from sqlalchemy import MetaData

from arnia.chassis.chassis_tables import create_chassis_tables, drop_chassis_tables
from arnia.chassis.connections import Connection
from arnia.chassis.faults import FAULTS
from arnia.chassis.waiting import Waiting
from arnia.errors import UsageError

__all__ = [
    "create_chassis_tables",
    "current",
    "downgrade",
    "drift",
    "drop_chassis_tables",
    "head",
    "revise",
    "upgrade",
]

START_PATIENCE: Final = 30.0


def head(folder: Path) -> str | None:
    """Return the newest revision in `folder/versions`, or None when there is no migration.

    Raises:
        UsageError: When two migrations claim to be the newest.
    """
    parents: dict[str, object] = {}
    for path in sorted((folder / "versions").glob("*.py")):
        names = _assignments(path)
        revision = names.get("revision")
        if isinstance(revision, str):
            parents[revision] = names.get("down_revision")
    heads = sorted(parents.keys() - set(parents.values()))
    if len(heads) > 1:
        message = (
            f"{folder}: the migrations {' and '.join(heads)} both claim to be the newest; make one follow the other"
        )
        raise UsageError(message)
    return heads[0] if heads else None


async def current(url: str, *, patience: float = 0.0) -> str | None:
    """Return the revision that the database at `url` is in, or None when it was never migrated.

    Raises:
        OutsideError: When the database cannot be reached within `patience` seconds, or refuses the role.
    """
    connection = await _connect(url, patience)
    try:
        revision = await connection.fetchval("SELECT version_num FROM alembic_version")
    except asyncpg.UndefinedTableError:
        return None
    finally:
        await connection.close()
    return revision if isinstance(revision, str) else None


async def upgrade(
    metadata: MetaData, url: str, folder: Path, *, to: str = "head", patience: float = START_PATIENCE
) -> bool:
    """Bring the database at `url` up to `to`; whoever comes second waits, and finds the work done.

    A database that is still starting is waited for, up to `patience` seconds.

    Returns:
        Whether anything was done.

    Raises:
        OutsideError: When the database cannot be reached within `patience` seconds, or refuses the role.
        UsageError: When it is in a revision that `folder` does not know: the code is older than the database.
    """
    target = head(folder) if to == "head" else to
    if target is None or await current(url, patience=patience) == target:
        return False
    from arnia.chassis.alembic_runs import migrate  # noqa: PLC0415 - only when there is something to do

    return await migrate(metadata, url, folder, target, up=True)


async def downgrade(metadata: MetaData, url: str, folder: Path, *, to: str = "base") -> bool:
    """Take the database at `url` back to `to`; return whether anything was done."""
    from arnia.chassis.alembic_runs import migrate  # noqa: PLC0415 - see upgrade

    return await migrate(metadata, url, folder, to, up=False)


async def drift(metadata: MetaData, url: str) -> list[str]:
    """Return one sentence for each difference between the models and the migrated database at `url`."""
    from arnia.chassis.alembic_runs import differences  # noqa: PLC0415 - see upgrade

    return await differences(metadata, url)


async def revise(metadata: MetaData, url: str, folder: Path, message: str) -> Path:
    """Write a new migration that brings the database at `url`, which must be up to date, to the models."""
    from arnia.chassis.alembic_runs import write_revision  # noqa: PLC0415 - see upgrade

    return await write_revision(metadata, url, folder, message)


async def _connect(url: str, patience: float) -> Connection:
    waiting = Waiting(url, patience)
    while True:
        try:
            connection: Connection = await asyncpg.connect(url, timeout=10)
        except FAULTS as error:
            await waiting.go_on(error)
        else:
            waiting.end()
            return connection


def _assignments(path: Path) -> dict[str, object]:
    found: dict[str, object] = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=value)):
                found[name] = value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=value)):
                found[name] = value
    return found
