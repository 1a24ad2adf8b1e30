"""Migrations against a real server."""

import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import Column, MetaData, Text

from arnia.chassis.first_revision import write_first_revision
from arnia.chassis.migrations import current, downgrade, drift, head, revise, upgrade
from arnia.chassis.models import together
from arnia.errors import OutsideError, UsageError
from arnia.local.servers.postgres import Postgres
from arnia.testing.migrations import assert_migrations_agree
from arnia.testing.parcels import ParcelModel
from arnia.testing.plugin import ServiceSchema
from arnia.testing.postgres import fresh_database
from arnia.testing.queries import counted_statements

COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
WHERE table_schema = 'public' AND table_name NOT LIKE 'pg_stat%' ORDER BY table_name, ordinal_position
"""
INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexdef"


@pytest.fixture
def empty_url(postgres_server: Postgres) -> Iterator[str]:
    """Give a database that was never migrated."""
    with fresh_database(postgres_server) as url:
        yield url


@pytest.fixture
def folder(tmp_path: Path, service_schema: ServiceSchema) -> Path:
    """Give a copy of the migrations that a test may add to."""
    (tmp_path / "versions").mkdir()
    for path in (service_schema.migrations / "versions").glob("*.py"):
        (tmp_path / "versions" / path.name).write_text(path.read_text())
    return tmp_path


async def schema_of(url: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for query in (COLUMNS, INDEXES) for row in await connection.fetch(query)]
    finally:
        await connection.close()


async def several(count: int, url: str, folder: Path) -> list[bool]:
    """Migrate several times at once; when one fails, the others are not left running."""
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        runs = [group.create_task(upgrade(ParcelModel.metadata, url, folder)) for _ in range(count)]
    return sorted(run.result() for run in runs)


def second(*lines: str) -> str:
    """Return a migration that follows the first one."""
    head = ('revision = "0002"', 'down_revision = "0001"', "from alembic import op", "def upgrade():", *lines)
    return "\n".join([*head, ""])


async def test_five_at_once(empty_url: str, folder: Path) -> None:
    """Five processes that migrate an empty database at once: one does the work, the others find it done."""
    assert await several(5, empty_url, folder) == [False, False, False, False, True]
    assert await current(empty_url) == head(folder) == "0001"


async def test_who_waits_is_in_nobodys_way(empty_url: str, folder: Path) -> None:
    """An index that is built CONCURRENTLY waits for every snapshot, and those who wait for its migration hold none."""
    await upgrade(ParcelModel.metadata, empty_url, folder)
    migration = second(
        "    with op.get_context().autocommit_block():",
        '        op.execute("SELECT pg_sleep(0.3)")',
        '        op.create_index("ix_label", "parcels", ["label"], postgresql_concurrently=True)',
    )
    (folder / "versions" / "0002_index.py").write_text(migration)
    assert await several(3, empty_url, folder) == [False, False, True]


async def test_ceilings_of_the_role_do_not_hold_for_migrations(empty_url: str, folder: Path) -> None:
    """A migration may run longer than any statement of the service, and wait longer for a lock."""
    await upgrade(ParcelModel.metadata, empty_url, folder)
    connection = await asyncpg.connect(empty_url)
    for ceiling in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
        await connection.execute(f"ALTER ROLE CURRENT_USER SET {ceiling} = '100ms'")
    await connection.execute("SET idle_in_transaction_session_timeout = 0")
    lines = (
        '    op.execute("SELECT pg_sleep(0.2)")',
        '    op.execute("LOCK TABLE parcels")',
        "    time.sleep(0.2)",
    )
    (folder / "versions" / "0002_slow.py").write_text("import time\n" + second(*lines))
    async with connection.transaction():
        await connection.execute("LOCK TABLE parcels")
        migrating = asyncio.create_task(upgrade(ParcelModel.metadata, empty_url, folder))
        await asyncio.sleep(0.6)
    assert await migrating
    await connection.close()


async def test_up_down_up(empty_url: str, folder: Path) -> None:
    """Down and up again gives the same schema, and down leaves nothing of it."""
    await upgrade(ParcelModel.metadata, empty_url, folder)
    first = await schema_of(empty_url)
    assert await downgrade(ParcelModel.metadata, empty_url, folder)
    below = await schema_of(empty_url)
    assert {row[0] for row in below} == {
        "alembic_version",
        "CREATE UNIQUE INDEX alembic_version_pkc ON public.alembic_version USING btree (version_num)",
    }
    await upgrade(ParcelModel.metadata, empty_url, folder)
    assert await schema_of(empty_url) == first


def test_disagreements_are_told(postgres_server: Postgres, folder: Path) -> None:
    """A model without its table, and a migration that is not taken back, are found; what is right passes."""
    good = ServiceSchema(ParcelModel.metadata, folder)
    assert_migrations_agree(postgres_server, good)
    with pytest.raises(AssertionError, match="parcels"):
        assert_migrations_agree(postgres_server, ServiceSchema(together(), folder))
    for path in (folder / "versions").glob("*.py"):
        path.write_text(path.read_text().partition("def downgrade")[0] + "def downgrade() -> None:\n    pass\n")
    with pytest.raises(AssertionError, match="on the way down"):
        assert_migrations_agree(postgres_server, good)


async def test_no_drift(database_url: str) -> None:
    """Migrations, the chassis' own tables included, lead exactly to the models."""
    assert await drift(ParcelModel.metadata, database_url) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("ALTER TABLE parcels DROP COLUMN label", "column parcels.label is in the models and not in the database"),
        ("ALTER TABLE parcels ALTER version DROP DEFAULT", "column parcels.version differs in server default"),
        ("ALTER TABLE parcels ALTER grams TYPE bigint", "column parcels.grams differs in type"),
        ("ALTER TABLE parcels ALTER label DROP NOT NULL", "column parcels.label differs in nullability"),
        ("DROP TABLE arnia_outbox", "table arnia_outbox is in the models and not in the database"),
        ("DROP INDEX ix_arnia_outbox_unsent", "index ix_arnia_outbox_unsent is in the models and not in the database"),
        (
            "ALTER TABLE arnia_outbox DROP CONSTRAINT uq_arnia_outbox_aggregate_type_aggregate_id_sequence",
            (
                "constraint arnia_outbox.uq_arnia_outbox_aggregate_type_aggregate_id_sequence "
                "is in the models and not in the database"
            ),
        ),
        (
            "ALTER TABLE parcels ADD CONSTRAINT uq_label UNIQUE (label)",
            "constraint parcels.uq_label is in the database and not in the models",
        ),
        (
            "ALTER TABLE parcels ADD CONSTRAINT ck_light CHECK (grams < 9)",
            "constraint parcels.ck_light is in the database and not in the models",
        ),
        (
            "ALTER TABLE parcels DROP CONSTRAINT ck_parcels_weighs_something",
            "constraint parcels.ck_parcels_weighs_something is in the models and not in the database",
        ),
        (
            (
                "ALTER TABLE parcels DROP CONSTRAINT ck_parcels_weighs_something, "
                "ADD CONSTRAINT ck_parcels_weighs_something CHECK (grams >= 2)"
            ),
            (
                "constraint parcels.ck_parcels_weighs_something differs: "
                "CHECK ((grams >= 0)) in the models, CHECK ((grams >= 2)) in the database"
            ),
        ),
        (
            (
                "ALTER TABLE arnia_sequences DROP CONSTRAINT pk_arnia_sequences, "
                "ADD CONSTRAINT pk_arnia_sequences PRIMARY KEY (aggregate_id)"
            ),
            (
                "constraint arnia_sequences.pk_arnia_sequences differs: PRIMARY KEY (aggregate_type, aggregate_id) "
                "in the models, PRIMARY KEY (aggregate_id) in the database"
            ),
        ),
        ("CREATE TABLE stray (id int)", "table stray is in the database and not in the models"),
    ],
)
async def test_drift(empty_url: str, folder: Path, change: str, sentence: str) -> None:
    """Each kind of difference between models and database is told in a sentence."""
    await upgrade(ParcelModel.metadata, empty_url, folder)
    connection = await asyncpg.connect(empty_url)
    await connection.execute(change)
    await connection.close()
    assert sentence in await drift(ParcelModel.metadata, empty_url)


