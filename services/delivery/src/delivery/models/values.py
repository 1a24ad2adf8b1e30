"""Value objects: compared by content, never changed, valid by construction. Every limit is written here, once."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Final, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError
from pydantic_core.core_schema import ValidationInfo

DATE_AND_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
FIRST_YEAR: Final = 2000
LAST_YEAR: Final = 2199
MAX_PRICE: Final = Decimal("999999.99")
MAX_QUANTITY: Final = 10_000
MAX_ITEMS: Final = 100
GRAMS_EACH: Final = 500
"""What one thing is taken to weigh, packed: nobody is asked for it."""


def as_text(moment: object) -> object:
    """Let through what is written as a date and time; a bare number could be seconds, milliseconds or a mistake."""
    if isinstance(moment, datetime) or (isinstance(moment, str) and DATE_AND_TIME.match(moment)):
        return moment
    code = "moment-not-rfc3339"
    raise PydanticCustomError(code, "Write a moment as in 2026-11-22T10:00:00Z.")


def in_utc(moment: datetime) -> datetime:
    """Return the same instant in UTC; years far from ours are refused before they can overflow in a conversion."""
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        code = "moment-out-of-range"
        years = {"first": FIRST_YEAR, "last": LAST_YEAR}
        raise PydanticCustomError(code, "A moment lies between the years {first} and {last}.", years)
    return moment.astimezone(UTC)


Latitude = Annotated[
    float, Field(strict=True, ge=-90, le=90, allow_inf_nan=False, description="Degrees north of the equator.")
]
Longitude = Annotated[
    float, Field(strict=True, ge=-180, le=180, allow_inf_nan=False, description="Degrees east of Greenwich.")
]
ItemName = Annotated[
    str, Field(min_length=3, max_length=50, description="What the thing is called.", examples=["Honey jar"])
]
Quantity = Annotated[int, Field(strict=True, ge=0, le=MAX_QUANTITY, description="How many of it travel.")]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$", description="ISO 4217 code.", examples=["EUR"])]
Moment = Annotated[AwareDatetime, BeforeValidator(as_text), AfterValidator(in_utc)]
PickupTime = Annotated[
    Moment, Field(description="When the items are ready to be picked up.", examples=["2030-12-01T12:00:00Z"])
]
Deadline = Annotated[
    Moment,
    Field(description="When they must have arrived; later than the pickup time.", examples=["2030-12-01T14:00:00Z"]),
]
PersonName = Annotated[str, Field(min_length=1, max_length=100, description="Who received the items.")]
RefusalSlug = Annotated[str, Field(min_length=1, max_length=100, description="The last part of a problem's type.")]
Reason = Annotated[str, Field(min_length=1, max_length=200, description="Why, in the words of whoever cancels.")]


class Value(BaseModel):
    """A frozen value."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Location(Value):
    """A point on the Earth's surface (WGS 84)."""

    latitude: Latitude
    longitude: Longitude


class Money(Value):
    """An exact amount, in whole cents, of one currency."""

    amount: Annotated[Decimal, Field(gt=0, le=MAX_PRICE, decimal_places=2)]
    currency: Currency = "EUR"


class Item(Value):
    """One kind of thing that travels, and the price of each."""

    name: ItemName
    price: Money
    quantity: Quantity


Items = Annotated[tuple[Item, ...], Field(min_length=1, max_length=MAX_ITEMS)]


def after_pickup(deadline: datetime, info: ValidationInfo) -> datetime:
    """Return `deadline` when it lies after the pickup time beside it; the rule is named `deadline-after-pickup`."""
    pickup_time = info.data.get("pickup_time")
    if pickup_time is not None and deadline <= pickup_time:
        code = "deadline-after-pickup"
        raise PydanticCustomError(code, "The deadline must be later than the pickup time.")
    return deadline


class Schedule(Value):
    """When a delivery starts at the earliest and ends at the latest."""

    pickup_time: PickupTime
    deadline: Deadline

    _deadline_after_pickup = field_validator("deadline")(after_pickup)


class Order(Value):
    """What a customer asks for: everything about a delivery that its customer decides."""

    pickup: Location
    dropoff: Location
    items: Items
    schedule: Schedule

    @property
    def weight_grams(self) -> int:
        """What a drone has to carry; at least a gram, as nothing weighs nothing."""
        return max(1, GRAMS_EACH * sum(item.quantity for item in self.items))

    def replacing(self, *, dropoff: Location | None = None, schedule: Schedule | None = None) -> Self:
        """Return the order with another place of arrival or another schedule."""
        return self.model_copy(update={"dropoff": dropoff or self.dropoff, "schedule": schedule or self.schedule})
