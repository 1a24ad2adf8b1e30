"""Deliveries in a dictionary: for tests of the business logic, which need neither server nor network."""

from uuid import UUID

from arnia.chassis.ownership import Ownership
from delivery.models.deliveries import Delivery
from delivery.repositories.deliveries import Filters, Place, Sort


class MemoryDeliveries:
    """Keeps the promise of `DeliveryRepository` within one process, without transactions.

    Several callers share the dictionary `kept`: of each delivery who owns it, and its state.
    """

    def __init__(self, ownership: Ownership, kept: dict[UUID, tuple[str, Delivery]] | None = None) -> None:
        self._ownership = ownership
        self._kept = {} if kept is None else kept

    async def add(self, delivery: Delivery) -> bool:
        """Keep a new delivery as the caller's own, or return False when its identity is taken, by whomever."""
        mine = self._ownership.subject, delivery
        return self._kept.setdefault(delivery.id, mine) is mine

    async def get(self, delivery_id: UUID) -> Delivery | None:
        """Return a delivery, or None."""
        owner, delivery = self._kept.get(delivery_id, (None, None))
        return delivery if self._ownership.reaches(owner) else None

    lock = get

    async def save(self, delivery: Delivery) -> None:
        """Keep the next state of a delivery."""
        if await self.get(delivery.id) is not None:
            self._kept[delivery.id] = self._kept[delivery.id][0], delivery

    async def remove(self, delivery_id: UUID) -> None:
        """Forget a delivery."""
        if await self.get(delivery_id) is not None:
            del self._kept[delivery_id]

    async def find(self, filters: Filters, sort: Sort, after: Place | None, limit: int) -> list[Delivery]:
        """Return the matching deliveries in order."""
        mine = [delivery for owner, delivery in self._kept.values() if self._ownership.reaches(owner)]
        passing = [delivery for delivery in mine if _passes(delivery, filters)]
        placed = sorted(
            ((Place.of(delivery, sort), delivery) for delivery in passing), key=_place, reverse=sort.descending
        )
        if after is not None:
            placed = [one for one in placed if (one[0] < after if sort.descending else one[0] > after)]
        return [delivery for _, delivery in placed[:limit]]


def _place(placed: tuple[Place, Delivery]) -> Place:
    return placed[0]


def _passes(delivery: Delivery, filters: Filters) -> bool:
    pickup_time = delivery.order.schedule.pickup_time
    return (
        (filters.status is None or delivery.status == filters.status)
        and (filters.pickup_after is None or pickup_time >= filters.pickup_after)
        and (filters.pickup_before is None or pickup_time < filters.pickup_before)
    )
