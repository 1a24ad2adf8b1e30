"""Deliveries as version 1 of the API shows them: flat, with prices as numbers; kept until its sunset."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, Field, field_validator
from pydantic_core import PydanticCustomError

from arnia.chassis.links import Links, Resource
from arnia.chassis.schemas import Body
from delivery.models import values
from delivery.models.deliveries import Delivery, Status
from delivery.models.values import (
    MAX_ITEMS,
    MAX_PRICE,
    Currency,
    Deadline,
    ItemName,
    Latitude,
    Longitude,
    PickupTime,
    Quantity,
    after_pickup,
)


def in_whole_cents(price: float) -> float:
    """Return `price` when a number of cents can say it; the rule is named `whole-cents`."""
    exact = Decimal(repr(price))
    if exact != round(exact, 2):
        code = "whole-cents"
        raise PydanticCustomError(code, "A price has at most two decimals.")
    return price


PriceNumber = Annotated[
    float,
    Field(strict=True, gt=0, le=float(MAX_PRICE), allow_inf_nan=False, description="Price of each, two decimals."),
    AfterValidator(in_whole_cents),
]


class LocationV1(Body):
    """A point on the Earth's surface (WGS 84)."""

    latitude: Latitude
    longitude: Longitude

    @classmethod
    def of(cls, location: values.Location) -> Self:
        """Show a location of the domain."""
        return cls(latitude=location.latitude, longitude=location.longitude)

    def location(self) -> values.Location:
        """Return what this means in the domain."""
        return values.Location(latitude=self.latitude, longitude=self.longitude)


class ItemV1(Body):
    """One kind of thing that travels, and the price of each."""

    name: ItemName
    price: PriceNumber
    currency: Currency = "EUR"
    quantity: Quantity

    @classmethod
    def of(cls, item: values.Item) -> Self:
        """Show an item of the domain."""
        price = float(item.price.amount)
        return cls(name=item.name, price=price, currency=item.price.currency, quantity=item.quantity)

    def item(self) -> values.Item:
        """Return what this means in the domain."""
        price = values.Money(amount=Decimal(repr(self.price)), currency=self.currency)
        return values.Item(name=self.name, price=price, quantity=self.quantity)


class DeliveryBodyV1(Body):
    """What a customer decides about a delivery."""

    pickup: LocationV1
    dropoff: LocationV1
    items: Annotated[list[ItemV1], Field(min_length=1, max_length=MAX_ITEMS, description="What travels.")]
    pickup_time: PickupTime
    deadline: Deadline

    _deadline_after_pickup = field_validator("deadline")(after_pickup)

    @classmethod
    def of(cls, order: values.Order) -> Self:
        """Show an order of the domain, as it could have been sent."""
        return cls(
            pickup=LocationV1.of(order.pickup),
            dropoff=LocationV1.of(order.dropoff),
            items=[ItemV1.of(item) for item in order.items],
            pickup_time=order.schedule.pickup_time,
            deadline=order.schedule.deadline,
        )

    def order(self) -> values.Order:
        """Return what this means in the domain."""
        return values.Order(
            pickup=self.pickup.location(),
            dropoff=self.dropoff.location(),
            items=tuple(item.item() for item in self.items),
            schedule=values.Schedule(pickup_time=self.pickup_time, deadline=self.deadline),
        )


class DeliveryReplacementV1(DeliveryBodyV1):
    """A whole delivery; it may repeat its identity, which then has to be that of the URL."""

    id: UUID | None = None


class DeliveryViewV1(Resource):
    """A delivery, and what can be done with it now."""

    id: UUID
    status: Status
    pickup: LocationV1
    dropoff: LocationV1
    items: list[ItemV1]
    pickup_time: datetime
    deadline: datetime
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, delivery: Delivery, links: Links) -> Self:
        """Show a delivery of the domain."""
        body = DeliveryBodyV1.of(delivery.order)
        return cls(
            id=delivery.id,
            status=delivery.status,
            pickup=body.pickup,
            dropoff=body.dropoff,
            items=body.items,
            pickup_time=body.pickup_time,
            deadline=body.deadline,
            created_at=delivery.created_at,
            updated_at=delivery.updated_at,
            links=links,
        )


class DeliveryPageV1(Resource):
    """Some deliveries, in order, and the way to the next ones."""

    items: list[DeliveryViewV1]
