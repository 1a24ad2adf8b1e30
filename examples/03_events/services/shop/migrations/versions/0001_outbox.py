"""The tables of the chassis: what is told is kept in the outbox."""

from alembic import op

from arnia.chassis.migrations import create_chassis_tables, drop_chassis_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_chassis_tables(op)
    create_chassis_tables(op, version=2)


def downgrade() -> None:
    drop_chassis_tables(op, version=2)
    drop_chassis_tables(op)
