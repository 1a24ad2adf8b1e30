"""What is known of where drones are and were."""

from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

__all__ = ["CELL_DEGREES", "GAP", "Area", "Cell", "Distance", "Period", "Position"]

CELL_DEGREES: Final = 0.01
"""How wide and high a cell of the heat map is."""
GAP: Final = timedelta(hours=1)
"""A silence that is longer is no flight: nobody knows what was between its ends."""


class Position(NamedTuple):
    """Where a drone was at one moment; there is one at most of a drone and a moment.

    Attributes:
        drone_id: Whose position it is.
        at: When it was measured.
        latitude: Degrees, to the north.
        longitude: Degrees, to the east.
        altitude_m: Metres above the sea, where it was measured.
        speed_mps: Metres a second over ground, where it was measured.
        charge_percent: What is left of the battery, where it was measured.
    """

    drone_id: UUID
    at: datetime
    latitude: float
    longitude: float
    altitude_m: float | None
    speed_mps: float | None
    charge_percent: float | None


class Period(NamedTuple):
    """From one moment on, until before another."""

    since: datetime
    until: datetime


class Area(NamedTuple):
    """A box of degrees."""

    south: float
    west: float
    north: float
    east: float


class Distance(NamedTuple):
    """How far a drone flew within one hour, in metres, and of how many positions that is known."""

    drone_id: UUID
    hour: datetime
    metres: float
    positions: int


class Cell(NamedTuple):
    """How many positions lie in one cell of the grid; row and column count from the equator and Greenwich."""

    row: int
    column: int
    positions: int
