"""The tables, as Alembic migrates them. Nobody outside the repositories knows a column by name."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, Text, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from arnia.chassis.models import Identified, Versioned, service_registry


class Base(DeclarativeBase):
    """All tables of this service, and those of the chassis."""

    registry = service_registry()


class DroneRow(Identified, Versioned, Base):
    """One drone. Reservations are taken from `free_grams`: the database itself refuses to oversell a drone."""

    __tablename__ = "drones"

    # Sorted by code point, so that an order means the same in every installation.
    name: Mapped[str] = mapped_column(Text(collation="C"))
    model: Mapped[str]
    capacity_grams: Mapped[int]
    free_grams: Mapped[int]
    charge_percent: Mapped[int]
    latitude: Mapped[float]
    longitude: Mapped[float]
    status: Mapped[str]

    __table_args__ = (
        CheckConstraint("capacity_grams > 0", name="carries_something"),
        CheckConstraint("free_grams BETWEEN 0 AND capacity_grams", name="never_oversold"),
        CheckConstraint("charge_percent BETWEEN 0 AND 100", name="charge_is_a_percentage"),
        CheckConstraint("latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180", name="is_on_earth"),
        CheckConstraint("status IN ('available', 'flying', 'charging', 'retired')", name="status_is_known"),
        Index("ix_drones_suitable", "free_grams", "id", postgresql_where=text("status = 'available'")),
        Index(None, "created_at", "id"),
        Index(None, "name", "id"),
        Index(None, "model", "created_at", "id"),
        Index(None, "model", "name", "id"),
        Index(None, "status", "created_at", "id"),
    )


class ReservationRow(Identified, Versioned, Base):
    """One reservation. A delivery has at most one, and a drone that has some cannot be deleted."""

    __tablename__ = "reservations"

    drone_id: Mapped[UUID] = mapped_column(ForeignKey("drones.id", ondelete="RESTRICT"), index=True)
    delivery_id: Mapped[UUID] = mapped_column(unique=True)
    weight_grams: Mapped[int]

    __table_args__ = (CheckConstraint("weight_grams > 0", name="weighs_something"),)


class ReleaseRow(Base):
    """An identity under which nothing is reserved any more, whether or not anything ever was."""

    __tablename__ = "releases"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    released_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
