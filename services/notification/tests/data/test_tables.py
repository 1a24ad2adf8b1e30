"""The table: migrations and models agree, forwards and back, and the listings use its indexes."""

import asyncio
from uuid import UUID

import asyncpg
import pytest

from arnia.chassis import migrations
from arnia.local.servers.postgres import Postgres
from arnia.testing.plugin import ServiceSchema
from arnia.testing.postgres import fresh_database
from arnia.testing.queries import assert_index_used
from notification.repositories.notifications import Sort
from notification.repositories.sql import listing

FILL = """
INSERT INTO notifications (id, topic, aggregate_id, sequence, audience, text, occurred_at)
SELECT gen_random_uuid(), 'topic ' || n % 50, gen_random_uuid(), n, 'fleet', 'number ' || n, now()
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


@pytest.mark.parametrize("sort", Sort)
async def test_a_page_reads_an_index(database_url: str, sort: Sort) -> None:
    """However many there are, a page is found without walking through all of them."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(FILL)
    await connection.close()
    await assert_index_used(database_url, listing(frozenset(), sort, resumed=False), limit=20)
    named = listing(frozenset({"topic"}), sort, resumed=False)
    await assert_index_used(database_url, named, limit=20, topic="topic 7")
    about = listing(frozenset({"aggregate_id"}), sort, resumed=False)
    await assert_index_used(database_url, about, limit=20, aggregate_id=UUID(int=7))
