"""What an OAuth client has been granted: all of it ends when the OAuth client does."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Find logins and codes by the OAuth client that they went through."""
    op.create_index("ix_logins_client_id", "logins", ["client_id"])
    op.create_index("ix_authorization_codes_client_id", "authorization_codes", ["client_id"])


def downgrade() -> None:
    """Look through all of them."""
    op.drop_index("ix_authorization_codes_client_id", "authorization_codes")
    op.drop_index("ix_logins_client_id", "logins")
