"""Notifications, and the tables of the chassis."""

import sqlalchemy as sa
from alembic import op

from arnia.chassis.migrations import create_chassis_tables, drop_chassis_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create them."""
    create_chassis_tables(op)
    create_chassis_tables(op, version=2)
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "notifications",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("aggregate_id", sa.Uuid, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("audience", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("occurred_at", moment, nullable=False),
        sa.Column("created_at", moment, nullable=False, server_default=sa.text("now()")),
        sa.PrimaryKeyConstraint("id", name="pk_notifications"),
    )
    for columns in (["created_at", "id"], ["topic", "created_at", "id"], ["aggregate_id", "created_at", "id"]):
        op.create_index(f"ix_notifications_{'_'.join(columns)}", "notifications", columns)


def downgrade() -> None:
    """Drop them."""
    op.drop_table("notifications")
    drop_chassis_tables(op, version=2)
    drop_chassis_tables(op)
