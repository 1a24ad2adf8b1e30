"""One suite for whatever keeps drones and reservations: the dictionaries and PostgreSQL pass the same tests."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete

from arnia.chassis.database import Database
from arnia.chassis.statements import Statement
from arnia.chassis.uuids import uuid7
from arnia.testing.repositories import RepositoryConformance, UnitOfWork, remembered, transactional
from drone.models.drones import Drone, Status
from drone.models.reservations import Wish
from drone.models.tables import DroneRow
from drone.models.values import Position, Specification
from drone.repositories.drones import DroneRepository, Filters, Place, Sort
from drone.repositories.memory import MemoryDrones, MemoryReservations
from drone.repositories.reservations import ReservationRepository
from drone.repositories.sql import SqlDrones
from drone.repositories.sql_reservations import SqlReservations

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(microseconds=1)


@dataclass(frozen=True)
class Kept:
    """Drones and the reservations of their capacity."""

    drones: DroneRepository
    reservations: ReservationRepository


@pytest.fixture
async def sql(database: Database) -> AsyncIterator[Kept]:
    """Return the repositories in PostgreSQL, within a transaction that is undone in the end."""
    session = database.session(read_only=False)
    await session.execute(Statement(delete(DroneRow)))  # those that the suite left behind
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


class Drones(RepositoryConformance[Drone]):
    """What the suite of repositories has to know about drones."""

    def make(self, serial: int) -> Drone:
        """Return a new drone; several share a name, a moment, a model and a capacity."""
        names = ("Zoe", "ape", "Éva")
        moment = NOW + timedelta(seconds=serial // 3)
        drone = a_drone(
            names[serial % 3], model=f"M{serial % 2}", grams=1000 * (1 + serial % 4), battery=serial % 5, now=moment
        )
        return drone.turn(Status.CHARGING, moment) if serial % 5 == 0 else drone

    def change(self, entity: Drone) -> Drone:
        """Return the drone somewhere else."""
        return entity.move(Position(latitude=-1.5, longitude=179.25), LATER)

    def identity(self, entity: Drone) -> UUID:
        """Return its identity."""
        return entity.id

    def place(self, entity: Drone, sort: Sort) -> Place:
        """Return where it stands."""
        return Place.of(entity, sort)

    def sorts(self) -> Mapping[Sort, Callable[[Drone], object]]:
        """Return every order."""
        return {sort: partial(_place, sort=sort) for sort in Sort}

    def filters(self) -> Sequence[tuple[Filters, Callable[[Drone], bool]]]:
        """Return each filter alone, and two together."""
        return [
            (Filters(), lambda drone: True),
            (Filters(status=Status.CHARGING), lambda drone: drone.status is Status.CHARGING),
            (Filters(model="M1"), lambda drone: drone.specification.model == "M1"),
            (Filters(free_grams=3000), lambda drone: drone.free_grams >= 3000),
            (Filters(battery=2), lambda drone: drone.specification.battery >= 2),
            (
                Filters(status=Status.AVAILABLE, model="M0", battery=1),
                lambda drone: (
                    (drone.status, drone.specification.model) == (Status.AVAILABLE, "M0")
                    and drone.specification.battery >= 1
                ),
            ),
        ]


class TestMemoryDrones(Drones):
    """The dictionary."""

    @pytest.fixture
    def unit(self) -> UnitOfWork:
        """Open the dictionary."""
        return remembered(MemoryDrones())


class TestSqlDrones(Drones):
    """PostgreSQL."""

    @pytest.fixture
    def unit(self, database: Database) -> UnitOfWork:
        """Open a transaction."""
        return transactional(database, SqlDrones)


def _place(drone: Drone, sort: Sort) -> tuple[object, UUID]:
    return Place.of(drone, sort).key, drone.id


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


async def test_drones_are_found_by_what_they_carry(kept: Kept) -> None:
    """Of several deliveries, each drone that carries any is found once, with those and no others."""
    for grams in (3000, 1500, 900):
        await kept.drones.add(a_drone(grams=grams))
    one, two, three, elsewhere = (a_wish(grams) for grams in (1500, 1400, 1300, 800))
    granted = {wish.delivery_id: await kept.reservations.grant(wish, LATER) for wish in (one, two, three, elsewhere)}
    carriers = {delivery: given.drone_id for delivery, given in granted.items() if given is not None}
    asked = (one.delivery_id, two.delivery_id, three.delivery_id, uuid4())
    expected: dict[UUID, set[UUID]] = {}
    for delivery in asked[:3]:
        expected.setdefault(carriers[delivery], set()).add(delivery)
    assert {drone: set(carried) for drone, carried in (await kept.drones.carriers(asked)).items()} == expected
    found = await kept.drones.find(Filters(deliveries=asked), Sort.NAME, None, 10)
    assert sorted(drone.id for drone in found) == sorted(expected)
    assert await kept.drones.find(Filters(deliveries=(uuid4(),)), Sort.NAME, None, 10) == []


@pytest.mark.parametrize("known", [False, True])
async def test_what_is_released_is_granted_no_more(kept: Kept, known: bool) -> None:  # noqa: FBT001 - a parameter
    """Whether or not it ever was: a released identity gets nothing, until that is forgotten; another one does."""
    drone = a_drone()
    await kept.drones.add(drone)
    wish = a_wish()
    if known:
        assert await kept.reservations.grant(wish, NOW) is not None
    assert not await kept.reservations.was_released(wish.id)
    assert (await kept.reservations.release(wish.id, NOW) is not None) == known
    assert await kept.reservations.was_released(wish.id)
    assert await kept.reservations.grant(wish, LATER) is None
    assert (await present(kept, drone)).free_grams == 5000
    anew = wish.model_copy(update={"id": uuid4()})
    assert await kept.reservations.grant(anew, LATER) is not None
    await kept.reservations.release(anew.id, LATER)
    assert await kept.reservations.forget(LATER, 10) == 1
    assert await kept.reservations.grant(wish, LATER) is not None


async def test_a_release_is_remembered_from_its_last_repetition(kept: Kept) -> None:
    """The oldest are forgotten first, a few at a time, and one that was released again not before its time."""
    wishes = [a_wish() for _ in range(4)]
    for number, wish in enumerate(wishes):
        await kept.reservations.release(wish.id, NOW - timedelta(days=4 - number))
    await kept.reservations.release(wishes[0].id, NOW)
    assert await kept.reservations.forget(NOW, 2) == 2
    assert [await kept.reservations.was_released(wish.id) for wish in wishes] == [True, False, False, True]
    assert await kept.reservations.forget(NOW, 2) == 1
    assert await kept.reservations.forget(NOW, 2) == 0
