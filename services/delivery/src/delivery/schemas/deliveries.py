"""Deliveries as version 2 of the API shows them: places hold positions, money is exact and has a currency."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final, Self
from uuid import UUID

from pydantic import Field

from arnia.chassis.links import Links, Resource
from arnia.chassis.schemas import Body
from delivery.models import values
from delivery.models.deliveries import Delivery, Status
from delivery.models.values import MAX_ITEMS, Currency, ItemName, Latitude, Longitude, Quantity
from delivery.schemas.parts import Schedule

AMOUNT: Final = r"^(0\.(0[1-9]|[1-9][0-9])|[1-9][0-9]{0,5}\.[0-9]{2})$"
"""More than zero, at most 999999.99, always two decimals: a limit that a string can show only as a pattern."""

Amount = Annotated[str, Field(pattern=AMOUNT, examples=["12.30"], description="Exact amount with two decimals.")]


class Position(Body):
    """A point on the Earth's surface (WGS 84)."""

    latitude: Latitude
    longitude: Longitude


class Place(Body):
    """Where a drone lands."""

    position: Position

    @classmethod
    def of(cls, location: values.Location) -> Self:
        """Show a location of the domain."""
        return cls(position=Position(latitude=location.latitude, longitude=location.longitude))

    def location(self) -> values.Location:
        """Return what this means in the domain."""
        return values.Location(latitude=self.position.latitude, longitude=self.position.longitude)


class Price(Body):
    """Money, exactly."""

    amount: Amount
    currency: Currency


class Item(Body):
    """One kind of thing that travels, and the price of each."""

    name: ItemName
    price: Price
    quantity: Quantity

    @classmethod
    def of(cls, item: values.Item) -> Self:
        """Show an item of the domain."""
        price = Price(amount=f"{item.price.amount:.2f}", currency=item.price.currency)
        return cls(name=item.name, price=price, quantity=item.quantity)

    def item(self) -> values.Item:
        """Return what this means in the domain."""
        price = values.Money(amount=Decimal(self.price.amount), currency=self.price.currency)
        return values.Item(name=self.name, price=price, quantity=self.quantity)


class DeliveryBody(Body):
    """What a customer decides about a delivery."""

    pickup: Place
    dropoff: Place
    items: Annotated[list[Item], Field(min_length=1, max_length=MAX_ITEMS, description="What travels.")]
    schedule: Schedule

    @classmethod
    def of(cls, order: values.Order) -> Self:
        """Show an order of the domain, as it could have been sent."""
        return cls(
            pickup=Place.of(order.pickup),
            dropoff=Place.of(order.dropoff),
            items=[Item.of(item) for item in order.items],
            schedule=Schedule.of(order.schedule),
        )

    def order(self) -> values.Order:
        """Return what this means in the domain."""
        return values.Order(
            pickup=self.pickup.location(),
            dropoff=self.dropoff.location(),
            items=tuple(item.item() for item in self.items),
            schedule=self.schedule.schedule(),
        )


class DeliveryReplacement(DeliveryBody):
    """A whole delivery; it may repeat its identity, which then has to be that of the URL."""

    id: UUID | None = None


class DeliveryView(Resource):
    """A delivery, and what can be done with it now."""

    id: UUID
    status: Status
    pickup: Place
    dropoff: Place
    items: list[Item]
    schedule: Schedule
    refusal: str | None = Field(
        default=None, description="Why no drone was found for it, while none is: the last part of a problem's type."
    )
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, delivery: Delivery, links: Links) -> Self:
        """Show a delivery of the domain."""
        body = DeliveryBody.of(delivery.order)
        return cls(
            id=delivery.id,
            status=delivery.status,
            pickup=body.pickup,
            dropoff=body.dropoff,
            items=body.items,
            schedule=body.schedule,
            refusal=None if delivery.refusal is None else delivery.refusal.reason,
            created_at=delivery.created_at,
            updated_at=delivery.updated_at,
            links=links,
        )


class DeliveryPage(Resource):
    """Some deliveries, in order, and the way to the next ones."""

    items: list[DeliveryView]
