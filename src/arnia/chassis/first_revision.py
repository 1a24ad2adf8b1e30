"""The first migration of a service whose tables exist as models: written from the models alone, without a database."""

from typing import Final

from alembic.autogenerate import render_python_code
from alembic.migration import MigrationContext
from alembic.operations.ops import (
    CreateIndexOp,
    CreateTableOp,
    DowngradeOps,
    DropTableOp,
    MigrateOperation,
    UpgradeOps,
)
from sqlalchemy import MetaData, Table

from arnia.chassis.models import chassis_tables

__all__ = ["own_tables", "write_first_revision"]

TEXT: Final = '''"""The first tables, and those of the chassis."""

import sqlalchemy as sa
from alembic import op
{imports}
from arnia.chassis.migrations import create_chassis_tables, drop_chassis_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_chassis_tables(op)
    create_chassis_tables(op, version=2)
    {upgrades}


def downgrade() -> None:
    {downgrades}
    drop_chassis_tables(op, version=2)
    drop_chassis_tables(op)
'''


def own_tables(metadata: MetaData) -> list[Table]:
    """Return the tables of `metadata` without the chassis' own; whatever refers to another one comes after it."""
    known = chassis_tables()
    return [table for table in metadata.sorted_tables if table.name not in known]


def write_first_revision(metadata: MetaData) -> str:
    """Return the text of a migration that makes every table of `metadata` in an empty database."""
    tables = own_tables(metadata)
    ups: list[MigrateOperation] = []
    for table in tables:
        ups.append(CreateTableOp.from_table(table))
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        ups += [CreateIndexOp.from_index(index) for index in indexes]
    downs: list[MigrateOperation] = [DropTableOp.from_table(table) for table in reversed(tables)]
    context = MigrationContext.configure(dialect_name="postgresql")
    upgrades = render_python_code(UpgradeOps(ups), migration_context=context)
    downgrades = render_python_code(DowngradeOps(downs), migration_context=context)
    special = "postgresql." in upgrades
    return TEXT.format(
        imports="from sqlalchemy.dialects import postgresql\n" if special else "",
        upgrades=_without_comments(upgrades),
        downgrades=_without_comments(downgrades),
    )


def _without_comments(code: str) -> str:
    """Drop what Alembic says about reading again what it proposes: nothing here is a guess."""
    return "\n".join(line for line in code.splitlines() if not line.lstrip().startswith("# ###")).strip()
