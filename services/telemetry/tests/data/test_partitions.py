"""A place for each day: made before it is needed, dropped when it is old, and nothing lost in between."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest
from services.telemetry.tests.data.test_aggregates import keep
from services.telemetry.tests.positions import flight, recent

from arnia.chassis.database import Database
from arnia.errors import Unavailable
from telemetry.repositories.partitions import Partitions

PLACES = "SELECT tableoid::regclass::text, count(*) FROM positions GROUP BY 1 ORDER BY 1"
TABLES = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'positions'::regclass"
DAY = timedelta(days=1)


@pytest.fixture
async def sql(database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """Give a connection beside the service's, to a database without days."""
    connection = await asyncpg.connect(database_url)
    await connection.execute("SELECT partitions.drop_before(date 'infinity'); TRUNCATE positions, last_positions")
    yield connection
    await connection.close()


async def test_days_are_made_ahead_once(database: Database, sql: "asyncpg.Connection[asyncpg.Record]") -> None:
    """From yesterday to some days ahead there is a place for each; a second look makes none."""
    partitions = Partitions(database)
    assert await partitions.keep(3, 30) == (5, 0)
    assert await partitions.keep(3, 30) == (0, 0)
    assert await partitions.keep(4, 30) == (1, 0)
    assert await sql.fetchval(TABLES) == 7


async def test_what_came_too_early_is_moved(database: Database, sql: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Positions that came before their day had a place are in it afterwards, none is lost, and others stay."""
    drone = uuid4()
    await keep(database, *flight(drone, 5), *flight(drone, 7, since=datetime.now(UTC) - 20 * DAY))
    assert [tuple(row) for row in await sql.fetch(PLACES)] == [("partitions.positions_other", 12)]
    await Partitions(database).keep(1, 30)
    today = f"partitions.positions_{recent():%Y%m%d}"
    assert [tuple(row) for row in await sql.fetch(PLACES)] == [(today, 5), ("partitions.positions_other", 7)]
    assert await keep(database, *flight(drone, 5)) == 0


async def test_what_is_old_is_dropped(database: Database, sql: "asyncpg.Connection[asyncpg.Record]") -> None:
    """A day that is over its time goes as a whole, and so do late positions of such a day; younger ones stay."""
    drone, now = uuid4(), datetime.now(UTC)
    for age in (2, 40):
        await sql.execute("SELECT partitions.make_day($1)", (now - age * DAY).date())
    for age in (2, 40, 50):
        await keep(database, *flight(drone, 3, since=now.replace(hour=1) - age * DAY))
    assert await Partitions(database).keep(1, 30) == (3, 1)
    left = f"partitions.positions_{now - 2 * DAY:%Y%m%d}"
    assert [tuple(row) for row in await sql.fetch(PLACES)] == [(left, 3)]


async def test_readers_are_not_kept_waiting(database: Database, sql: "asyncpg.Connection[asyncpg.Record]") -> None:
    """While somebody reads for long, keeping gives up after a moment, says so, and does it at the next look."""
    partitions = Partitions(database)
    await sql.execute("BEGIN; SELECT * FROM positions")
    with pytest.raises(Unavailable):
        await partitions.keep(1, 30)
    await sql.execute("COMMIT")
    assert await partitions.keep(1, 30) == (3, 0)