async def test_what_a_domain_left_is_no_drift(empty_url: str, folder: Path) -> None:
    """Tables of a domain that has become a service stay, and neither count as drift nor are proposed to be dropped."""
    await upgrade(ParcelModel.metadata, empty_url, folder)
    assert await drift(together(left=("parcels",)), empty_url) == []
    found = await drift(together(left=("other",)), empty_url)
    assert "table parcels is in the database and not in the models" in found


async def test_first_revision(empty_url: str, tmp_path: Path) -> None:
    """The migration that is written from models alone leads exactly to them, and back to nothing."""
    whole = together(ParcelModel.metadata)
    (tmp_path / "versions").mkdir()
    (tmp_path / "versions" / "0001_tables.py").write_text(write_first_revision(whole))
    await upgrade(whole, empty_url, tmp_path)
    assert await drift(ParcelModel.metadata, empty_url) == []
    await downgrade(whole, empty_url, tmp_path)
    assert not [row for row in await schema_of(empty_url) if "alembic_version" not in str(row)]


async def test_revise(empty_url: str, folder: Path) -> None:
    """A proposed migration for a changed model removes the drift, and can be undone."""
    changed = MetaData(naming_convention=ParcelModel.metadata.naming_convention)
    for table in ParcelModel.metadata.sorted_tables:
        table.to_metadata(changed)
    changed.tables["parcels"].append_column(Column("note", Text, server_default="none", nullable=False))
    await upgrade(changed, empty_url, folder)
    before = await schema_of(empty_url)
    written = await revise(changed, empty_url, folder, "add note")
    assert written.name == "0002_add_note.py"
    assert await upgrade(changed, empty_url, folder)
    assert await drift(changed, empty_url) == []
    assert await downgrade(changed, empty_url, folder, to="0001")
    assert await schema_of(empty_url) == before


