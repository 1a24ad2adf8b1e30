"""Deliveries as their owner shows them, in as many fields as somebody here looks at; others are ignored."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class Seen(BaseModel):
    """A part of another service's answer."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class Position(Seen):
    """A point on the Earth's surface (WGS 84)."""

    latitude: float
    longitude: float


class Place(Seen):
    """Where a drone lands."""

    position: Position


class Price(Seen):
    """Money, exactly."""

    amount: str
    currency: str


class Item(Seen):
    """One kind of thing that travels."""

    name: str
    price: Price
    quantity: int


class Schedule(Seen):
    """When it is picked up, and until when it has to be there."""

    pickup_time: datetime
    deadline: datetime


class Delivery(Seen):
    """A delivery of the caller's."""

    id: UUID
    status: str
    pickup: Place
    dropoff: Place
    items: tuple[Item, ...]
    schedule: Schedule
    created_at: datetime
    updated_at: datetime


class Target(Seen):
    """Where a link leads."""

    href: str


class DeliveryPage(Seen):
    """Some deliveries, and the way to the next ones."""

    items: tuple[Delivery, ...]
    links: dict[str, Target] = Field(default_factory=dict, alias="_links")
