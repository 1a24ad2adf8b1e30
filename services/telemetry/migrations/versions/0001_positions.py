"""Positions, in a partition for each day, the last one of each drone, and the tables of the chassis.

The partitions are made and dropped by a function of the database, as long as the service lives: a day needs a table
before its first position comes, and the oldest one goes as a whole. They lie in a schema of their own.
"""

import sqlalchemy as sa
from alembic import op

from arnia.chassis.migrations import create_chassis_tables, drop_chassis_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

COLUMNS = "drone_id, at, latitude, longitude, altitude_m, speed_mps, charge_percent"

# Rows of that day that came while it had no place of its own are moved; nobody may add one meanwhile.
MAKE = f"""
CREATE FUNCTION partitions.make_day(day date) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    name text := 'positions_' || to_char(day, 'YYYYMMDD');
    since timestamptz := day::timestamp AT TIME ZONE 'UTC';
    until timestamptz := (day + 1)::timestamp AT TIME ZONE 'UTC';
BEGIN
    IF to_regclass('partitions.' || name) IS NOT NULL THEN
        RETURN false;
    END IF;
    LOCK TABLE partitions.positions_other IN ACCESS EXCLUSIVE MODE;
    EXECUTE format('CREATE TABLE partitions.%I (LIKE positions INCLUDING ALL)', name);
    EXECUTE format(
        'WITH moved AS (DELETE FROM partitions.positions_other WHERE at >= $1 AND at < $2 RETURNING {COLUMNS}) '
        'INSERT INTO partitions.%I ({COLUMNS}) SELECT * FROM moved', name) USING since, until;
    EXECUTE format(
        'ALTER TABLE positions ATTACH PARTITION partitions.%I FOR VALUES FROM (%L) TO (%L)', name, since, until);
    RETURN true;
END
$$
"""  # noqa: S608 - names of columns

DROP = """
CREATE FUNCTION partitions.drop_before(day date) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    old record;
    dropped integer := 0;
BEGIN
    FOR old IN
        SELECT child.relname FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
        WHERE inhparent = 'positions'::regclass AND child.relname ~ '^positions_[0-9]{8}$'
            AND to_date(right(child.relname, 8), 'YYYYMMDD') < day
    LOOP
        EXECUTE format('DROP TABLE partitions.%I', old.relname);
        dropped := dropped + 1;
    END LOOP;
    DELETE FROM partitions.positions_other WHERE at < day::timestamp AT TIME ZONE 'UTC';
    RETURN dropped;
END
$$
"""


def upgrade() -> None:
    create_chassis_tables(op)
    create_chassis_tables(op, version=2)
    op.create_table(
        "positions",
        *_columns(),
        sa.Column("cell_row", sa.SmallInteger(), sa.Computed("floor(latitude * 100)", persisted=True), nullable=False),
        sa.Column(
            "cell_column", sa.SmallInteger(), sa.Computed("floor(longitude * 100)", persisted=True), nullable=False
        ),
        sa.PrimaryKeyConstraint("drone_id", "at", name="pk_positions"),
        sa.CheckConstraint(
            "latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180", name=op.f("ck_positions_is_on_earth")
        ),
        postgresql_partition_by="RANGE (at)",
    )
    op.create_index("ix_positions_cells", "positions", ["cell_row", "cell_column", "at"])
    op.create_table("last_positions", *_columns(), sa.PrimaryKeyConstraint("drone_id", name="pk_last_positions"))
    op.execute("CREATE SCHEMA partitions")
    op.execute("CREATE TABLE partitions.positions_other PARTITION OF positions DEFAULT")
    op.execute(MAKE)
    op.execute(DROP)


def downgrade() -> None:
    op.drop_table("last_positions")
    op.drop_table("positions")
    op.execute("DROP SCHEMA partitions CASCADE")
    drop_chassis_tables(op, version=2)
    drop_chassis_tables(op)


def _columns() -> list[sa.Column[object]]:
    return [
        sa.Column("drone_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=False),
        sa.Column("longitude", sa.Double(), nullable=False),
        sa.Column("altitude_m", sa.Double(), nullable=True),
        sa.Column("speed_mps", sa.Double(), nullable=True),
        sa.Column("charge_percent", sa.Double(), nullable=True),
    ]
