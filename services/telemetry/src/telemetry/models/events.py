"""What the service tells: positions, many at a time."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from arnia.chassis.events import Event
from arnia.chassis.uuids import uuid7
from telemetry.models.positions import Position


class PositionsRecorded(Event):
    """Some positions, as columns of the same length: the first of each belong together, and so on.

    They are as many as were sent together; the aggregate is that batch. A position may be told more than once:
    whoever counts them knows one by its drone and its moment.
    """

    topic: ClassVar[str] = "telemetry.recorded"
    aggregate_type: ClassVar[str] = "telemetry"

    drone_id: list[UUID]
    at: list[datetime]
    latitude: list[float]
    longitude: list[float]
    altitude_m: list[float | None]
    speed_mps: list[float | None]
    charge_percent: list[float | None]

    @classmethod
    def of(cls, positions: Sequence[Position]) -> "PositionsRecorded":
        """Return the event that tells about `positions`."""
        # They were judged one by one when they came: nothing is gained by doing that again.
        return cls.model_construct(
            aggregate_id=uuid7(),
            drone_id=[position.drone_id for position in positions],
            at=[position.at for position in positions],
            latitude=[position.latitude for position in positions],
            longitude=[position.longitude for position in positions],
            altitude_m=[position.altitude_m for position in positions],
            speed_mps=[position.speed_mps for position in positions],
            charge_percent=[position.charge_percent for position in positions],
        )


EVENTS = (PositionsRecorded,)
