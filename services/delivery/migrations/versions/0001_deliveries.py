"""Deliveries, and the tables of the chassis."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from arnia.chassis.migrations import create_chassis_tables, drop_chassis_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create them."""
    create_chassis_tables(op)
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("pickup_latitude", sa.Float, nullable=False),
        sa.Column("pickup_longitude", sa.Float, nullable=False),
        sa.Column("dropoff_latitude", sa.Float, nullable=False),
        sa.Column("dropoff_longitude", sa.Float, nullable=False),
        sa.Column("items", JSONB, nullable=False),
        sa.Column("pickup_time", moment, nullable=False),
        sa.Column("deadline", moment, nullable=False),
        sa.Column("drone_id", sa.Uuid),
        sa.Column("assigned_at", moment),
        sa.Column("departed_at", moment),
        sa.Column("received_by", sa.Text),
        sa.Column("confirmed_at", moment),
        sa.Column("cancellation_reason", sa.Text),
        sa.Column("cancelled_at", moment),
        sa.Column("version", sa.BigInteger, nullable=False, server_default=sa.text("1")),
        sa.Column("created_at", moment, nullable=False, server_default=sa.text("now()")),
        sa.Column("updated_at", moment, nullable=False, server_default=sa.text("now()")),
        sa.Column("owner", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.CheckConstraint("deadline > pickup_time", name=op.f("ck_deliveries_deadline_after_pickup")),
    )
    op.create_index("ix_deliveries_created_at_id", "deliveries", ["created_at", "id"])
    op.create_index("ix_deliveries_pickup_time_id", "deliveries", ["pickup_time", "id"])
    op.create_index("ix_deliveries_status_created_at_id", "deliveries", ["status", "created_at", "id"])
    op.create_index("ix_deliveries_status_pickup_time_id", "deliveries", ["status", "pickup_time", "id"])
    op.create_index("ix_deliveries_owner", "deliveries", ["owner"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("deliveries")
    drop_chassis_tables(op)
