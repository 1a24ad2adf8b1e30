"""What somebody is told about one thing that happened. It never changes."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Audience(StrEnum):
    """Who is told."""

    CUSTOMER = "customer"
    FLEET = "fleet"
    LOGISTICS = "logistics"


WORDS: Final[Mapping[str, tuple[Audience, str]]] = {
    "assignment.refused": (Audience.LOGISTICS, "No drone was found for a delivery."),
    "assignment.released": (Audience.LOGISTICS, "A delivery has lost its drone."),
    "assignment.reserved": (Audience.CUSTOMER, "A drone will bring your delivery."),
    "delivery.cancelled": (Audience.CUSTOMER, "Your delivery is cancelled."),
    "delivery.changed": (Audience.CUSTOMER, "Your delivery has changed."),
    "delivery.completed": (Audience.CUSTOMER, "Your delivery has arrived."),
    "delivery.created": (Audience.CUSTOMER, "Your delivery is ordered."),
    "delivery.rescheduled": (Audience.CUSTOMER, "Your delivery takes place at another time."),
    "drone.changed": (Audience.FLEET, "A drone has changed."),
    "drone.registered": (Audience.FLEET, "A drone has joined the fleet."),
    "drone.released": (Audience.FLEET, "A part of a drone is free again."),
    "drone.removed": (Audience.FLEET, "A drone has left the fleet."),
    "drone.reserved": (Audience.FLEET, "A part of a drone is taken."),
}
"""Who is told of what, and how."""


class Notification(BaseModel):
    """One of them.

    Attributes:
        id: That of the event: so there is one for each thing that happened, however often it is heard of.
        sequence: How many things had happened to the aggregate, this one included.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: UUID
    topic: str
    aggregate_id: UUID
    sequence: int
    audience: Audience
    text: str
    occurred_at: datetime
    created_at: datetime

    @classmethod
    def about(
        cls, event_id: UUID, topic: str, aggregate_id: UUID, sequence: int, occurred_at: datetime, now: datetime
    ) -> Self:
        """Return what is told of an event."""
        audience, text = WORDS[topic]
        return cls(
            id=event_id,
            topic=topic,
            aggregate_id=aggregate_id,
            sequence=sequence,
            audience=audience,
            text=text,
            occurred_at=occurred_at,
            created_at=now,
        )
