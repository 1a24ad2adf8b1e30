"""Listings of one model: of a rare one, a page would be looked for in most of the fleet."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let each order of a listing begin with the model."""
    op.create_index("ix_drones_model_created_at_id", "drones", ["model", "created_at", "id"])
    op.create_index("ix_drones_model_name_id", "drones", ["model", "name", "id"])


def downgrade() -> None:
    """List through the orders that all models share."""
    op.drop_index("ix_drones_model_name_id", "drones")
    op.drop_index("ix_drones_model_created_at_id", "drones")
