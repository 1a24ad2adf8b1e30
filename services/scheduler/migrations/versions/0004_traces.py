"""Where in a trace the present state of an assignment came to be, so that the driver goes on in the same one."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make room for it; of what is there already nobody told one."""
    for name in ("traceparent", "tracestate"):
        op.add_column("assignments", sa.Column(name, sa.Text, nullable=True))


def downgrade() -> None:
    """Let the driver begin traces of its own."""
    for name in ("tracestate", "traceparent"):
        op.drop_column("assignments", name)
