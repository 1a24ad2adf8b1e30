"""Reserving capacity, over drones in memory."""

from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar
from uuid import UUID, uuid4

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, invariant, multiple, rule

from arnia.chassis.events import Event
from arnia.errors import Conflict
from drone.models.drones import Status
from drone.models.errors import (
    CapacityExhausted,
    DeliveryAlreadyReserved,
    ReservationDiffers,
    ReservationNotFound,
    ReservationReleased,
)
from drone.models.reservations import Reservation, Wish
from drone.models.values import Position, Specification
from drone.repositories.drones import Filters, Sort
from drone.repositories.memory import MemoryDrones, MemoryReservations
from drone.services.drones import DroneService, utc_now
from drone.services.reservations import REMEMBERED, ReservationService

T = TypeVar("T")


def accept(_: object) -> None:
    """Accept every state."""


@dataclass
class Fleet:
    """The services over one memory, and the events that they told."""

    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.memory = MemoryDrones()
        self.drones = DroneService(self.memory, self)
        self.kept = MemoryReservations(self.memory)
        self.reservations = ReservationService(self.kept, self)

    def emit(self, event: Event) -> None:
        """Remember `event`."""
        self.events.append(event)

    @property
    def topics(self) -> list[str]:
        """What was told, in order."""
        return [event.topic for event in self.events]

    async def add(self, capacity_grams: int, battery: int = 100) -> UUID:
        """Take a drone into the fleet."""
        position = Position(latitude=0, longitude=0)
        what = Specification(name="Maia", model="M1", capacity_grams=capacity_grams, battery=battery, position=position)
        return (await self.drones.create(what)).id


def a_wish(grams: int = 1000, reservation: UUID | None = None, delivery: UUID | None = None) -> Wish:
    """Return a wish for `grams`."""
    return Wish(id=reservation or uuid4(), delivery_id=delivery or uuid4(), weight_grams=grams)


@pytest.fixture
def fleet() -> Fleet:
    """Return an empty fleet."""
    return Fleet()


async def test_a_wish_takes_the_tightest_drone_that_fits(fleet: Fleet) -> None:
    """The drone with the least to spare is chosen, so that large ones stay free for large loads."""
    await fleet.add(500)
    tight = await fleet.add(1200)
    await fleet.add(9000)
    grant = await fleet.reservations.reserve(a_wish(1000), accept)
    assert (grant.reservation.drone_id, grant.new) == (tight, True)
    assert (await fleet.drones.get(tight)).free_grams == 200
    assert fleet.topics[-1] == "drone.reserved"


async def test_the_same_wish_again_is_the_same_promise(fleet: Fleet) -> None:
    """Asking twice takes the capacity once and tells it once."""
    drone = await fleet.add(5000)
    wish = a_wish()
    first = await fleet.reservations.reserve(wish, accept)
    second = await fleet.reservations.reserve(wish, accept)
    assert (second.reservation, second.new) == (first.reservation, False)
    assert (await fleet.drones.get(drone)).free_grams == 4000
    assert fleet.topics.count("drone.reserved") == 1


async def test_a_known_reservation_is_never_changed(fleet: Fleet) -> None:
    """The identity of a reservation, with another content, is refused."""
    await fleet.add(5000)
    wish = a_wish()
    await fleet.reservations.reserve(wish, accept)
    with pytest.raises(ReservationDiffers):
        await fleet.reservations.reserve(a_wish(2000, reservation=wish.id, delivery=wish.delivery_id), accept)


async def test_a_delivery_has_one_reservation(fleet: Fleet) -> None:
    """A second reservation for a delivery is refused, and takes nothing."""
    drone = await fleet.add(5000)
    wish = a_wish()
    await fleet.reservations.reserve(wish, accept)
    with pytest.raises(DeliveryAlreadyReserved):
        await fleet.reservations.reserve(a_wish(delivery=wish.delivery_id), accept)
    assert (await fleet.drones.get(drone)).free_grams == 4000


async def test_nothing_is_promised_beyond_the_capacity(fleet: Fleet) -> None:
    """When no drone has so much left, or is charged enough, the wish is refused."""
    await fleet.add(1500)
    await fleet.add(5000, battery=19)
    await fleet.reservations.reserve(a_wish(1000), accept)
    with pytest.raises(CapacityExhausted):
        await fleet.reservations.reserve(a_wish(1000), accept)


