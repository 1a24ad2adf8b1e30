"""What events are in the simulation, and what becomes of them."""

from dataclasses import dataclass
from uuid import UUID

from arnia.chassis.hearers import Heard

__all__ = ["Effect", "Told"]


class Told(Heard):
    """What consumers read."""

    topic = "thing.told"

    key: UUID


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect of one event.

    Attributes:
        key: Of the event, as who wrote it knows it.
        message_id: Under which it came.
        aggregate_id: Of the event.
    """

    key: UUID
    message_id: UUID
    aggregate_id: UUID
