"""Deliveries and drones in memory: for tests of the business logic."""

from collections.abc import Sequence
from uuid import UUID

from bff.models.deliveries import Delivery, DeliveryPage, Target
from bff.models.drones import Drone
from bff.models.errors import DeliveryNotFound, PageNotFound


class MemoryDeliveries:
    """Keeps the promise of `Deliveries`; a cursor is the number of deliveries before the page."""

    def __init__(self, deliveries: Sequence[Delivery] = ()) -> None:
        self.kept = list(deliveries)
        self.calls = 0

    async def get(self, delivery_id: UUID) -> Delivery:
        """Return a delivery."""
        self.calls += 1
        found = next((one for one in self.kept if one.id == delivery_id), None)
        if found is None:
            raise DeliveryNotFound
        return found

    async def find(self, limit: int, cursor: str | None) -> DeliveryPage:
        """Return a page of deliveries."""
        self.calls += 1
        if cursor is not None and not cursor.isdecimal():
            raise PageNotFound
        end = int(cursor or 0) + limit
        links = {"next": Target(href=f"?cursor={end}")} if end < len(self.kept) else {}
        return DeliveryPage(items=tuple(self.kept[end - limit : end]), links=links)


class MemoryDrones:
    """Keeps the promise of `Drones`.

    Attributes:
        fault: Raised instead of any answer.
    """

    def __init__(self, drones: Sequence[Drone] = ()) -> None:
        self.kept = list(drones)
        self.calls = 0
        self.fault: Exception | None = None

    async def of_deliveries(self, deliveries: Sequence[UUID]) -> tuple[Drone, ...]:
        """Return the drones that carry some of `deliveries`."""
        self.calls += 1
        if self.fault is not None:
            raise self.fault
        wanted = set(deliveries)
        carrying = [(one, tuple(each for each in one.carries if each in wanted)) for one in self.kept]
        return tuple(one.model_copy(update={"carries": carried}) for one, carried in carrying if carried)
