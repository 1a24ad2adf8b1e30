"""The fleet belongs to nobody in particular: who may see or change it is a matter of scopes and roles."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = ("drones", "reservations")


def upgrade() -> None:
    """Drop the owners, whom nothing ever wrote; their indexes go along."""
    for table in TABLES:
        op.drop_column(table, "owner")


def downgrade() -> None:
    """Make room for owners again."""
    for table in TABLES:
        op.add_column(table, sa.Column("owner", sa.Text(), nullable=True))
        op.create_index(f"ix_{table}_owner", table, ["owner"])
