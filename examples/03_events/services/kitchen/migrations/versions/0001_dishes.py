"""Dishes, and the tables of the chassis: what was heard is remembered in the inbox."""

import sqlalchemy as sa
from alembic import op

from arnia.chassis.migrations import create_chassis_tables, drop_chassis_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_chassis_tables(op)
    create_chassis_tables(op, version=2)
    op.create_table(
        "dishes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("pizza", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_dishes"),
    )


def downgrade() -> None:
    op.drop_table("dishes")
    drop_chassis_tables(op, version=2)
    drop_chassis_tables(op)
