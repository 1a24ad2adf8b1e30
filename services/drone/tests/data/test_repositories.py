"""One suite for whatever keeps drones and reservations: the dictionaries and PostgreSQL pass the same tests."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from arnia.chassis.database import Database
from arnia.chassis.uuids import uuid7
from drone.models.drones import Drone, Status
from drone.models.reservations import Wish
from drone.models.values import Position, Specification
from drone.repositories.drones import DroneRepository, Filters, Place, Sort
from drone.repositories.memory import MemoryDrones, MemoryReservations
from drone.repositories.reservations import ReservationRepository
from drone.repositories.sql import SqlDrones, SqlReservations

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(microseconds=1)
ANY = Filters()


@dataclass(frozen=True)
class Kept:
    """Drones and the reservations of their capacity."""

    drones: DroneRepository
    reservations: ReservationRepository


@pytest.fixture
async def sql(database: Database) -> AsyncIterator[Kept]:
    """Return the repositories in PostgreSQL, within a transaction that is undone in the end."""
    session = database.session(read_only=False)
    yield Kept(SqlDrones(session), SqlReservations(session))
    await session.rollback()


@pytest.fixture
def memory() -> Kept:
    """Return the repositories in dictionaries."""
    drones = MemoryDrones()
    return Kept(drones, MemoryReservations(drones))


@pytest.fixture(params=["memory", "sql"])
def kept(request: pytest.FixtureRequest) -> Kept:
    """Return each of them in turn."""
    found: Kept = request.getfixturevalue(request.param)
    return found


def a_drone(
    name: str = "Maia", *, model: str = "M1", grams: int = 5000, battery: int = 80, now: datetime = NOW
) -> Drone:
    """Return a new drone."""
    position = Position(latitude=45.4642, longitude=-9.19)
    what = Specification(name=name, model=model, capacity_grams=grams, battery=battery, position=position)
    return Drone.register(uuid7(), what, now)


def a_wish(grams: int = 1000) -> Wish:
    """Return a wish for a delivery of its own."""
    return Wish(id=uuid4(), delivery_id=uuid4(), weight_grams=grams)


async def present(kept: Kept, drone: Drone) -> Drone:
    """Return a drone as it is kept now."""
    found = await kept.drones.get(drone.id)
    assert found is not None
    return found


async def test_round_trip(kept: Kept) -> None:
    """What was kept is read back equal, through every status."""
    drone = a_drone()
    assert await kept.drones.add(drone)
    for status in (Status.FLYING, Status.AVAILABLE, Status.CHARGING, Status.RETIRED):
        drone = drone.turn(status, LATER)
        await kept.drones.save(drone)
        assert await kept.drones.get(drone.id) == drone == await kept.drones.lock(drone.id)


async def test_add_once(kept: Kept) -> None:
    """An identity is taken once; a second drone with it is refused and changes nothing."""
    drone = a_drone()
    assert await kept.drones.add(drone)
    assert not await kept.drones.add(drone.turn(Status.FLYING, LATER))
    assert await kept.drones.get(drone.id) == drone


async def test_remove(kept: Kept) -> None:
    """What was removed is gone, and its identity is free again."""
    drone = a_drone()
    await kept.drones.add(drone)
    await kept.drones.remove(drone.id)
    assert await kept.drones.get(drone.id) is None
    assert await kept.drones.lock(drone.id) is None
    assert await kept.drones.add(drone)


async def test_filters(kept: Kept) -> None:
    """A listing holds what passes every filter; a least value is itself inside."""
    small = a_drone("aaa", grams=1000, battery=20)
    large = a_drone("bbb", grams=9000, battery=90)
    other = a_drone("ccc", model="M2", grams=9000, battery=50).turn(Status.CHARGING, NOW)
    for drone in (small, large, other):
        await kept.drones.add(drone)

    async def names(filters: Filters) -> list[str]:
        return [one.specification.name for one in await kept.drones.find(filters, Sort.NAME, None, 10)]

    assert await names(ANY) == ["aaa", "bbb", "ccc"]
    assert await names(Filters(status=Status.CHARGING)) == ["ccc"]
    assert await names(Filters(model="M1")) == ["aaa", "bbb"]
    assert await names(Filters(free_grams=9000)) == ["bbb", "ccc"]
    assert await names(Filters(battery=50)) == ["bbb", "ccc"]
    assert await names(Filters(status=Status.AVAILABLE, model="M1", free_grams=1001, battery=90)) == ["bbb"]
    assert await names(Filters(model="M3")) == []


@pytest.mark.parametrize("sort", Sort)
async def test_pages(kept: Kept, sort: Sort) -> None:
    """Page after page gives each drone once, in order, also where many have the same sort key."""
    names = ["Zoe", "ape", "Éva", "ape"]
    drones = [a_drone(names[number % 4], now=NOW + timedelta(seconds=number // 3)) for number in range(10)]
    for drone in drones:
        await kept.drones.add(drone)

    def place(drone: Drone) -> tuple[object, UUID]:
        return Place.of(drone, sort).key, drone.id

    expected = sorted(drones, key=place, reverse=sort.descending)
    found: list[Drone] = []
    while page := await kept.drones.find(ANY, sort, Place.of(found[-1], sort) if found else None, 3):
        assert len(page) <= 3
        found += page
    assert found == expected


async def test_a_grant_takes_and_a_release_gives_back(kept: Kept) -> None:
    """A reservation is found by its identity and its delivery, and its mass is off the drone until it is released."""
    drone = a_drone()
    await kept.drones.add(drone)
    wish = a_wish()
    granted = await kept.reservations.grant(wish, LATER)
    assert granted is not None
    assert granted.grants(wish)
    assert granted.drone_id == drone.id
    assert await kept.reservations.get(wish.id) == granted == await kept.reservations.of_delivery(wish.delivery_id)
    assert await present(kept, drone) == drone.load(1000, LATER)
    assert await kept.reservations.release(wish.id, LATER) == granted
    assert await kept.reservations.release(wish.id, LATER) is None
    assert await kept.reservations.get(wish.id) is None
    assert (await present(kept, drone)).free_grams == 5000


async def test_the_tightest_suitable_drone_is_chosen(kept: Kept) -> None:
    """Charged, available, with the least to spare; a mass that fills a drone up fits."""
    for drone in (
        a_drone(grams=999),
        a_drone(grams=1000, battery=19),
        a_drone(grams=1000).turn(Status.CHARGING, NOW),
        a_drone(grams=9000),
    ):
        await kept.drones.add(drone)
    tight = a_drone(grams=1000, battery=20)
    await kept.drones.add(tight)
    granted = await kept.reservations.grant(a_wish(1000), LATER)
    assert granted is not None
    assert granted.drone_id == tight.id
    assert await kept.reservations.grant(a_wish(9001), LATER) is None


async def test_a_second_grant_changes_nothing(kept: Kept) -> None:
    """An identity, or a delivery, that has a reservation gets no other one."""
    drone = a_drone()
    await kept.drones.add(drone)
    wish = a_wish()
    await kept.reservations.grant(wish, LATER)
    before = await present(kept, drone)
    same_identity = wish.model_copy(update={"delivery_id": uuid4()})
    same_delivery = wish.model_copy(update={"id": uuid4()})
    for again in (wish, same_identity, same_delivery):
        assert await kept.reservations.grant(again, LATER) is None
    assert await present(kept, drone) == before
