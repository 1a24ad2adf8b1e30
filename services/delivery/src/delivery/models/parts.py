"""What has happened to a delivery, each with its moment."""

from uuid import UUID

from delivery.models.values import Moment, PersonName, Reason, RefusalSlug, Value


class Assignment(Value):
    """The drone that will fly."""

    drone_id: UUID
    assigned_at: Moment


class Refusal(Value):
    """No drone could be found for it."""

    reason: RefusalSlug
    refused_at: Moment


class Departure(Value):
    """The drone has picked up the items and left."""

    departed_at: Moment


class Confirmation(Value):
    """Somebody has received the items."""

    received_by: PersonName
    confirmed_at: Moment


class Cancellation(Value):
    """Nobody waits for the items any more."""

    reason: Reason
    cancelled_at: Moment
