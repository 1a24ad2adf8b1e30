"""The tables, as Alembic migrates them. Nobody outside the repositories knows a column by name."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Computed, Index, SmallInteger
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from arnia.chassis.models import service_registry


class Base(DeclarativeBase):
    """All tables of this service, and those of the chassis."""

    registry = service_registry()


class PositionRow(Base):
    """One position. The table has a partition for each day, in a schema of their own, and one for all other days."""

    __tablename__ = "positions"

    drone_id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    latitude: Mapped[float]
    longitude: Mapped[float]
    altitude_m: Mapped[float | None]
    speed_mps: Mapped[float | None]
    charge_percent: Mapped[float | None]
    cell_row: Mapped[int] = mapped_column(SmallInteger, Computed("floor(latitude * 100)", persisted=True))
    cell_column: Mapped[int] = mapped_column(SmallInteger, Computed("floor(longitude * 100)", persisted=True))

    __table_args__ = (
        CheckConstraint("latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180", name="is_on_earth"),
        Index("ix_positions_cells", "cell_row", "cell_column", "at"),
        {"postgresql_partition_by": "RANGE (at)"},
    )


class LastPositionRow(Base):
    """The last position of each drone; it stays when the positions of its day are dropped."""

    __tablename__ = "last_positions"

    drone_id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    latitude: Mapped[float]
    longitude: Mapped[float]
    altitude_m: Mapped[float | None]
    speed_mps: Mapped[float | None]
    charge_percent: Mapped[float | None]
