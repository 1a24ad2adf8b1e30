"""What the business logic expects of those who own what is shown."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from bff.models.deliveries import Delivery, DeliveryPage
from bff.models.drones import Drone


class Deliveries(Protocol):
    """The deliveries of the caller. Each method is one call."""

    async def get(self, delivery_id: UUID, /) -> Delivery:
        """Return a delivery.

        Raises:
            DeliveryNotFound: The caller has none of this identity.
        """

    async def find(self, limit: int, cursor: str | None, /) -> DeliveryPage:
        """Return a page of deliveries.

        Raises:
            PageNotFound: The cursor belongs to no page.
        """


class Drones(Protocol):
    """The drones. Each method is one call, however many it is about."""

    async def of_deliveries(self, deliveries: Sequence[UUID], /) -> tuple[Drone, ...]:
        """Return the drones that carry some of `deliveries`."""
