"""Positions as they cross the border."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, Field, JsonValue
from pydantic_core import PydanticCustomError

from arnia.chassis.links import Resource
from arnia.chassis.schemas import Body, View
from telemetry.models.positions import CELL_DEGREES, Cell, Distance, Position

AHEAD: Final = timedelta(minutes=5)
"""How far the clock of a drone may be ahead of ours."""
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
EXAMPLE: Final[dict[str, JsonValue]] = {
    "drone_id": "0197f6a4-5c1e-7d3a-9b2f-3a1d5e7c9b10",
    "at": "2026-01-02T12:00:00Z",
    "latitude": 45.4642,
    "longitude": 9.19,
    "altitude_m": 180.0,
    "speed_mps": 14.5,
    "charge_percent": 81.0,
}


def _plausible(at: datetime) -> datetime:
    if not EARLIEST <= at <= datetime.now(UTC) + AHEAD:
        code, sentence = "implausible", "It lies in the future, or before there were such drones."
        raise PydanticCustomError(code, sentence)
    return at.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_plausible), Field(description="When it was measured.")]
Latitude = Annotated[float, Field(strict=True, ge=-90, le=90, description="Degrees north of the equator.")]
Longitude = Annotated[float, Field(strict=True, ge=-180, le=180, description="Degrees east of Greenwich.")]
Altitude = Annotated[float, Field(strict=True, ge=-1000, le=20_000, description="Metres above the sea.")]
Speed = Annotated[float, Field(strict=True, ge=0, le=500, description="Metres a second over ground.")]
Charge = Annotated[float, Field(strict=True, ge=0, le=100, description="What is left of the battery, in percent.")]


class PositionBody(Body):
    """Where a drone was at one moment. A second one of the same drone and moment is not kept."""

    drone_id: UUID
    at: Moment
    latitude: Latitude
    longitude: Longitude
    altitude_m: Altitude | None = None
    speed_mps: Speed | None = None
    charge_percent: Charge | None = None

    def position(self) -> Position:
        """Return it as the domain has it."""
        return Position(
            self.drone_id,
            self.at,
            self.latitude,
            self.longitude,
            self.altitude_m,
            self.speed_mps,
            self.charge_percent,
        )


class RecordedView(View):
    """What was taken."""

    accepted: int = Field(description="Positions that are taken, and will be stored.")
    messages: int = Field(description="Messages that they travel in.")


class PositionView(View):
    """Where a drone was last."""

    drone_id: UUID
    at: datetime
    latitude: float
    longitude: float
    altitude_m: float | None
    speed_mps: float | None
    charge_percent: float | None

    @classmethod
    def of(cls, position: Position) -> Self:
        """Show a position of the domain."""
        return cls(**position._asdict())


class LastPositionPage(Resource):
    """Some drones' last positions."""

    items: list[PositionView]


class DistanceView(View):
    """How far a drone flew within one hour."""

    drone_id: UUID
    hour: datetime = Field(description="When the hour begins.")
    distance_m: float = Field(description="Metres along great circles, from position to position.")
    positions: int = Field(description="Positions from which that is known.")

    @classmethod
    def of(cls, distance: Distance) -> Self:
        """Show a distance of the domain."""
        return cls(
            drone_id=distance.drone_id,
            hour=distance.hour,
            distance_m=round(distance.metres, 3),
            positions=distance.positions,
        )


class DistancePage(Resource):
    """Some distances."""

    items: list[DistanceView]


class CellView(View):
    """One cell of the heat map, 0.01 degrees wide and high, by its south-west corner."""

    latitude: float
    longitude: float
    positions: int

    @classmethod
    def of(cls, cell: Cell) -> Self:
        """Show a cell of the domain."""
        return cls(
            latitude=round(cell.row * CELL_DEGREES, 2),
            longitude=round(cell.column * CELL_DEGREES, 2),
            positions=cell.positions,
        )


class CellPage(Resource):
    """Some cells."""

    items: list[CellView]
