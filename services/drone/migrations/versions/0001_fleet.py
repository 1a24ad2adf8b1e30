"""Drones, their reservations, and the tables of the chassis."""

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
        "drones",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(collation="C"), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("capacity_grams", sa.Integer(), nullable=False),
        sa.Column("free_grams", sa.Integer(), nullable=False),
        sa.Column("charge_percent", sa.Integer(), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=False),
        sa.Column("longitude", sa.Double(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        *_chassis_columns(),
        sa.PrimaryKeyConstraint("id", name="pk_drones"),
        sa.CheckConstraint("capacity_grams > 0", name=op.f("ck_drones_carries_something")),
        sa.CheckConstraint("free_grams BETWEEN 0 AND capacity_grams", name=op.f("ck_drones_never_oversold")),
        sa.CheckConstraint("charge_percent BETWEEN 0 AND 100", name=op.f("ck_drones_charge_is_a_percentage")),
        sa.CheckConstraint(
            "latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180", name=op.f("ck_drones_is_on_earth")
        ),
        sa.CheckConstraint(
            "status IN ('available', 'flying', 'charging', 'retired')", name=op.f("ck_drones_status_is_known")
        ),
    )
    op.create_index("ix_drones_owner", "drones", ["owner"])
    op.create_index(
        "ix_drones_suitable", "drones", ["free_grams", "id"], postgresql_where=sa.text("status = 'available'")
    )
    op.create_index("ix_drones_created_at_id", "drones", ["created_at", "id"])
    op.create_index("ix_drones_name_id", "drones", ["name", "id"])
    op.create_index("ix_drones_status_created_at_id", "drones", ["status", "created_at", "id"])
    op.create_table(
        "reservations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("drone_id", sa.Uuid(), nullable=False),
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("weight_grams", sa.Integer(), nullable=False),
        *_chassis_columns(),
        sa.PrimaryKeyConstraint("id", name="pk_reservations"),
        sa.UniqueConstraint("delivery_id", name="uq_reservations_delivery_id"),
        sa.ForeignKeyConstraint(
            ["drone_id"], ["drones.id"], name="fk_reservations_drone_id_drones", ondelete="RESTRICT"
        ),
        sa.CheckConstraint("weight_grams > 0", name=op.f("ck_reservations_weighs_something")),
    )
    op.create_index("ix_reservations_drone_id", "reservations", ["drone_id"])
    op.create_index("ix_reservations_owner", "reservations", ["owner"])


def downgrade() -> None:
    op.drop_table("reservations")
    op.drop_table("drones")
    drop_chassis_tables(op)


def _chassis_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
    ]
