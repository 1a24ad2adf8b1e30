"""Capacity is never oversold, and never withheld, by a real PostgreSQL under concurrent requests."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID, uuid4

import asyncpg
import pytest

from arnia.chassis.database import Database
from arnia.errors import Conflict
from arnia.testing.postgres import DatabaseAccess
from drone.models.drones import Drone, Status
from drone.models.errors import CapacityExhausted, ReservationNotFound, ReservationReleased
from drone.models.reservations import Reservation, Wish
from drone.models.values import Position, Specification
from drone.repositories.sql import SqlDrones
from drone.repositories.sql_reservations import SqlReservations
from drone.services.drones import DroneService
from drone.services.reservations import Grant, ReservationService

CLIENTS = 100


def accept(_: object) -> None:
    """Accept every state."""


@pytest.fixture
async def database(database_access: DatabaseAccess) -> AsyncIterator[Database]:
    """Give an empty fleet, and connections enough for real concurrency."""
    opened = await Database.open(replace(database_access, database_pool_size=40), service="test")
    connection = await asyncpg.connect(database_access.database_url.get_secret_value())
    await connection.execute("TRUNCATE reservations, releases, drones, arnia_outbox, arnia_sequences")
    await connection.close()
    yield opened
    await opened.close()


async def register(database: Database, *capacities: int) -> list[UUID]:
    """Take a drone of each capacity, in grams, into the fleet."""
    async with database.session(read_only=False) as session:
        service = DroneService(SqlDrones(session), session)
        position = Position(latitude=0, longitude=0)
        plain = [
            Specification(name="Maia", model="M1", capacity_grams=grams, battery=90, position=position)
            for grams in capacities
        ]
        return [(await service.create(one)).id for one in plain]


async def reserve(database: Database, wish: Wish) -> Grant | Conflict:
    """Ask for capacity in a transaction of its own; a refusal is an answer."""
    try:
        async with database.session(read_only=False) as session:
            return await ReservationService(SqlReservations(session), session).reserve(wish, accept)
    except Conflict as refusal:
        return refusal


async def release(database: Database, reservation: UUID) -> bool:
    """Give capacity back in a transaction of its own, and tell whether there was any."""
    async with database.session(read_only=False) as session:
        try:
            await ReservationService(SqlReservations(session), session).release(reservation, accept)
        except ReservationNotFound:
            return False  # and what it kept is committed, as after any error that `keeps_effect`
    return True


async def look(database: Database, drone: UUID) -> Drone:
    """Return a drone as everybody sees it."""
    async with database.session(read_only=True) as session:
        found = await SqlDrones(session).get(drone)
    assert found is not None
    return found


def a_wish(grams: int) -> Wish:
    """Return a wish for a delivery of its own."""
    return Wish(id=uuid4(), delivery_id=uuid4(), weight_grams=grams)


def granted(answers: list[Grant | Conflict]) -> list[Reservation]:
    """Return what was granted; every other answer says that nothing is left."""
    refused = [one for one in answers if not isinstance(one, Grant)]
    assert all(isinstance(one, CapacityExhausted) for one in refused), refused
    return [one.reservation for one in answers if isinstance(one, Grant)]


@pytest.mark.parametrize("capacities", [(30_000,), (10_000, 7_000, 3_500, 900), (1_000,) * 25])
async def test_a_hundred_at_once_get_exactly_what_fits(
    database: Database, database_url: str, capacities: tuple[int, ...]
) -> None:
    """Of 100 concurrent wishes for a kilogram, as many are granted as fit, no drone is oversold, each is told once."""
    drones = await register(database, *capacities)
    answers = await asyncio.gather(*(reserve(database, a_wish(1000)) for _ in range(CLIENTS)))
    reservations = granted(answers)
    assert len(reservations) == sum(grams // 1000 for grams in capacities)
    promised = Counter[UUID]()
    for one in reservations:
        promised[one.drone_id] += one.weight_grams
    for drone, capacity in zip(drones, capacities, strict=True):
        assert promised[drone] == (await look(database, drone)).reserved_grams <= capacity
    connection = await asyncpg.connect(database_url)
    told = await connection.fetch("SELECT payload FROM arnia_outbox WHERE type = 'drone.reserved'")
    await connection.close()
    assert len(told) == len(reservations)


async def test_mixed_masses_never_oversell_and_leave_nothing_that_fits(database: Database) -> None:
    """After any race, what was refused really fits nowhere."""
    drones = await register(database, 9_000, 8_000, 5_000)
    wishes = [a_wish(300 + 137 * number % 2400) for number in range(CLIENTS)]
    answers = await asyncio.gather(*(reserve(database, wish) for wish in wishes))
    taken = {one.id for one in granted(answers)}
    free = [(await look(database, drone)).free_grams for drone in drones]
    assert all(grams >= 0 for grams in free)
    assert sum(wish.weight_grams for wish in wishes if wish.id in taken) == 22_000 - sum(free)
    assert min(wish.weight_grams for wish in wishes if wish.id not in taken) > max(free)


async def test_the_same_wish_a_hundred_times_is_one_promise(database: Database) -> None:
    """Concurrent repetitions take the capacity once, and all hear of the same drone."""
    drones = await register(database, 5_000, 5_000, 5_000)
    wish = a_wish(1000)
    answers = await asyncio.gather(*(reserve(database, wish) for _ in range(CLIENTS)))
    assert len({one.drone_id for one in granted(answers)}) == 1
    assert sum(isinstance(one, Grant) and one.new for one in answers) == 1
    assert sum([(await look(database, drone)).reserved_grams for drone in drones]) == 1000


async def test_one_delivery_gets_one_reservation_in_a_race(database: Database) -> None:
    """Wishes of different identity for one delivery: one is granted, the others are told why not."""
    drones = await register(database, 5_000, 5_000, 5_000)
    delivery = uuid4()
    wishes = [Wish(id=uuid4(), delivery_id=delivery, weight_grams=1000) for _ in range(CLIENTS)]
    answers = await asyncio.gather(*(reserve(database, wish) for wish in wishes))
    slugs = Counter("granted" if isinstance(one, Grant) else one.slug for one in answers)
    assert slugs == {"granted": 1, "drone-delivery-already-reserved": CLIENTS - 1}
    assert sum([(await look(database, drone)).reserved_grams for drone in drones]) == 1000


async def test_reserving_and_releasing_at_once_adds_up(database: Database) -> None:
    """While reservations come and go, two releases of one give back once, and in the end everything is free."""
    drones = await register(database, 6_000, 4_000)

    async def come_and_go(number: int) -> None:
        wish = a_wish(500 + number)
        if isinstance(await reserve(database, wish), Grant):
            gone = await asyncio.gather(*(release(database, wish.id) for _ in range(2)))
            assert sorted(gone) == [False, True]

    await asyncio.gather(*(come_and_go(number) for number in range(CLIENTS)))
    assert [(await look(database, drone)).reserved_grams for drone in drones] == [0, 0]


async def test_what_is_released_while_it_is_asked_for_is_not_reserved(database: Database, database_url: str) -> None:
    """PUT and DELETE of one identity a hundred times at once: once DELETE is answered, nothing is reserved for ever."""
    (drone,) = await register(database, 1_000_000)
    outcomes = Counter[str]()

    async def race(number: int) -> None:
        wish = a_wish(1000)
        asked = (reserve(database, wish), reserve(database, wish))
        if number % 2:
            *answers, freed = await asyncio.gather(*asked, release(database, wish.id))
        else:
            freed, *answers = await asyncio.gather(release(database, wish.id), *asked)
        late = await reserve(database, wish)
        assert isinstance(late, ReservationReleased)
        granted_now = any(isinstance(one, Grant) and one.new for one in answers)
        assert granted_now == freed
        outcomes["first" if freed else "late"] += 1

    await asyncio.gather(*(race(number) for number in range(CLIENTS)))
    assert len(outcomes) == 2, outcomes
    assert (await look(database, drone)).reserved_grams == 0
    connection = await asyncpg.connect(database_url)
    assert await connection.fetchval("SELECT count(*) FROM reservations") == 0
    told = await connection.fetch("SELECT type, count(*) AS times FROM arnia_outbox GROUP BY type ORDER BY type")
    await connection.close()
    assert [row["times"] for row in told if row["type"] != "drone.registered"] == [outcomes["first"]] * 2


async def test_taking_a_drone_away_races_with_reserving_it(database: Database) -> None:
    """A drone that retires while it is asked for is either retired and free, or promised and not retired."""
    (drone,) = await register(database, 50_000)

    async def retire() -> bool:
        try:
            async with database.session(read_only=False) as session:
                await DroneService(SqlDrones(session), session).turn(drone, Status.RETIRED, accept)
        except Conflict:
            return False
        return True

    *answers, retired = await asyncio.gather(*(reserve(database, a_wish(1000)) for _ in range(20)), retire())
    found = await look(database, drone)
    assert found.reserved_grams == 1000 * len(granted([one for one in answers if not isinstance(one, bool)]))
    assert (found.status is Status.RETIRED) == retired == (found.reserved_grams == 0)


async def test_the_database_itself_refuses_to_oversell(database: Database, database_url: str) -> None:
    """Even a statement that goes round the service cannot promise more than there is."""
    await register(database, 1_000)
    connection = await asyncpg.connect(database_url)
    with pytest.raises(asyncpg.CheckViolationError, match="never_oversold"):
        await connection.execute("UPDATE drones SET free_grams = -1")
    await connection.close()
