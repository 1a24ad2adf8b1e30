"""The tables, as Alembic migrates them. Nobody outside the repositories knows a column by name."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Index, Uuid, func, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from arnia.chassis.models import Identified, Versioned, service_registry

DRIVEN: Final = "status IN ('requested', 'releasing') OR leftovers <> '{}'"
"""Where something is still to be asked of the drone service."""


class Base(DeclarativeBase):
    """All tables of this service, and those of the chassis."""

    registry = service_registry()


class AssignmentRow(Identified, Versioned, Base):
    """One assignment; its identity is the delivery's. Drones are another service's: there is no key to them.

    `due_at` and `attempts` are the driver's: from when on somebody goes on with it, and how often somebody did.
    `traceparent` and `tracestate` are where its present state came to be (W3C Trace Context), for whoever goes on.
    """

    __tablename__ = "assignments"

    reservation_id: Mapped[UUID] = mapped_column(unique=True)
    weight_grams: Mapped[int]
    status: Mapped[str]
    drone_id: Mapped[UUID | None]
    refusal: Mapped[str | None]
    leftovers: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), server_default=text("'{}'"))
    closed: Mapped[bool] = mapped_column(server_default=text("false"))
    due_at: Mapped[datetime] = mapped_column(server_default=func.now())
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    traceparent: Mapped[str | None]
    tracestate: Mapped[str | None]

    __table_args__ = (
        CheckConstraint("weight_grams > 0", name="weighs_something"),
        CheckConstraint(
            "status IN ('requested', 'reserved', 'refused', 'releasing', 'released')", name="status_is_known"
        ),
        CheckConstraint("status <> 'reserved' OR drone_id IS NOT NULL", name="reserved_means_a_drone"),
        CheckConstraint("(status = 'refused') = (refusal IS NOT NULL)", name="refused_says_why"),
        Index("ix_assignments_listed", "created_at", "id", postgresql_where=text("status <> 'released'")),
        Index("ix_assignments_driven", "due_at", postgresql_where=text(DRIVEN)),
        Index(None, "status", "created_at", "id"),
    )
