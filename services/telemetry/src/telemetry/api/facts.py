"""What this service hears of itself: positions that were taken, to be stored.

It tells and hears them apart, so that whoever sends them never waits for the database.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Final, Self
from uuid import UUID

from pydantic import AwareDatetime, model_validator

from arnia.chassis.hearers import Heard, Hearer, Reception
from telemetry.models.positions import Position
from telemetry.repositories.sql import SqlPositions

UNEVEN: Final = "the columns of positions have different lengths"

facts = Hearer()


class PositionsRecorded(Heard):
    """Some positions, as columns."""

    topic = "telemetry.recorded"

    drone_id: list[UUID]
    at: list[AwareDatetime]
    latitude: list[float]
    longitude: list[float]
    altitude_m: list[float | None]
    speed_mps: list[float | None]
    charge_percent: list[float | None]

    @model_validator(mode="after")
    def _is_even(self) -> Self:
        if len({len(column) for column in self.columns().values()}) != 1:
            raise ValueError(UNEVEN)
        return self

    def columns(self) -> Mapping[str, Sequence[UUID | datetime | float | None]]:
        """Return the columns by name."""
        return {name: getattr(self, name) for name in Position._fields}


@facts.on_batch(PositionsRecorded)
async def store(events: Sequence[PositionsRecorded], reception: Reception) -> None:
    """Store all positions of a batch of messages with one statement."""
    batches = [event.columns() for event in events]
    columns = {name: list(chain.from_iterable(batch[name] for batch in batches)) for name in Position._fields}
    await SqlPositions(reception.session).store(columns)
