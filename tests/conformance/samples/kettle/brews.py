"""Brews: what is heated, then poured, then tasted; and how the API shows them."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

from pydantic import Field

from arnia.chassis.links import Link, Links, Resource
from arnia.chassis.preconditions import Preconditions, row_etag
from arnia.chassis.schemas import Body, View
from arnia.errors import Conflict, NotFound

COLLECTION: Final = "/api/v1/brews"
STEPS: Final = ("heating", "pouring", "tasting")


class Leaf(StrEnum):
    """What is brewed."""

    BLACK = "black"
    GREEN = "green"


class BrewBody(Body):
    """What somebody wants to drink."""

    leaf: Leaf
    cups: Annotated[int, Field(ge=1, le=9, strict=True)]


class BrewReplacement(BrewBody):
    """A whole brew."""

    id: UUID | None = None


class StepBody(Body):
    """A word on a step."""

    note: Annotated[str, Field(pattern=r"^[a-z]+ as [a-z]+$", examples=["hot as ever"])]


class StepView(View):
    """What was said of a step."""

    note: str


class BrewView(Resource):
    """A brew, and what can be done with it."""

    id: UUID
    leaf: Leaf
    cups: int


class BoilingPoint(View):
    """How hot water gets."""

    celsius: float


@dataclass(frozen=True)
class Brew:
    """One brew."""

    id: UUID
    body: BrewBody
    notes: tuple[str, ...] = ()
    version: int = 1
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def etag(self) -> str:
        """Its entity tag, and that of its steps."""
        return row_etag(self.version, self.created_at)

    @property
    def location(self) -> str:
        """Its path."""
        return f"{COLLECTION}/{self.id}"

    def view(self) -> BrewView:
        """Show it."""
        done = len(self.notes)
        links: Links = {"self": Link(href=self.location), "remove": Link(href=self.location, method="DELETE")}
        links |= {step: Link(href=f"{self.location}/{step}") for step in STEPS[:done]}
        if done < len(STEPS):
            links["proceed"] = Link(href=f"{self.location}/{STEPS[done]}", method="PUT")
        return BrewView(id=self.id, leaf=self.body.leaf, cups=self.body.cups, links=links)


class Brews:
    """All brews, as long as the process lives."""

    def __init__(self) -> None:
        self._brews: dict[UUID, Brew] = {}

    def get(self, identity: UUID) -> Brew:
        """Return a brew."""
        if identity not in self._brews:
            raise NotFound
        return self._brews[identity]

    def put(self, identity: UUID, body: BrewBody, wanted: Preconditions) -> tuple[Brew, bool]:
        """Keep a brew, and tell whether it is new."""
        known = self._brews.get(identity)
        wanted.check(None if known is None else known.etag)
        return self._keep(Brew(identity, body) if known is None else replace(known, body=body)), known is None

    def remove(self, identity: UUID, wanted: Preconditions) -> None:
        """Pour a brew away."""
        wanted.check(self.get(identity).etag)
        del self._brews[identity]

    def note(self, identity: UUID, step: str) -> tuple[Brew, str]:
        """Return a brew, and what was said of one of its steps."""
        brew = self.get(identity)
        if STEPS.index(step) >= len(brew.notes):
            raise NotFound
        return brew, brew.notes[STEPS.index(step)]

    def proceed(self, identity: UUID, step: str, note: str, wanted: Preconditions) -> tuple[Brew, bool]:
        """Take a step, or say the same of the last one again; tell whether it was taken now."""
        brew = self.get(identity)
        wanted.check_match(brew.etag)
        done = STEPS.index(step)
        if brew.notes[done:] == (note,):
            return brew, False
        if done != len(brew.notes):
            detail = "It is too early for this step, or too late to speak of it in other words."
            raise Conflict(detail)
        return self._keep(replace(brew, notes=(*brew.notes, note))), True

    def _keep(self, brew: Brew) -> Brew:
        known = self._brews.get(brew.id)
        kept = brew if known is None or known == brew else replace(brew, version=known.version + 1)
        self._brews[brew.id] = kept
        return kept
