"""What the rest of the world hears about deliveries. A fact carries all that its hearers need: nobody has to ask back."""

from collections.abc import Iterator
from typing import ClassVar

from arnia.chassis.events import Event
from delivery.models.deliveries import Delivery
from delivery.models.values import Deadline, Items, Location, Moment, PersonName, PickupTime, Reason


class DeliveryEvent(Event):
    """A fact about one delivery."""

    topic: ClassVar[str] = "delivery.event"
    aggregate_type: ClassVar[str] = "delivery"

    occurred_at: Moment


class DeliveryCreated(DeliveryEvent):
    """A customer has ordered a delivery."""

    topic: ClassVar[str] = "delivery.created"

    pickup: Location
    dropoff: Location
    items: Items
    pickup_time: PickupTime
    deadline: Deadline


class DeliveryRescheduled(DeliveryEvent):
    """A delivery has another pickup time or deadline than before."""

    topic: ClassVar[str] = "delivery.rescheduled"

    pickup_time: PickupTime
    deadline: Deadline


class DeliveryCompleted(DeliveryEvent):
    """Somebody has received the items."""

    topic: ClassVar[str] = "delivery.completed"

    received_by: PersonName


class DeliveryCancelled(DeliveryEvent):
    """A delivery will not take place."""

    topic: ClassVar[str] = "delivery.cancelled"

    reason: Reason


EVENTS = (DeliveryCreated, DeliveryRescheduled, DeliveryCompleted, DeliveryCancelled)


def facts(before: Delivery | None, after: Delivery) -> Iterator[DeliveryEvent]:
    """Yield what has happened between two states of a delivery; nothing when they are the same."""
    order = after.order
    schedule = order.schedule
    about = {"aggregate_id": after.id, "occurred_at": after.updated_at}
    if before is None:
        yield DeliveryCreated(
            **about,
            pickup=order.pickup,
            dropoff=order.dropoff,
            items=order.items,
            pickup_time=schedule.pickup_time,
            deadline=schedule.deadline,
        )
        return
    if schedule != before.order.schedule:
        yield DeliveryRescheduled(**about, pickup_time=schedule.pickup_time, deadline=schedule.deadline)
    if after.confirmation and not before.confirmation:
        yield DeliveryCompleted(**about, received_by=after.confirmation.received_by)
    if after.cancellation and not before.cancellation:
        yield DeliveryCancelled(**about, reason=after.cancellation.reason)
