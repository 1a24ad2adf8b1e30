"""A service that says and hears events of all kinds of fields."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import AnyUrl, BaseModel, Field

from arnia.chassis.events import Event
from arnia.chassis.hearers import Heard, Hearer, Reception


class Colour(Enum):
    """An enumeration."""

    RED = "red"
    GREY = "grey"


class Cat(BaseModel):
    """One of two, told apart by its kind."""

    kind: Literal["cat"] = "cat"
    kittens: "list[Cat]" = []


class Dog(BaseModel):
    """The other."""

    kind: Literal["dog"] = "dog"
    colour: Colour


class AnimalBorn(Event):
    """A fact with a field of every kind."""

    topic: ClassVar[str] = "animal.born"
    aggregate_type: ClassVar[str] = "animal"

    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    weight: Annotated[Decimal, Field(gt=0)]
    height: float | None = None
    age: timedelta
    born: datetime
    day: date
    page: AnyUrl
    place: tuple[int, str]
    keepers: frozenset[str] = frozenset()
    meals: Annotated[dict[UUID, int], Field(default_factory=dict)]
    anything: Annotated[dict[str, object], Field(default_factory=dict)]
    latin: Annotated[str, Field(alias="latinName", pattern="^[a-z ]+$")]


class AnimalBornAgain(Event):
    """The same fact, as it is told from version 2 on."""

    topic: ClassVar[str] = "animal.born"
    aggregate_type: ClassVar[str] = "animal"
    version: ClassVar[int] = 2

    pet: Cat


class Seen(Heard):
    """What this service reads of its own fact."""

    topic = "animal.born"
    version = 2

    pet: Cat


class Left(Heard):
    """What it reads of somebody else's."""

    topic = "visitor.left"

    colour: Colour = Colour.RED


facts = Hearer()


@facts.on(Seen)
async def see(event: Seen, reception: Reception) -> None:
    """Do nothing."""


@facts.on_batch(Left)
async def leave(events: object, reception: Reception) -> None:
    """Do nothing."""


EVENTS = (AnimalBorn, AnimalBornAgain)
