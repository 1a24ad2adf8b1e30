"""Which OAuth clients the settings declare. Those of before count as made by hand until the next start names them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Tell the declared ones from the others."""
    op.add_column("oauth_clients", sa.Column("declared", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    """Let all be alike."""
    op.drop_column("oauth_clients", "declared")
