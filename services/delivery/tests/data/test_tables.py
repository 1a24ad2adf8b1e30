"""The table against its migrations, the listing against its indexes."""

from datetime import UTC, datetime
from itertools import product

import asyncpg

from arnia.local.servers.postgres import Postgres
from arnia.testing.migrations import assert_migrations_agree
from arnia.testing.plugin import ServiceSchema
from arnia.testing.queries import choices, planning
from delivery.models.deliveries import Status
from delivery.repositories.deliveries import Sort
from delivery.repositories.sql import GET, find

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
FILL = """
INSERT INTO deliveries (id, status, pickup_latitude, pickup_longitude, dropoff_latitude, dropoff_longitude, items,
    pickup_time, deadline, created_at, owner)
SELECT gen_random_uuid(), (ARRAY['pending', 'scheduled', 'in_transit', 'completed', 'cancelled'])[n % 5 + 1],
    0, 0, 1, 1, '[]',
    now() + n * interval '1 minute', now() + n * interval '2 minutes', now() - n * interval '1 minute',
    'owner-' || n % 50
FROM generate_series(1, 5000) AS n
"""
FILTERS = {"reach": "owner-7", "status": Status.PENDING, "pickup_after": NOON, "pickup_before": NOON}


def test_migrations_and_models_agree(postgres_server: Postgres, service_schema: ServiceSchema) -> None:
    """The migrations lead to exactly the tables that the models declare, down to nothing, and up again."""
    assert_migrations_agree(postgres_server, service_schema)


async def test_listings_use_an_index(database_url: str) -> None:
    """No listing, by whatever filters, in whichever order and from wherever on, walks through a million deliveries."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(FILL)
    last_id = await connection.fetchval("SELECT id FROM deliveries LIMIT 1")
    await connection.close()
    place = {"last_key": NOON, "last_id": last_id}
    async with planning(database_url) as planner:
        for reach in (None, "owner-7"):
            await planner.assert_index_used(GET, id=last_id, reach=reach)
        for wanted, sort, resumed in product(choices(FILTERS), Sort, (False, True)):
            statement = find(frozenset(wanted), sort, resumed=resumed)
            await planner.assert_index_used(statement, **wanted, **(place if resumed else {}), limit=21)
