"""What one principal owns is found through the indexes of its listings, which begin with the owner."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop what the longer indexes hold as well."""
    op.drop_index("ix_deliveries_owner", "deliveries")


def downgrade() -> None:
    """Find owners through an index of their own again."""
    op.create_index("ix_deliveries_owner", "deliveries", ["owner"])
