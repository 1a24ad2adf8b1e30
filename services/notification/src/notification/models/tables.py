"""The table, as Alembic migrates it. Nobody outside the repositories knows a column by name."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from arnia.chassis.models import Identified, service_registry


class Base(DeclarativeBase):
    """All tables of this service, and those of the chassis."""

    registry = service_registry()


class NotificationRow(Identified, Base):
    """One notification a row; its identity is the event's."""

    __tablename__ = "notifications"

    topic: Mapped[str]
    aggregate_id: Mapped[UUID]
    sequence: Mapped[int]
    audience: Mapped[str]
    text: Mapped[str]
    occurred_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        Index(None, "created_at", "id"),
        Index(None, "topic", "created_at", "id"),
        Index(None, "aggregate_id", "created_at", "id"),
    )
