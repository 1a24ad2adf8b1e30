"""The tables: migrations and models agree, forwards and back, and the choice of a drone uses its index."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from arnia.chassis import migrations
from arnia.chassis.statements import Statement
from arnia.local.servers.postgres import Postgres
from arnia.testing.plugin import ServiceSchema
from arnia.testing.postgres import fresh_database
from arnia.testing.queries import assert_index_used
from drone.repositories.sql_reservations import GRANT, OF_DELIVERY, RELEASE

FILL = """
INSERT INTO drones (id, name, model, capacity_grams, free_grams, charge_percent, latitude, longitude, status)
SELECT gen_random_uuid(), 'Maia ' || n, 'M1', 5000, n % 5000, 90, 0, 0,
    CASE WHEN n % 3 = 0 THEN 'available' ELSE 'flying' END
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


@pytest.mark.parametrize(
    "statement",
    [GRANT, RELEASE, OF_DELIVERY],
    ids=["grant", "release", "of delivery"],
)
async def test_a_large_fleet_is_not_walked_through(database_url: str, statement: Statement) -> None:
    """Choosing, releasing and finding read an index, however large the fleet."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(FILL)
    await connection.execute(
        "INSERT INTO reservations (id, drone_id, delivery_id, weight_grams) "
        "SELECT gen_random_uuid(), id, gen_random_uuid(), 1 FROM drones"
    )
    await connection.close()
    parameters: dict[str, Any] = {
        "id": uuid4(),
        "delivery_id": uuid4(),
        "weight_grams": 4000,
        "now": datetime.now(UTC),
    }
    given = {name: parameters[name] for name in statement.required}
    await assert_index_used(database_url, statement, **given)


def test_the_folder_of_migrations_is_where_the_chassis_looks() -> None:
    """The numbered versions are beside the package."""
    assert migrations.head(Path(__file__).parents[2] / "migrations") == "0001"
