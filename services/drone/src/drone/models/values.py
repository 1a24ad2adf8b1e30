"""Value objects: compared by content, never changed, valid by construction. Every limit is written here, once."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

MAX_MASS_KG: Final = 1000
GRAMS_PER_KG: Final = 1000
MINIMUM_BATTERY: Final = 20
"""Percent of charge below which a drone is not given anything to carry."""

Latitude = Annotated[
    float, Field(strict=True, ge=-90, le=90, allow_inf_nan=False, description="Degrees north of the equator.")
]
Longitude = Annotated[
    float, Field(strict=True, ge=-180, le=180, allow_inf_nan=False, description="Degrees east of Greenwich.")
]
DroneName = Annotated[str, Field(min_length=3, max_length=50, description="What the fleet calls it.")]
ModelName = Annotated[str, Field(min_length=1, max_length=50, description="What its maker calls this kind of drone.")]
Battery = Annotated[int, Field(strict=True, ge=0, le=100, description="Charge, in percent.")]
Grams = Annotated[int, Field(strict=True, gt=0, le=MAX_MASS_KG * GRAMS_PER_KG)]


class Value(BaseModel):
    """A frozen value."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Position(Value):
    """A point on the Earth's surface (WGS 84)."""

    latitude: Latitude
    longitude: Longitude


class Specification(Value):
    """What whoever runs the fleet decides about a drone. Masses are whole grams, so that sums stay exact."""

    name: DroneName
    model: ModelName
    capacity_grams: Grams
    battery: Battery
    position: Position

    def at(self, position: Position) -> "Specification":
        """Return the same, in another place."""
        return self.model_copy(update={"position": position})


def whole_grams_within(kilograms: float) -> int:
    """Return the whole grams in `kilograms`, rounded down: a capacity is never overstated."""
    return int((Decimal(repr(kilograms)) * GRAMS_PER_KG).to_integral_value(ROUND_FLOOR))


def whole_grams_covering(kilograms: float) -> int:
    """Return the whole grams that cover `kilograms`, rounded up: a load is never understated."""
    return int((Decimal(repr(kilograms)) * GRAMS_PER_KG).to_integral_value(ROUND_CEILING))


def kilograms(grams: int) -> float:
    """Return `grams` in kilograms."""
    return grams / GRAMS_PER_KG
