"""What the business logic asks of where positions are kept."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from telemetry.models.positions import Area, Cell, Distance, Period, Position

__all__ = ["AfterCell", "AfterHour", "AfterPosition", "Aggregates", "Archive"]


class AfterHour(NamedTuple):
    """Where a page of distances ended."""

    drone_id: UUID
    hour: datetime


class AfterCell(NamedTuple):
    """Where a page of cells ended."""

    row: int
    column: int


class AfterPosition(NamedTuple):
    """Where a chunk of an export ended."""

    drone_id: UUID
    at: datetime


class Aggregates(Protocol):
    """What positions add up to; each is one statement."""

    async def last_positions(self, drone_id: UUID | None, after: UUID | None, limit: int) -> list[Position]:
        """Return the last position of each drone, or of one, in the order of their ids."""

    async def distances(
        self, period: Period, drone_id: UUID | None, after: AfterHour | None, limit: int
    ) -> list[Distance]:
        """Return how far each drone, or one, flew in each hour, in the order of drones and hours."""

    async def cells(self, period: Period, area: Area, after: AfterCell | None, limit: int) -> list[Cell]:
        """Return the cells that `area` touches and in which there was any drone, from south to north."""


class Archive(Protocol):
    """All positions, one chunk after the other."""

    async def chunk(
        self, period: Period, drone_id: UUID | None, after: AfterPosition | None, limit: int
    ) -> Sequence[Position]:
        """Return the next positions in the order of drones and moments."""
