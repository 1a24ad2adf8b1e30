"""Deliveries and drones, asked for on behalf of the caller: one call a view, and the token is exchanged."""

from collections.abc import Sequence
from typing import Annotated, Final
from uuid import UUID

from pydantic import Field

from arnia.chassis.client import CallPolicy, Client, get
from arnia.errors import UpstreamRefused, Violation
from bff.models.deliveries import Delivery, DeliveryPage
from bff.models.drones import Drone, DronePage
from bff.models.errors import DeliveryNotFound, PageNotFound

Limit = Annotated[int, Field(ge=1, le=100)]
Cursor = Annotated[str, Field(max_length=1024)]
Several = Annotated[tuple[UUID, ...], Field(min_length=1, max_length=100)]

PART: Final = CallPolicy(timeout_ms=500, retries=1, queue_ms=100)
"""Of a part that a view can do without: nobody waits long for it."""


class DeliveryClient(Client, service="delivery", version=2):
    """The delivery service."""

    @get("/deliveries/{delivery_id}", scopes=("deliveries:read",), as_user=True)
    async def read(self, delivery_id: UUID) -> Delivery:
        """Read one."""

    @get("/deliveries", scopes=("deliveries:read",), as_user=True)
    async def find(self, limit: Limit, cursor: Cursor | None = None) -> DeliveryPage:
        """Read a page."""


class DroneClient(Client, service="drone", version=1, policy=PART):
    """The drone service."""

    @get("/drones", scopes=("drones:read",), as_user=True)
    async def carriers(self, delivery_id: Several, limit: Limit) -> DronePage:
        """Read the drones of several deliveries at once."""


class RemoteDeliveries:
    """Keeps the promise of `Deliveries` by calling the delivery service."""

    def __init__(self, client: DeliveryClient) -> None:
        self._client = client

    async def get(self, delivery_id: UUID) -> Delivery:
        """Return a delivery."""
        try:
            return await self._client.read(delivery_id)
        except UpstreamRefused as refused:
            if refused.status == 404:
                raise DeliveryNotFound from None
            raise

    async def find(self, limit: int, cursor: str | None) -> DeliveryPage:
        """Return a page of deliveries."""
        try:
            return await self._client.find(limit, cursor)
        except UpstreamRefused as refused:
            if refused.status == 422 and cursor is not None:
                detail = "The cursor belongs to no page of deliveries: start again without it."
                violation = Violation(detail=detail, code="cursor", parameter="cursor")
                raise PageNotFound("The cursor is not valid.", violations=[violation]) from None
            raise


class RemoteDrones:
    """Keeps the promise of `Drones` by calling the drone service."""

    def __init__(self, client: DroneClient) -> None:
        self._client = client

    async def of_deliveries(self, deliveries: Sequence[UUID]) -> tuple[Drone, ...]:
        """Return the drones that carry some of `deliveries`."""
        return (await self._client.carriers(tuple(deliveries), len(deliveries))).items
