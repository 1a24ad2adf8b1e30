"""What the driver of assignments goes by: when it goes on with which, and what it still has to give back."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let the driver go on with everything that was begun and not finished."""
    moment = sa.DateTime(timezone=True)
    for column in (
        sa.Column("leftovers", sa.ARRAY(sa.Uuid), nullable=False, server_default=sa.text("'{}'")),
        sa.Column("closed", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("due_at", moment, nullable=False, server_default=sa.text("now()")),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
    ):
        op.add_column("assignments", column)
    op.create_index(
        "ix_assignments_driven",
        "assignments",
        ["due_at"],
        postgresql_where=sa.text("status IN ('requested', 'releasing') OR leftovers <> '{}'"),
    )


def downgrade() -> None:
    """Let those who asked ask again."""
    op.drop_index("ix_assignments_driven", "assignments")
    for name in ("attempts", "due_at", "closed", "leftovers"):
        op.drop_column("assignments", name)
