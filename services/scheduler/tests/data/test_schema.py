"""The tables: migrations and models agree, forwards and back, and listings use their index."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from arnia.chassis import migrations
from arnia.local.servers.postgres import Postgres
from arnia.testing.plugin import ServiceSchema
from arnia.testing.postgres import fresh_database
from arnia.testing.queries import assert_index_used
from scheduler.repositories import sql
from scheduler.repositories.assignments import Sort

FILL = """
INSERT INTO assignments (id, reservation_id, weight_grams, status)
SELECT gen_random_uuid(), gen_random_uuid(), n, CASE WHEN n % 9 = 0 THEN 'requested' ELSE 'released' END
FROM generate_series(1, 5000) AS n
"""


async def test_models_and_migrations_agree(database_url: str, service_schema: ServiceSchema) -> None:
    """A migrated database is exactly what the models say."""
    assert await migrations.drift(service_schema.metadata, database_url) == []


def test_every_migration_goes_back(postgres_server: Postgres, service_schema: ServiceSchema) -> None:
    """Up, down to nothing and up again ends where it began."""
    metadata, folder = service_schema.metadata, service_schema.migrations

    async def there_and_back(url: str) -> list[str]:
        await migrations.upgrade(metadata, url, folder)
        await migrations.downgrade(metadata, url, folder)
        await migrations.upgrade(metadata, url, folder)
        return await migrations.drift(metadata, url)

    with fresh_database(postgres_server) as url:
        assert asyncio.run(there_and_back(url)) == []


@pytest.mark.parametrize("filtered", [False, True])
async def test_what_was_released_slows_no_listing(database_url: str, *, filtered: bool) -> None:
    """However many assignments are over, a page of the others is read by an index."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(FILL)
    await connection.close()
    statement = sql.listing(Sort.CREATED_AT, filtered, True)
    given: dict[str, Any] = {"limit": 20, "last_key": datetime(2026, 1, 1, tzinfo=UTC), "last_id": uuid4()}
    if filtered:
        given["status"] = "requested"
    await assert_index_used(database_url, statement, **given)