async def test_database_ahead(empty_url: str, folder: Path) -> None:
    """Code that is older than its database says so instead of guessing."""
    await upgrade(ParcelModel.metadata, empty_url, folder)
    connection = await asyncpg.connect(empty_url)
    await connection.execute("UPDATE alembic_version SET version_num = '0099'")
    await connection.close()
    with pytest.raises(UsageError, match="older than its database"):
        await upgrade(ParcelModel.metadata, empty_url, folder)


async def test_failed_migration(empty_url: str, folder: Path) -> None:
    """A migration that fails leaves the schema as it was, and the lock free."""
    broken = second('    op.execute("CREATE TABLE half (id int)")', '    op.execute("SELECT no_such_function()")')
    (folder / "versions" / "0002_broken.py").write_text(broken)
    for _ in range(2):
        with pytest.raises(Exception, match="no_such_function"):
            await upgrade(ParcelModel.metadata, empty_url, folder)
        assert await current(empty_url) == "0001"
    assert not [row for row in await schema_of(empty_url) if row[0] == "half"]


async def test_unreachable(folder: Path) -> None:
    """A database that is not there is something missing outside, said in one sentence."""
    with pytest.raises(OutsideError, match="is its server up"):
        await upgrade(ParcelModel.metadata, "postgresql://a:b@127.0.0.1:1/c", folder, patience=0.2)


async def test_wrong_password(database_url: str, folder: Path) -> None:
    """A refused password is told at once, however patient the caller is."""
    password = database_url.split(":")[2].split("@", maxsplit=1)[0]
    started = time.monotonic()
    with pytest.raises(OutsideError, match="password authentication failed"):
        await upgrade(ParcelModel.metadata, database_url.replace(password, "wrong"), folder, patience=60)
    assert time.monotonic() - started < 30


async def test_up_to_date_costs_one_query(database_url: str, service_schema: ServiceSchema) -> None:
    """Starting over a database that is up to date costs one query, and does not even import Alembic."""
    program = (
        "import asyncio, sys, pathlib; from sqlalchemy import MetaData; from arnia.chassis.migrations import upgrade; "
        "done = asyncio.run(upgrade(MetaData(), sys.argv[1], pathlib.Path(sys.argv[2]))); "
        "print(done, 'alembic' in sys.modules)"
    )
    async with counted_statements(database_url) as statements:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, database_url, str(service_schema.migrations), stdout=asyncio.subprocess.PIPE
        )
        printed, _ = await process.communicate()
    assert printed.decode().split() == ["False", "False"]
    assert statements.total() == 1
