"""What the saga of the scheduler stands on, in memory: assignments in transactions, and a fleet that is far away."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast
from uuid import UUID

from tests.simulation.database import Database, Host, Table, Transaction
from tests.simulation.processes import Process
from tests.simulation.world import World

from arnia.chassis.events import Event
from arnia.errors import DeadlineExceeded, Unavailable
from scheduler.models.assignments import Assignment
from scheduler.models.errors import NoDroneFits, ReservationReleased, ReservedElsewhere
from scheduler.repositories.assignments import Claim, Filters, Place, Sort, Work

if TYPE_CHECKING:
    from tests.simulation.effects import Effect

__all__ = ["AssignmentTable", "Fleet", "RemoteFleet", "work_in"]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of `assignments`."""

    assignment: Assignment
    due_at: float
    attempts: int = 0


class AssignmentTable:
    """The table `assignments`."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self.database = database
        self.clock = clock
        self.rows: Table[UUID, Row] = Table()

    @asynccontextmanager
    async def unit(self, host: Host) -> AsyncIterator[Work]:
        """Open one short transaction."""
        transaction = self.database.begin(host)
        try:
            yield work_in(self, transaction)
            await transaction.commit()
        finally:
            transaction.end(keep=False)


class TransactedAssignments:
    """Keeps the promise of `AssignmentRepository` within a transaction."""

    def __init__(self, table: AssignmentTable, transaction: Transaction) -> None:
        self._rows = table.rows
        self._clock = table.clock
        self._transaction = transaction

    async def add(self, assignment: Assignment, *, due: float = 0.0) -> bool:
        await self._transaction.statement("add")
        await self._rows.lock(self._transaction, assignment.id)
        if self._rows.get(self._transaction, assignment.id) is not None:
            return False
        self._rows.put(self._transaction, assignment.id, Row(assignment, self._clock() + due))
        return True

    async def get(self, delivery_id: UUID) -> Assignment | None:
        await self._transaction.statement("get")
        row = self._rows.get(self._transaction, delivery_id)
        return None if row is None else row.assignment

    async def lock(self, delivery_id: UUID) -> Assignment | None:
        await self._transaction.statement("lock")
        if self._rows.get(self._transaction, delivery_id) is None:
            return None
        await self._rows.lock(self._transaction, delivery_id)
        row = self._rows.get(self._transaction, delivery_id)
        return None if row is None else row.assignment

    async def save(self, assignment: Assignment, *, due: float = 0.0) -> None:
        await self._transaction.statement("save")
        self._rows.put(self._transaction, assignment.id, Row(assignment, self._clock() + due))

    async def claim(self, most: int, lease: float) -> list[Claim]:
        await self._transaction.statement("claim")
        now = self._clock()
        found: list[Claim] = []
        for row in list(self._rows.rows(self._transaction)):
            identity = row.assignment.id
            if not row.assignment.is_driven or row.due_at > now or len(found) == most:
                continue
            if not self._rows.try_lock(self._transaction, identity):
                continue
            again = replace(row, due_at=now + lease, attempts=row.attempts + 1)
            self._rows.put(self._transaction, identity, again)
            found.append(Claim(again.assignment, again.attempts))
        return found

    async def postpone(self, assignment: Assignment, seconds: float) -> None:
        await self._transaction.statement("postpone")
        await self._rows.lock(self._transaction, assignment.id)
        row = self._rows.get(self._transaction, assignment.id)
        if row is not None and row.assignment.version == assignment.version:
            self._rows.put(self._transaction, assignment.id, replace(row, due_at=self._clock() + seconds))

    async def find(self, filters: Filters, sort: Sort, after: Place | None, limit: int) -> list[Assignment]:
        raise NotImplementedError


class _Sink:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def emit(self, event: Event, /) -> None:
        self._transaction.effects.append(cast("Effect", event))


def work_in(table: AssignmentTable, transaction: Transaction) -> Work:
    """Return what the use cases work on, in a transaction."""
    return Work(TransactedAssignments(table, transaction), _Sink(transaction))


class Fleet:
    """All drones there are.

    Attributes:
        promised: The drone, the delivery and the mass of each reservation.
        forgetful: Whether it promises again what was given back: a request that arrives late, or twice, then holds a
            drone that nobody gives back.
    """

    def __init__(self, world: World, capacities: dict[UUID, int], *, forgetful: bool) -> None:
        self.world = world
        self.promised: dict[UUID, tuple[UUID, UUID, int]] = {}
        self.forgetful = forgetful
        self._released: set[UUID] = set()
        self._free = capacities

    def reserve(self, reservation_id: UUID, delivery_id: UUID, weight_grams: int) -> UUID:
        """Promise a part of a drone."""
        if known := self.promised.get(reservation_id):
            return known[0]
        if reservation_id in self._released and not self.forgetful:
            raise ReservationReleased
        if any(delivery == delivery_id for _, delivery, _ in self.promised.values()):
            raise ReservedElsewhere
        drone = next((one for one, free in self._free.items() if free >= weight_grams), None)
        if drone is None:
            raise NoDroneFits
        self._free[drone] -= weight_grams
        self.promised[reservation_id] = (drone, delivery_id, weight_grams)
        return drone

    def release(self, reservation_id: UUID) -> None:
        """Take it back, for good."""
        self._released.add(reservation_id)
        if known := self.promised.pop(reservation_id, None):
            self._free[known[0]] += known[2]


class RemoteFleet:
    """The fleet as one process reaches it: requests are lost, and so are answers."""

    def __init__(self, fleet: Fleet, process: Process) -> None:
        self._fleet = fleet
        self._process = process

    async def reserve(self, reservation_id: UUID, delivery_id: UUID, weight_grams: int) -> UUID:
        answer = await self._ask("reserve", lambda: self._fleet.reserve(reservation_id, delivery_id, weight_grams))
        return cast("UUID", answer)

    async def release(self, reservation_id: UUID) -> None:
        await self._ask("release", lambda: self._fleet.release(reservation_id))

    async def _ask(self, name: str, action: Callable[[], UUID | None]) -> UUID | None:
        world = self._fleet.world
        await self._process.enter(name)
        luck = world.random() if world.rates.torn else 1.0
        if luck < world.rates.torn:
            world.note(self._process.name, f"{name} is lost")
            if luck < world.rates.torn / 2:
                world.loop.call_later(world.random(), self._do, action)
            raise DeadlineExceeded
        if world.random() < world.rates.late:
            world.note(self._process.name, f"{name} is on its way")
            await world.loop.later(3.0 * world.random())
            await self._process.enter(name)
        answer = action()
        world.note(self._process.name, name)
        await self._process.enter(f"{name} answered")
        if luck < 2 * world.rates.torn:
            raise Unavailable
        return answer

    def _do(self, action: Callable[[], UUID | None]) -> None:
        try:
            action()
        except (NoDroneFits, ReservationReleased, ReservedElsewhere):
            return
