"""The tables, as Alembic migrates them. Nobody outside the repositories knows a column by name."""

from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from arnia.chassis.models import Identified, Versioned, service_registry


class Base(DeclarativeBase):
    """All tables of this service, and those of the chassis."""

    registry = service_registry()


class AssignmentRow(Identified, Versioned, Base):
    """One assignment; its identity is the delivery's. Drones are another service's: there is no key to them."""

    __tablename__ = "assignments"

    reservation_id: Mapped[UUID] = mapped_column(unique=True)
    weight_grams: Mapped[int]
    status: Mapped[str]
    drone_id: Mapped[UUID | None]
    refusal: Mapped[str | None]

    __table_args__ = (
        CheckConstraint("weight_grams > 0", name="weighs_something"),
        CheckConstraint(
            "status IN ('requested', 'reserved', 'refused', 'releasing', 'released')", name="status_is_known"
        ),
        CheckConstraint("status <> 'reserved' OR drone_id IS NOT NULL", name="reserved_means_a_drone"),
        CheckConstraint("(status = 'refused') = (refusal IS NOT NULL)", name="refused_says_why"),
        Index("ix_assignments_listed", "created_at", "id", postgresql_where=text("status <> 'released'")),
        Index(None, "status", "created_at", "id"),
    )
