"""Putting a view together: at most one call to each service, and no more waiting than the slowest one needs.

A delivery is what a view is about: without it there is none. Its drone is a part that may be missing, and then the view
says so.
"""

import asyncio
from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from arnia.errors import ServiceError, UpstreamRefused
from bff.models.deliveries import Delivery, DeliveryPage
from bff.models.drones import Drone
from bff.models.views import Followed, Overview
from bff.repositories.sources import Deliveries, Drones

DRONE: Final = "drone"


class ViewService:
    """The use cases, for one caller."""

    def __init__(self, deliveries: Deliveries, drones: Drones) -> None:
        self._deliveries = deliveries
        self._drones = drones

    async def one(self, delivery_id: UUID) -> Overview:
        """Return one delivery with its drone; both are asked for at the same time.

        Raises:
            DeliveryNotFound: The caller has no such delivery.
        """
        asking = asyncio.ensure_future(self._drones_of([delivery_id]))
        try:
            delivery = await self._deliveries.get(delivery_id)
            return _compose([delivery], await asking, None)
        finally:
            asking.cancel()  # nobody waits for it any more

    async def page(self, limit: int, cursor: str | None) -> Overview:
        """Return a page of deliveries with their drones.

        Raises:
            PageNotFound: The cursor belongs to no page.
        """
        page = await self._deliveries.find(limit, cursor)
        drones = await self._drones_of([delivery.id for delivery in page.items]) if page.items else ()
        return _compose(page.items, drones, _cursor(page))

    async def _drones_of(self, deliveries: Sequence[UUID]) -> tuple[Drone, ...] | None:
        """Return the drones of `deliveries`, or None where their owner does not say."""
        try:
            return await self._drones.of_deliveries(deliveries)
        except (ServiceError, UpstreamRefused):
            return None


def _compose(deliveries: Sequence[Delivery], drones: Sequence[Drone] | None, cursor: str | None) -> Overview:
    carriers = {delivery: drone for drone in drones or () for delivery in drone.carries}
    items = tuple(Followed(delivery, carriers.get(delivery.id)) for delivery in deliveries)
    return Overview(items, cursor, (DRONE,) if drones is None else ())


def _cursor(page: DeliveryPage) -> str | None:
    following = page.links.get("next")
    return None if following is None else next(iter(parse_qs(urlsplit(following.href).query).get("cursor", ())), None)
