"""Listings by role: those who have a rare one would be looked for among all users."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Find users by each of their roles."""
    op.create_index("ix_users_roles", "users", ["roles"], postgresql_using="gin")


def downgrade() -> None:
    """Look through all users."""
    op.drop_index("ix_users_roles", "users")
