"""What the rest of the world hears about deliveries. A fact carries all that its hearers need."""

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from arnia.chassis.events import Event
from delivery.models.deliveries import Delivery
from delivery.models.values import Deadline, Items, Location, Moment, PersonName, PickupTime, Reason


class DeliveryCreated(Event):
    """A customer has ordered a delivery."""

    topic: ClassVar[str] = "delivery.created"
    aggregate_type: ClassVar[str] = "delivery"

    created_at: Moment
    pickup: Location
    dropoff: Location
    items: Items
    weight_grams: int = Field(description="What a drone has to carry.")
    pickup_time: PickupTime
    deadline: Deadline


class DeliveryChanged(Event):
    """A delivery goes elsewhere, or carries something else than before."""

    topic: ClassVar[str] = "delivery.changed"
    aggregate_type: ClassVar[str] = "delivery"

    changed_at: Moment
    pickup: Location
    dropoff: Location
    items: Items
    weight_grams: int = Field(description="What a drone has to carry.")


class DeliveryRescheduled(Event):
    """A delivery has another pickup time or deadline than before."""

    topic: ClassVar[str] = "delivery.rescheduled"
    aggregate_type: ClassVar[str] = "delivery"

    rescheduled_at: Moment
    pickup_time: PickupTime
    deadline: Deadline


class DeliveryCompleted(Event):
    """Somebody has received the items."""

    topic: ClassVar[str] = "delivery.completed"
    aggregate_type: ClassVar[str] = "delivery"

    completed_at: Moment
    received_by: PersonName


class DeliveryCancelled(Event):
    """A delivery will not take place."""

    topic: ClassVar[str] = "delivery.cancelled"
    aggregate_type: ClassVar[str] = "delivery"

    cancelled_at: Moment
    reason: Reason


EVENTS = (DeliveryCreated, DeliveryChanged, DeliveryRescheduled, DeliveryCompleted, DeliveryCancelled)


def facts(before: Delivery | None, after: Delivery) -> Iterator[Event]:
    """Yield what has happened between two states of a delivery; nothing when they are the same."""
    if before is None:
        yield _created(after)
        return
    schedule = after.order.schedule
    if after.order.replacing(schedule=before.order.schedule) != before.order:
        yield _changed(after)
    if schedule != before.order.schedule:
        yield DeliveryRescheduled(
            aggregate_id=after.id,
            rescheduled_at=after.updated_at,
            pickup_time=schedule.pickup_time,
            deadline=schedule.deadline,
        )
    if after.confirmation and not before.confirmation:
        done = after.confirmation
        yield DeliveryCompleted(aggregate_id=after.id, completed_at=done.confirmed_at, received_by=done.received_by)
    if after.cancellation and not before.cancellation:
        end = after.cancellation
        yield DeliveryCancelled(aggregate_id=after.id, cancelled_at=end.cancelled_at, reason=end.reason)


def _created(delivery: Delivery) -> DeliveryCreated:
    order = delivery.order
    return DeliveryCreated(
        aggregate_id=delivery.id,
        created_at=delivery.created_at,
        pickup=order.pickup,
        dropoff=order.dropoff,
        items=order.items,
        weight_grams=order.weight_grams,
        pickup_time=order.schedule.pickup_time,
        deadline=order.schedule.deadline,
    )


def _changed(delivery: Delivery) -> DeliveryChanged:
    order = delivery.order
    return DeliveryChanged(
        aggregate_id=delivery.id,
        changed_at=delivery.updated_at,
        pickup=order.pickup,
        dropoff=order.dropoff,
        items=order.items,
        weight_grams=order.weight_grams,
    )
