"""What may happen to deliveries: every use case, in words of the domain."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Generic, TypeAlias, TypeVar
from uuid import UUID

from arnia.chassis.events import EventSink
from arnia.chassis.uuids import uuid7
from delivery.models.deliveries import Action, Delivery
from delivery.models.errors import DeliveryNotFound
from delivery.models.events import DeliveryCancelled, facts
from delivery.models.values import Location, Order, Schedule
from delivery.repositories.deliveries import DeliveryRepository, Filters, Place, Sort

ATTEMPTS: Final = 2
"""How often a PUT looks: what was taken, and is not there, may have been removed between the two statements."""

Clock: TypeAlias = Callable[[], datetime]
Step: TypeAlias = Callable[[Delivery, datetime], Delivery]
Guard: TypeAlias = Callable[[Delivery | None], None]
"""Raises when the caller does not accept the present state of a delivery; None means that there is none."""


Before_co = TypeVar("Before_co", bound=Delivery | None, covariant=True)


@dataclass(frozen=True, slots=True)
class Change(Generic[Before_co]):
    """A delivery before and after something happened to it; `before` is None when it did not exist."""

    before: Before_co
    after: Delivery


def utc_now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


class DeliveryService:
    """The use cases. Repository and events belong to one transaction, which is not ours to end."""

    def __init__(self, repository: DeliveryRepository, events: EventSink, now: Clock = utc_now) -> None:
        self._repository = repository
        self._events = events
        self._now = now

    async def create(self, order: Order) -> Delivery:
        """Accept an order as a new delivery, each time another one."""
        delivery = Delivery.place(uuid7(), order, self._now())
        await self._repository.add(delivery)
        self._tell(None, delivery)
        return delivery

    async def put(self, delivery_id: UUID, order: Order, guard: Guard) -> Change[Delivery | None]:
        """Create the delivery or, where it exists already, replace what was ordered.

        Raises:
            DeliveryNotFound: The identity is taken, and not by a delivery that the caller reaches.
            NotChangeable: It is on its way, or over.
        """
        new = Delivery.place(delivery_id, order, self._now())
        for _ in range(ATTEMPTS):
            if await self._repository.add(new):
                guard(None)
                self._tell(None, new)
                return Change(None, new)
            before = await self._repository.lock(delivery_id)
            if before is not None:
                guard(before)
                return await self._step(before, lambda delivery, now: delivery.change(order, now))
        guard(None)
        raise DeliveryNotFound

    async def get(self, delivery_id: UUID) -> Delivery:
        """Return a delivery.

        Raises:
            DeliveryNotFound: There is none.
        """
        delivery = await self._repository.get(delivery_id)
        if delivery is None:
            raise DeliveryNotFound
        return delivery

    async def find(self, filters: Filters, sort: Sort, after: Place | None, limit: int) -> list[Delivery]:
        """Return at most `limit` deliveries that pass `filters`, from the one that follows `after` on."""
        return await self._repository.find(filters, sort, after, limit)

    async def edit(self, delivery_id: UUID, edit: Callable[[Order], Order], guard: Guard) -> Change[Delivery]:
        """Replace what was ordered by what `edit` makes of it."""
        return await self._take(delivery_id, lambda delivery, now: delivery.change(edit(delivery.order), now), guard)

    async def redirect(self, delivery_id: UUID, dropoff: Location, guard: Guard) -> Change[Delivery]:
        """Deliver somewhere else."""
        return await self._take(delivery_id, lambda delivery, now: delivery.redirect(dropoff, now), guard)

    async def reschedule(self, delivery_id: UUID, schedule: Schedule, guard: Guard) -> Change[Delivery]:
        """Deliver at another time."""
        return await self._take(delivery_id, lambda delivery, now: delivery.reschedule(schedule, now), guard)

    async def assign(self, delivery_id: UUID, drone_id: UUID, guard: Guard) -> Change[Delivery]:
        """Give the delivery to a drone."""
        return await self._take(delivery_id, lambda delivery, now: delivery.assign(drone_id, now), guard)

    async def depart(self, delivery_id: UUID, guard: Guard) -> Change[Delivery]:
        """Send the drone off."""
        return await self._take(delivery_id, Delivery.depart, guard)

    async def confirm(self, delivery_id: UUID, received_by: str, guard: Guard) -> Change[Delivery]:
        """Complete the delivery."""
        return await self._take(delivery_id, lambda delivery, now: delivery.confirm(received_by, now), guard)

    async def cancel(self, delivery_id: UUID, reason: str, guard: Guard) -> Change[Delivery]:
        """Give the delivery up."""
        return await self._take(delivery_id, lambda delivery, now: delivery.cancel(reason, now), guard)

    async def remove(self, delivery_id: UUID, guard: Guard) -> None:
        """Forget a delivery; whoever still waits for it hears that it is cancelled.

        Raises:
            DeliveryNotFound: There is none.
            NotRemovable: It is in transit.
        """
        delivery = await self._locked(delivery_id, guard)
        delivery.require(Action.REMOVE)
        await self._repository.remove(delivery_id)
        if delivery.allows(Action.CANCEL):
            self._events.emit(DeliveryCancelled(aggregate_id=delivery_id, cancelled_at=self._now(), reason="removed"))

    async def hear(self, delivery_id: UUID, step: Step) -> None:
        """Take what somebody else has decided into account, where the delivery is there and not past it."""
        before = await self._repository.lock(delivery_id)
        if before is not None:
            await self._step(before, step)

    async def _take(self, delivery_id: UUID, step: Step, guard: Guard) -> Change[Delivery]:
        return await self._step(await self._locked(delivery_id, guard), step)

    async def _step(self, before: Delivery, step: Step) -> Change[Delivery]:
        after = step(before, self._now())
        if after is not before:
            await self._repository.save(after)
            self._tell(before, after)
        return Change(before, after)

    async def _locked(self, delivery_id: UUID, guard: Guard) -> Delivery:
        delivery = await self._repository.lock(delivery_id)
        if delivery is None:
            raise DeliveryNotFound
        guard(delivery)
        return delivery

    def _tell(self, before: Delivery | None, after: Delivery) -> None:
        for fact in facts(before, after):
            self._events.emit(fact)
