"""What positions add up to, over a real PostgreSQL: the numbers are right, and pages join without a seam."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from services.telemetry.tests.positions import SECOND, flight, recent
from sqlalchemy import text

from arnia.chassis.database import Database
from arnia.chassis.statements import Statement
from arnia.testing.queries import counted_statements
from telemetry.models.positions import Area, Cell, Distance, Period, Position
from telemetry.repositories.positions import AfterCell, AfterHour
from telemetry.repositories.sql import SqlAggregates, SqlPositions

HOUR = timedelta(hours=1)
DEGREE_M = 111_195.08
"""Metres of one degree of latitude on a sphere of 6,371,008.8 m: 2 pi r / 360."""
WORLD = Area(-90, -180, 90, 180)
EMPTY = Statement(text("TRUNCATE positions, last_positions"))


async def keep(database: Database, *positions: Position) -> int:
    async with database.session(read_only=False) as session:
        columns = {name: [getattr(position, name) for position in positions] for name in Position._fields}
        return await SqlPositions(session).store(columns)


async def distances(
    database: Database, period: Period, after: AfterHour | None = None, most: int = 100
) -> list[Distance]:
    async with database.session(read_only=True) as session:
        return await SqlAggregates(session).distances(period, None, after, most)


async def cells(database: Database, area: Area, after: AfterCell | None = None, most: int = 1000) -> list[Cell]:
    period = Period(recent() - HOUR, recent() + 2 * HOUR)
    async with database.session(read_only=True) as session:
        return await SqlAggregates(session).cells(period, area, after, most)


@pytest.fixture(autouse=True)
async def nothing_there(database: Database) -> None:
    """Begin each test without a position."""
    async with database.session(read_only=False) as session:
        await session.execute(EMPTY)


async def test_a_position_is_stored_once(database: Database) -> None:
    """What is stored again, in one batch or in another, is not stored twice, and the first one stays."""
    drone = uuid4()
    path = flight(drone, 10)
    assert await keep(database, *path, *path) == 10
    assert await keep(database, *(each._replace(latitude=-45.0) for each in path), *flight(drone, 12)) == 2
    assert [each.positions for each in await cells(database, Area(-90, -180, 0, 180))] == []


async def test_the_last_position_is_the_latest(database: Database) -> None:
    """However late an earlier position comes, the last one is that with the latest moment."""
    drone, other = sorted([uuid4(), uuid4()])
    path = flight(drone, 10)
    await keep(database, *path[5:], flight(other, 1)[0])
    await keep(database, *path[:5])
    async with database.session(read_only=True) as session:
        found = SqlAggregates(session)
        assert await found.last_positions(None, None, 9) == [path[-1], flight(other, 1)[0]]
        assert await found.last_positions(None, drone, 9) == [flight(other, 1)[0]]
        assert await found.last_positions(other, None, 9) == [flight(other, 1)[0]]


async def test_distances_are_great_circles(database: Database) -> None:
    """A degree along a meridian is as long as it is; a step belongs to the hour in which it ends."""
    drone, begin = uuid4(), recent()
    north = [
        Position(drone, begin + minute * 10 * 60 * SECOND, float(minute), 9.0, None, None, None) for minute in range(9)
    ]
    await keep(database, *north)
    found = await distances(database, Period(begin, begin + 2 * HOUR))
    assert [(each.hour, each.positions) for each in found] == [(begin, 6), (begin + HOUR, 3)]
    assert [each.metres for each in found] == pytest.approx([5 * DEGREE_M, 3 * DEGREE_M], rel=1e-6)
    (later,) = await distances(database, Period(begin + HOUR, begin + 2 * HOUR))
    assert later.metres == pytest.approx(3 * DEGREE_M, rel=1e-6)


async def test_a_silence_is_no_flight(database: Database) -> None:
    """What a drone moved while nobody heard of it for more than an hour is no distance."""
    drone, begin = uuid4(), recent()
    near = Position(drone, begin, 45.0, 9.0, None, None, None)
    await keep(database, near, near._replace(at=begin + HOUR + SECOND, latitude=46.0))
    assert [each.metres for each in await distances(database, Period(begin, begin + 3 * HOUR))] == [0.0, 0.0]


async def test_pages_of_distances_join(database: Database) -> None:
    """Read one at a time, the hours of all drones are those that one page shows, with the same numbers."""
    begin = recent() - 3 * HOUR
    for drone in (uuid4(), uuid4(), uuid4()):
        await keep(
            database, *(each._replace(at=begin + place * 600 * SECOND) for place, each in enumerate(flight(drone, 20)))
        )
    period = Period(begin, begin + 6 * HOUR)
    whole = await distances(database, period)
    assert len(whole) == 12
    seen: list[Distance] = []
    while page := await distances(database, period, AfterHour(seen[-1].drone_id, seen[-1].hour) if seen else None, 1):
        seen += page
    assert seen == whole


async def test_cells_count_what_is_in_them(database: Database) -> None:
    """Each cell has as many positions as lie in it, also south and west of zero; an area shows the cells it touches."""
    drone, begin = uuid4(), recent()
    places = [(45.001, 9.001), (45.009, 9.009), (45.011, 9.001), (-0.001, -0.001)]
    spots = [Position(drone, begin + at * SECOND, *place, None, None, None) for at, place in enumerate(places)]
    await keep(database, *spots)
    assert await cells(database, WORLD) == [Cell(-1, -1, 1), Cell(4500, 900, 2), Cell(4501, 900, 1)]
    assert await cells(database, Area(45.005, 9.0, 45.005, 9.0)) == [Cell(4500, 900, 2)]
    assert await cells(database, WORLD, AfterCell(-1, -1), 1) == [Cell(4500, 900, 2)]


async def test_a_batch_is_one_statement(database: Database, database_url: str) -> None:
    """Ten thousand positions of a batch are stored by one statement in one transaction."""
    drones = [UUID(int=number) for number in range(10)]
    path = [each for drone in drones for each in flight(drone, 1000, step=0.0001)]
    async with counted_statements(database_url) as counted:
        assert await keep(database, *path) == 10_000
    ours = {query: calls for query, calls in counted.items() if "positions" in query}
    assert list(ours.values()) == [1]
    found = await distances(database, Period(recent(), recent() + HOUR))
    assert [each.metres for each in found] == pytest.approx([999 * 0.0001 * DEGREE_M] * 10, rel=1e-6)
