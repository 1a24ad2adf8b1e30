"""The view for browsers on a desk: everything that there is room for."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import Field

from arnia.chassis.links import Links, Resource
from arnia.chassis.schemas import View
from bff.models.deliveries import Item, Position, Schedule
from bff.models.drones import Drone
from bff.models.views import Followed, Overview


class WebDrone(View):
    """The drone that carries a delivery."""

    id: UUID
    name: str
    model: str
    battery: int
    status: str
    position: Position

    @classmethod
    def of(cls, drone: Drone) -> Self:
        """Show a drone."""
        return cls.model_validate(drone.model_dump(exclude={"carries"}))


class WebDelivery(View):
    """A delivery with its drone."""

    id: UUID
    status: str
    pickup: Position
    dropoff: Position
    items: tuple[Item, ...]
    schedule: Schedule
    drone: WebDrone | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, followed: Followed) -> Self:
        """Show a delivery."""
        delivery, drone = followed.delivery, followed.drone
        return cls(
            id=delivery.id,
            status=delivery.status,
            pickup=delivery.pickup.position,
            dropoff=delivery.dropoff.position,
            items=delivery.items,
            schedule=delivery.schedule,
            drone=None if drone is None else WebDrone.of(drone),
            created_at=delivery.created_at,
            updated_at=delivery.updated_at,
        )


class WebPage(Resource):
    """Some deliveries."""

    items: tuple[WebDelivery, ...]
    missing: tuple[str, ...] = Field(default=(), description="The services whose part is not there this time.")

    @classmethod
    def of(cls, overview: Overview, links: Links) -> Self:
        """Show a page."""
        items = tuple(WebDelivery.of(followed) for followed in overview.items)
        return cls(items=items, missing=overview.missing, links=links)


class WebView(WebDelivery, Resource):
    """One delivery."""

    missing: tuple[str, ...] = Field(default=(), description="The services whose part is not there this time.")

    @classmethod
    def whole(cls, overview: Overview, links: Links) -> Self:
        """Show the one delivery of `overview`."""
        (followed,) = overview.items
        return cls(**dict(WebDelivery.of(followed)), missing=overview.missing, links=links)