async def test_releasing_gives_back_once(fleet: Fleet) -> None:
    """A released reservation is gone, its capacity free, and it cannot be released again."""
    drone = await fleet.add(5000)
    wish = a_wish()
    await fleet.reservations.reserve(wish, accept)
    await fleet.reservations.release(wish.id, accept)
    assert (await fleet.drones.get(drone)).free_grams == 5000
    assert fleet.topics[-1] == "drone.released"
    with pytest.raises(ReservationNotFound):
        await fleet.reservations.release(wish.id, accept)
    with pytest.raises(ReservationNotFound):
        await fleet.reservations.get(wish.id)


async def test_a_late_wish_for_what_was_given_back_takes_nothing(fleet: Fleet) -> None:
    """Released before it was ever asked for, or after: the wish is refused, until the release is forgotten."""
    drone = await fleet.add(5000)
    time = utc_now()
    service = ReservationService(fleet.kept, fleet, lambda: time)
    never, once = a_wish(), a_wish()
    await service.reserve(once, accept)
    await service.release(once.id, accept)
    with pytest.raises(ReservationNotFound):
        await service.release(never.id, accept)
    for wish in (never, once):
        with pytest.raises(ReservationReleased):
            await service.reserve(wish, accept)
    assert (await fleet.drones.get(drone)).free_grams == 5000
    time += REMEMBERED + timedelta(seconds=1)
    another = a_wish()
    await service.reserve(another, accept)
    await service.release(another.id, accept)
    assert (await service.reserve(never, accept)).new
    with pytest.raises(ReservationReleased):
        await service.reserve(another, accept)


def now(step: Coroutine[object, None, T]) -> T:
    """Run a step that never really waits."""
    try:
        step.send(None)
    except StopIteration as end:
        answer: T = end.value
        return answer
    raise AssertionError("a step in memory waited for something")


class Fleets(RuleBasedStateMachine):
    """Any sequence of registering, reserving, releasing and turning."""

    drones: Bundle[UUID] = Bundle("drones")
    granted: Bundle[UUID] = Bundle("granted")
    released: Bundle[UUID] = Bundle("released")

    def __init__(self) -> None:
        super().__init__()
        self.fleet = Fleet()

    @rule(target=drones, grams=st.integers(1, 5000))
    def register(self, grams: int) -> UUID:
        """Take a drone into the fleet."""
        return now(self.fleet.add(grams))

    @rule(target=granted, grams=st.integers(1, 3000))
    def reserve(self, grams: int) -> UUID | MultipleResults[UUID]:
        """Ask for capacity; it is refused exactly when no drone carries it."""
        fits = self.fleet.memory.tightest(grams) is not None
        try:
            grant = now(self.fleet.reservations.reserve(a_wish(grams), accept))
        except CapacityExhausted:
            assert not fits
            return multiple()
        assert fits
        return grant.reservation.id

    @rule(target=released, reservation=granted | st.uuids())
    def release(self, reservation: UUID) -> UUID:
        """Give capacity back; a second time finds nothing."""
        try:
            now(self.fleet.reservations.release(reservation, accept))
        except ReservationNotFound:
            assert now(self.fleet.kept.get(reservation)) is None
        return reservation

    @rule(reservation=released)
    def reserve_late(self, reservation: UUID) -> None:
        """Ask for what was given back, or never was there; it is always refused."""
        with pytest.raises(ReservationReleased):
            now(self.fleet.reservations.reserve(a_wish(1, reservation), accept))

    @rule(drone=drones, status=st.sampled_from(Status))
    def turn(self, drone: UUID, status: Status) -> None:
        """Let a drone do something else, where that is legal."""
        try:
            now(self.fleet.drones.turn(drone, status, accept))
        except Conflict:
            return

    @invariant()
    def free_is_what_reservations_left(self) -> None:
        """Each drone's reservations add up to what is taken of it, and never beyond its capacity."""
        reservations: list[Reservation] = self.fleet.kept.all()
        for drone in now(self.fleet.drones.find(Filters(), Sort.NAME, None, 100)):
            promised = sum(one.weight_grams for one in reservations if one.drone_id == drone.id)
            assert promised == drone.reserved_grams <= drone.specification.capacity_grams


TestFleets = Fleets.TestCase
