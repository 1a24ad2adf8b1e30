"""Value objects: compared by content, never changed, valid by construction. Every limit is written here, once."""

from decimal import ROUND_CEILING, Decimal
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

MAX_MASS_KG: Final = 1000
GRAMS_PER_KG: Final = 1000
Grams = Annotated[int, Field(strict=True, gt=0, le=MAX_MASS_KG * GRAMS_PER_KG)]


class Value(BaseModel):
    """A frozen value."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def whole_grams_covering(kilograms: float) -> int:
    """Return the whole grams that cover `kilograms`, rounded up: a load is never understated."""
    return int((Decimal(repr(kilograms)) * GRAMS_PER_KG).to_integral_value(ROUND_CEILING))


def kilograms(grams: int) -> float:
    """Return `grams` in kilograms."""
    return grams / GRAMS_PER_KG
