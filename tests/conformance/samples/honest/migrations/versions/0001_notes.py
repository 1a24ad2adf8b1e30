"""Notes, and the tables of the chassis."""

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
    create_chassis_tables(op, version=2)
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "notes",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("body", JSONB, nullable=False),
        sa.Column("closed", sa.Boolean, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False, server_default=sa.text("1")),
        sa.Column("created_at", moment, nullable=False, server_default=sa.text("now()")),
        sa.Column("updated_at", moment, nullable=False, server_default=sa.text("now()")),
        sa.Column("owner", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_notes"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("notes")
    drop_chassis_tables(op, version=2)
    drop_chassis_tables(op)
