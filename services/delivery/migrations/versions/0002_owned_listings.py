"""Listings of what one principal owns. What was there before belongs to nobody: only operators see it."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let each order of a listing begin with the owner."""
    op.create_index("ix_deliveries_owner_created_at_id", "deliveries", ["owner", "created_at", "id"])
    op.create_index("ix_deliveries_owner_pickup_time_id", "deliveries", ["owner", "pickup_time", "id"])


def downgrade() -> None:
    """List through the orders that all owners share."""
    op.drop_index("ix_deliveries_owner_pickup_time_id", "deliveries")
    op.drop_index("ix_deliveries_owner_created_at_id", "deliveries")
