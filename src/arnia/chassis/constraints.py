"""What Alembic's comparison leaves out of a table: its CHECKs and its primary key.

PostgreSQL keeps a CHECK in words of its own, so two texts cannot be compared. It is asked instead: a temporary table
is made of the model, both tables' constraints are read from the catalogue, and the temporary one is dropped.
"""

from typing import Final

from sqlalchemy import Connection, MetaData, Table, inspect
from sqlalchemy.schema import CreateTable

__all__ = ["constraint_differences"]

READ: Final = """
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE contype IN ('c', 'p') AND conrelid = CAST($1 AS text)::regclass
"""


def constraint_differences(connection: Connection, metadata: MetaData) -> list[str]:
    """Return one sentence for each such difference, of tables that both `metadata` and the database have."""
    existing = set(inspect(connection).get_table_names())
    return [
        sentence
        for table in metadata.sorted_tables
        if table.name in existing
        for sentence in _sentences(table.name, _wanted(connection, table), _read(connection, "public", table))
    ]


def _wanted(connection: Connection, table: Table) -> dict[str, str]:
    text = str(CreateTable(table, include_foreign_key_constraints=()).compile(dialect=connection.dialect))
    connection.exec_driver_sql(text.replace("CREATE TABLE", "CREATE TEMPORARY TABLE", 1))
    found = _read(connection, "pg_temp", table)
    connection.exec_driver_sql(f"DROP TABLE pg_temp.{connection.dialect.identifier_preparer.quote(table.name)}")
    return found


def _read(connection: Connection, schema: str, table: Table) -> dict[str, str]:
    quoted = connection.dialect.identifier_preparer.quote(table.name)
    rows = connection.exec_driver_sql(READ, (f"{schema}.{quoted}",))
    return {name: definition for name, definition in rows}  # noqa: C416 - rows are not pairs to a type checker


def _sentences(table: str, wanted: dict[str, str], found: dict[str, str]) -> list[str]:
    return [
        *(
            f"constraint {table}.{name} is in the models and not in the database"
            for name in wanted
            if name not in found
        ),
        *(
            f"constraint {table}.{name} is in the database and not in the models"
            for name in found
            if name not in wanted
        ),
        *(
            f"constraint {table}.{name} differs: {wanted[name]} in the models, {found[name]} in the database"
            for name in wanted
            if name in found and wanted[name] != found[name]
        ),
    ]
