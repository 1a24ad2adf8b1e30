"""The tables: migrations and models agree, forwards and back, and listings use their index."""

from datetime import UTC, datetime
from itertools import product
from uuid import uuid4

import asyncpg

from arnia.local.servers.postgres import Postgres
from arnia.testing.migrations import assert_migrations_agree
from arnia.testing.plugin import ServiceSchema
from arnia.testing.queries import planning
from scheduler.repositories import sql
from scheduler.repositories.assignments import Sort

FILL = """
INSERT INTO assignments (id, reservation_id, weight_grams, status, created_at)
SELECT gen_random_uuid(), gen_random_uuid(), n, CASE WHEN n % 9 = 0 THEN 'requested' ELSE 'released' END,
    now() - n * interval '1 minute'
FROM generate_series(1, 5000) AS n
"""


def test_migrations_and_models_agree(postgres_server: Postgres, service_schema: ServiceSchema) -> None:
    """The migrations lead to exactly the tables that the models declare, down to nothing, and up again."""
    assert_migrations_agree(postgres_server, service_schema)


async def test_listings_use_an_index(database_url: str) -> None:
    """However many assignments there are and however many are over, a page is read by an index."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(FILL)
    await connection.close()
    place = {"last_key": datetime(2026, 1, 1, tzinfo=UTC), "last_id": uuid4()}
    async with planning(database_url) as planner:
        for sort, filtered, resumed in product(Sort, (False, True), (False, True)):
            given = {**({"status": "requested"} if filtered else {}), **(place if resumed else {})}
            await planner.assert_index_used(sql.listing(sort, filtered, resumed), **given, limit=21)
