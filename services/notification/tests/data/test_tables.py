"""The table: migrations and models agree, forwards and back, and the listings use its indexes."""

from uuid import UUID

import asyncpg
import pytest

from arnia.local.servers.postgres import Postgres
from arnia.testing.migrations import assert_migrations_agree
from arnia.testing.plugin import ServiceSchema
from arnia.testing.queries import assert_index_used
from notification.repositories.notifications import Sort
from notification.repositories.sql import listing

FILL = """
INSERT INTO notifications (id, topic, aggregate_id, sequence, audience, text, occurred_at)
SELECT gen_random_uuid(), 'topic ' || n % 50, gen_random_uuid(), n, 'fleet', 'number ' || n, now()
FROM generate_series(1, 5000) AS n
"""


def test_migrations_and_models_agree(postgres_server: Postgres, service_schema: ServiceSchema) -> None:
    """The migrations lead to exactly the tables that the models declare, down to nothing, and up again."""
    assert_migrations_agree(postgres_server, service_schema)


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
