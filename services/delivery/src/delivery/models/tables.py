"""The table, as Alembic migrates it. Nobody outside the repositories knows a column by name."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from arnia.chassis.models import Identified, Owned, Versioned, service_registry


class Base(DeclarativeBase):
    """All tables of this service, and those of the chassis."""

    registry = service_registry()


class DeliveryRow(Identified, Versioned, Owned, Base):
    """One delivery a row: an aggregate is read and written as a whole, so its items need no table of their own."""

    __tablename__ = "deliveries"

    status: Mapped[str]
    pickup_latitude: Mapped[float]
    pickup_longitude: Mapped[float]
    dropoff_latitude: Mapped[float]
    dropoff_longitude: Mapped[float]
    items: Mapped[list[object]] = mapped_column(JSONB)
    pickup_time: Mapped[datetime]
    deadline: Mapped[datetime]
    drone_id: Mapped[UUID | None]
    assigned_at: Mapped[datetime | None]
    refusal: Mapped[str | None]
    refused_at: Mapped[datetime | None]
    departed_at: Mapped[datetime | None]
    received_by: Mapped[str | None]
    confirmed_at: Mapped[datetime | None]
    cancellation_reason: Mapped[str | None]
    cancelled_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("deadline > pickup_time", name="deadline_after_pickup"),
        Index(None, "owner", "created_at", "id"),
        Index(None, "owner", "pickup_time", "id"),
        Index(None, "created_at", "id"),
        Index(None, "pickup_time", "id"),
        Index(None, "status", "created_at", "id"),
        Index(None, "status", "pickup_time", "id"),
    )
