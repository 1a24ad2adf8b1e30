"""The tables: migrations and models agree, forwards and back, and the choice of a drone uses its index."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from arnia.chassis import migrations
from arnia.local.servers.postgres import Postgres
from arnia.testing.migrations import assert_migrations_agree
from arnia.testing.plugin import ServiceSchema
from arnia.testing.queries import choices, planning
from drone.repositories.drones import Sort
from drone.repositories.sql import listing
from drone.repositories.sql_reservations import FORGET, GRANT, OF_DELIVERY, RELEASE, WAS_RELEASED

FILL = """
INSERT INTO drones (id, name, model, capacity_grams, free_grams, charge_percent, latitude, longitude, status,
    created_at)
SELECT gen_random_uuid(), 'Maia ' || n, 'M' || n % 400, 5000, n % 5000, n % 101, 0, 0,
    CASE WHEN n % 3 = 0 THEN 'available' ELSE 'flying' END, now() - n * interval '1 minute'
FROM generate_series(1, 5000) AS n;
INSERT INTO reservations (id, drone_id, delivery_id, weight_grams)
SELECT gen_random_uuid(), id, gen_random_uuid(), 1 FROM drones;
INSERT INTO releases (id, released_at)
SELECT gen_random_uuid(), now() - n * interval '1 minute' FROM generate_series(1, 5000) AS n
"""
FILTERS = {"status": "available", "model": "M3", "free_grams": 4900, "battery": 99, "deliveries": [uuid4()]}


@pytest.fixture(scope="module")
def large_fleet(database_url: str) -> str:
    """Fill the tables once for this module; PostgreSQL is told of a million where there are thousands."""

    async def fill() -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute(FILL)
        await connection.close()

    asyncio.run(fill())
    return database_url


def test_migrations_and_models_agree(postgres_server: Postgres, service_schema: ServiceSchema) -> None:
    """The migrations lead to exactly the tables that the models declare, down to nothing, and up again."""
    assert_migrations_agree(postgres_server, service_schema)


async def test_a_large_fleet_is_not_walked_through(large_fleet: str) -> None:
    """Choosing, releasing, finding and forgetting read an index, however large the fleet."""
    parameters: dict[str, object] = {
        "id": uuid4(),
        "delivery_id": uuid4(),
        "weight_grams": 4000,
        "now": datetime.now(UTC),
        "before": datetime.now(UTC) - timedelta(days=3),
        "most": 10,
    }
    async with planning(large_fleet) as planner:
        for statement in (GRANT, RELEASE, OF_DELIVERY, WAS_RELEASED, FORGET):
            await planner.assert_index_used(statement, **{name: parameters[name] for name in statement.required})


async def test_listings_use_an_index(large_fleet: str) -> None:
    """No listing, by whatever filters, in whichever order and from wherever on, walks through a million drones."""
    async with planning(large_fleet) as planner:
        for wanted, sort, resumed in product(choices(FILTERS), Sort, (False, True)):
            key = datetime.now(UTC) if sort.key == "created_at" else "Maia 2"
            place = {"last_key": key, "last_id": uuid4()} if resumed else {}
            statement = listing(frozenset(wanted), sort, resumed)
            await planner.assert_index_used(statement, **wanted, **place, limit=21)


def test_the_folder_of_migrations_is_where_the_chassis_looks() -> None:
    """The numbered versions are beside the package."""
    assert migrations.head(Path(__file__).parents[2] / "migrations") == "0005"
