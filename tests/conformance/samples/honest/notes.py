"""Notes: their table, and how the API shows them."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field, JsonValue
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from arnia.chassis.cursors import CollectionQuery
from arnia.chassis.links import Resource
from arnia.chassis.models import Identified, Owned, Versioned, service_registry
from arnia.chassis.schemas import Body


class Base(DeclarativeBase):
    """All tables of this service."""

    registry = service_registry()


class NoteRow(Identified, Versioned, Owned, Base):
    """One note."""

    __tablename__ = "notes"

    body: Mapped[dict[str, object]] = mapped_column(JSONB)
    closed: Mapped[bool]


class Priority(StrEnum):
    """How urgent a note is."""

    LOW = "low"
    HIGH = "high"


class Sort(StrEnum):
    """The orders of the collection."""

    OLDEST = "created_at"
    NEWEST = "-created_at"


class NoteBody(Body):
    """What somebody notes."""

    title: Annotated[str, Field(min_length=1, max_length=40, description="One line.")]
    text: Annotated[str | None, Field(max_length=200, description="More lines.")] = None
    priority: Priority = Priority.LOW
    weight: Annotated[int, Field(ge=0, le=9, strict=True)]
    data: Annotated[dict[str, JsonValue], Field(default_factory=dict, description="Whatever belongs to it.")]


class NoteReplacement(NoteBody):
    """A whole note."""

    id: UUID | None = None


class ClosingBody(Body):
    """Why a note is closed."""

    reason: Annotated[str, Field(min_length=1, max_length=40)]


class NoteView(Resource):
    """A note, and what can be done with it."""

    id: UUID
    title: str
    text: str | None
    priority: Priority
    weight: int
    data: dict[str, JsonValue]
    closed: bool
    updated_at: datetime


class NotePage(Resource):
    """Some notes."""

    items: tuple[NoteView, ...]


class NoteQuery(CollectionQuery):
    """Which notes, in which order."""

    sort: Sort = Field(default=Sort.OLDEST, description="Order.")
    priority: Priority | None = Field(default=None, description="How urgent they are.")
