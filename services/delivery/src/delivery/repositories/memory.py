"""Deliveries in a dictionary: for tests of the business logic, which need neither server nor network."""

from uuid import UUID

from delivery.models.deliveries import Delivery
from delivery.repositories.deliveries import Filters, Place, Sort


class MemoryDeliveries:
    """Keeps the promise of `DeliveryRepository` within one process, without transactions."""

    def __init__(self) -> None:
        self._deliveries: dict[UUID, Delivery] = {}

    async def add(self, delivery: Delivery) -> bool:
        """Keep a new delivery, or return False when its identity is taken."""
        return self._deliveries.setdefault(delivery.id, delivery) is delivery

    async def get(self, delivery_id: UUID) -> Delivery | None:
        """Return a delivery, or None."""
        return self._deliveries.get(delivery_id)

    lock = get

    async def save(self, delivery: Delivery) -> None:
        """Keep the next state of a delivery."""
        self._deliveries[delivery.id] = delivery

    async def remove(self, delivery_id: UUID) -> None:
        """Forget a delivery."""
        del self._deliveries[delivery_id]

    async def find(self, filters: Filters, sort: Sort, after: Place | None, limit: int) -> list[Delivery]:
        """Return the matching deliveries in order."""
        passing = [delivery for delivery in self._deliveries.values() if _passes(delivery, filters)]
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
