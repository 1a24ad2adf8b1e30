"""What the notification service hears: everything that the other services tell, of which it reads the envelope only."""

from collections.abc import Sequence
from datetime import UTC, datetime

from arnia.chassis.hearers import Heard, Hearer, Reception
from notification.models.notifications import Notification
from notification.repositories.sql import SqlNotifications
from notification.services.notifications import NotificationService

facts = Hearer()


class AssignmentRefused(Heard):
    """No drone is found for a delivery."""

    topic = "assignment.refused"


class AssignmentReleased(Heard):
    """A delivery has lost its drone."""

    topic = "assignment.released"


class AssignmentReserved(Heard):
    """A drone is promised to a delivery."""

    topic = "assignment.reserved"


class DeliveryCancelled(Heard):
    """A delivery will not take place."""

    topic = "delivery.cancelled"


class DeliveryChanged(Heard):
    """A delivery goes elsewhere, or carries something else."""

    topic = "delivery.changed"


class DeliveryCompleted(Heard):
    """Somebody has received a delivery."""

    topic = "delivery.completed"


class DeliveryCreated(Heard):
    """A customer has ordered a delivery."""

    topic = "delivery.created"


class DeliveryRescheduled(Heard):
    """A delivery takes place at another time."""

    topic = "delivery.rescheduled"


class DroneChanged(Heard):
    """What a drone is, where it is or what it does has changed."""

    topic = "drone.changed"


class DroneRegistered(Heard):
    """A drone has joined the fleet."""

    topic = "drone.registered"


class DroneReleased(Heard):
    """A delivery gave its part of a drone back."""

    topic = "drone.released"


class DroneRemoved(Heard):
    """A drone has left the fleet."""

    topic = "drone.removed"


class DroneReserved(Heard):
    """A drone has been promised to a delivery."""

    topic = "drone.reserved"


async def tell(events: Sequence[Heard], reception: Reception) -> None:
    """Tell of each, with one statement for all of a batch."""
    now = datetime.now(UTC)
    await NotificationService(SqlNotifications(reception.session)).tell([notification(event, now) for event in events])


def notification(event: Heard, now: datetime) -> Notification:
    """Return what is told of an event."""
    heard = event.envelope
    return Notification.about(heard.id, heard.type, heard.aggregate_id, heard.sequence, heard.time, now)


for view in (
    AssignmentRefused,
    AssignmentReleased,
    AssignmentReserved,
    DeliveryCancelled,
    DeliveryChanged,
    DeliveryCompleted,
    DeliveryCreated,
    DeliveryRescheduled,
    DroneChanged,
    DroneRegistered,
    DroneReleased,
    DroneRemoved,
    DroneReserved,
):
    facts.on_batch(view)(tell)
