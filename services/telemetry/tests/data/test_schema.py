"""The tables: migrations and models agree, forwards and back, and no question walks through a million positions."""

import asyncio
from datetime import timedelta
from itertools import product
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from services.telemetry.tests.positions import recent

from arnia.chassis import migrations
from arnia.local.servers.postgres import Postgres
from arnia.testing.migrations import assert_migrations_agree
from arnia.testing.plugin import ServiceSchema
from arnia.testing.queries import planning
from telemetry.models.positions import GAP
from telemetry.repositories.archive import chunk
from telemetry.repositories.sql import cells, distances, last_positions

FILL = """
SELECT partitions.make_day(current_date - number) FROM generate_series(0, 3) AS number;
INSERT INTO positions (drone_id, at, latitude, longitude)
SELECT md5((n % 50)::text)::uuid, current_date + 1 - n * interval '8 second', n % 16000 * 0.01 - 80,
    n % 36000 * 0.01 - 180
FROM generate_series(1, 30000) AS n;
INSERT INTO last_positions (drone_id, at, latitude, longitude)
SELECT md5(n::text)::uuid, now(), 45, 9 FROM generate_series(1, 5000) AS n
"""
DRONE = UUID("a87ff679-a2f3-e71d-9181-a67b7542122c")
PERIOD = {"since": recent() - timedelta(hours=24), "until": recent()}


@pytest.fixture(scope="module")
def many_positions(database_url: str) -> str:
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


async def test_no_question_walks_through_all_positions(many_positions: str) -> None:
    """A page of each aggregate, and a chunk of an export, read an index, from the start and from wherever on."""
    async with planning(many_positions) as planner:
        for one, resumed in product((False, True), (False, True)):
            named: dict[str, object] = {"drone_id": DRONE} if one else {}
            place: dict[str, object] = {"last_drone": DRONE} if resumed else {}
            await planner.assert_index_used(last_positions(one=one, resumed=resumed), limit=21, **named, **place)
            place = {"last_drone": DRONE, "last_hour": recent()} if resumed else {}
            statement = distances(one=one, resumed=resumed)
            await planner.assert_index_used(statement, **PERIOD, gap=GAP, limit=21, **named, **place)
            place = {"last_drone": DRONE, "last_at": recent()} if resumed else {}
            await planner.assert_index_used(chunk(one=one, resumed=resumed), **PERIOD, limit=2000, **named, **place)
        area = {"south": 45.0, "north": 46.0, "west": 9.0, "east": 10.0}
        for resumed in (False, True):
            corner = {"last_row": 4550, "last_column": 950} if resumed else {}
            await planner.assert_index_used(cells(resumed=resumed), **PERIOD, **area, limit=101, **corner)


def test_the_folder_of_migrations_is_where_the_chassis_looks() -> None:
    """The numbered versions are beside the package."""
    assert migrations.head(Path(__file__).parents[2] / "migrations") == "0001"
