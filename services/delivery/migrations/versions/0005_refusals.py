"""Why no drone was found for a delivery."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let a delivery remember it; so far nobody said so."""
    op.add_column("deliveries", sa.Column("refusal", sa.Text))
    op.add_column("deliveries", sa.Column("refused_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    """Forget it."""
    op.drop_column("deliveries", "refused_at")
    op.drop_column("deliveries", "refusal")
