"""The view for a small screen on a slow line: what one glance needs, in few bytes."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import Field

from arnia.chassis.links import Links, Resource
from arnia.chassis.schemas import View
from bff.models.deliveries import Position
from bff.models.drones import Drone
from bff.models.views import Followed, Overview


class MobileDrone(View):
    """The drone that carries a delivery."""

    name: str
    battery: int
    at: tuple[float, float] = Field(description="Latitude and longitude.")

    @classmethod
    def of(cls, drone: Drone) -> Self:
        """Show a drone."""
        return cls(name=drone.name, battery=drone.battery, at=_point(drone.position))


class MobileDelivery(View):
    """A delivery with its drone."""

    id: UUID
    status: str
    to: tuple[float, float] = Field(description="Latitude and longitude.")
    due: datetime = Field(description="Until when it has to be there.")
    drone: MobileDrone | None = Field(default=None, exclude_if=lambda drone: drone is None)

    @classmethod
    def of(cls, followed: Followed) -> Self:
        """Show a delivery."""
        delivery, drone = followed.delivery, followed.drone
        return cls(
            id=delivery.id,
            status=delivery.status,
            to=_point(delivery.dropoff.position),
            due=delivery.schedule.deadline,
            drone=None if drone is None else MobileDrone.of(drone),
        )


class MobilePage(Resource):
    """Some deliveries."""

    items: tuple[MobileDelivery, ...]
    missing: tuple[str, ...] = Field(
        default=(), exclude_if=lambda missing: not missing, description="The services whose part is not there."
    )

    @classmethod
    def of(cls, overview: Overview, links: Links) -> Self:
        """Show a page."""
        items = tuple(MobileDelivery.of(followed) for followed in overview.items)
        return cls(items=items, missing=overview.missing, links=links)


class MobileView(MobileDelivery, Resource):
    """One delivery."""

    missing: tuple[str, ...] = Field(
        default=(), exclude_if=lambda missing: not missing, description="The services whose part is not there."
    )

    @classmethod
    def whole(cls, overview: Overview, links: Links) -> Self:
        """Show the one delivery of `overview`."""
        (followed,) = overview.items
        return cls(**dict(MobileDelivery.of(followed)), missing=overview.missing, links=links)


def _point(position: Position) -> tuple[float, float]:
    return position.latitude, position.longitude
