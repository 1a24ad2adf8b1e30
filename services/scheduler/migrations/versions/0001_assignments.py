"""Assignments, and the tables of the chassis."""

import sqlalchemy as sa
from alembic import op

from arnia.chassis.migrations import create_chassis_tables, drop_chassis_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_chassis_tables(op)
    op.create_table(
        "assignments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reservation_id", sa.Uuid(), nullable=False),
        sa.Column("weight_grams", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("drone_id", sa.Uuid(), nullable=True),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_assignments"),
        sa.UniqueConstraint("reservation_id", name="uq_assignments_reservation_id"),
        sa.CheckConstraint("weight_grams > 0", name=op.f("ck_assignments_weighs_something")),
        sa.CheckConstraint(
            "status IN ('requested', 'reserved', 'refused', 'releasing', 'released')",
            name=op.f("ck_assignments_status_is_known"),
        ),
        sa.CheckConstraint(
            "status <> 'reserved' OR drone_id IS NOT NULL", name=op.f("ck_assignments_reserved_means_a_drone")
        ),
        sa.CheckConstraint(
            "(status = 'refused') = (refusal IS NOT NULL)", name=op.f("ck_assignments_refused_says_why")
        ),
    )
    op.create_index(
        "ix_assignments_listed", "assignments", ["created_at", "id"], postgresql_where=sa.text("status <> 'released'")
    )
    op.create_index("ix_assignments_status_created_at_id", "assignments", ["status", "created_at", "id"])


def downgrade() -> None:
    op.drop_table("assignments")
    drop_chassis_tables(op)
