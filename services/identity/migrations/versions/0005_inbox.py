"""The inbox, and what the outbox remembers of events that no broker takes."""

from alembic import op

from arnia.chassis.migrations import create_chassis_tables, drop_chassis_tables

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the chassis' tables up to their second version."""
    create_chassis_tables(op, version=2)


def downgrade() -> None:
    """Return to their first one."""
    drop_chassis_tables(op, version=2)
