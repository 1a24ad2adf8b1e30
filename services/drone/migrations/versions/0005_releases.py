"""What was released is remembered for a while, so that a request that arrives late does not reserve it again."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make room for the identities of what was released."""
    op.create_table(
        "releases",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_releases"),
    )
    op.create_index("ix_releases_released_at", "releases", ["released_at"])


def downgrade() -> None:
    """Forget them."""
    op.drop_table("releases")
