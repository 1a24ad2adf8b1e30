"""Positions in PostgreSQL: stored in bulk, added up where they lie. Each function runs one statement."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import Executable, text

from arnia.chassis.session import Row, Session
from arnia.chassis.statements import Shapes, Statement
from telemetry.models.positions import GAP, Area, Cell, Distance, Period, Position
from telemetry.repositories.positions import AfterCell, AfterHour

COLUMNS: Final = ", ".join(Position._fields)

STORE: Final = Statement(
    text(f"""
WITH given AS (
    SELECT * FROM unnest(
        CAST(:drone_id AS uuid[]), CAST(:at AS timestamptz[]), CAST(:latitude AS float8[]),
        CAST(:longitude AS float8[]), CAST(:altitude_m AS float8[]), CAST(:speed_mps AS float8[]),
        CAST(:charge_percent AS float8[])
    ) AS position ({COLUMNS})
), latest AS (
    INSERT INTO last_positions AS known ({COLUMNS})
    SELECT DISTINCT ON (drone_id) {COLUMNS} FROM given ORDER BY drone_id, at DESC
    ON CONFLICT (drone_id) DO UPDATE SET at = excluded.at, latitude = excluded.latitude,
        longitude = excluded.longitude, altitude_m = excluded.altitude_m, speed_mps = excluded.speed_mps,
        charge_percent = excluded.charge_percent
    WHERE known.at < excluded.at
)
INSERT INTO positions ({COLUMNS}) SELECT {COLUMNS} FROM given ORDER BY drone_id, at
ON CONFLICT (drone_id, at) DO NOTHING
""")  # noqa: S608 - names of columns
)
"""The order keeps two transactions that bring the same positions from locking crosswise."""

METRES: Final = """
2 * 6371008.8 * asin(sqrt(least(1.0,
    sin(radians(latitude - lag(latitude) OVER flight) / 2) ^ 2
    + cos(radians(latitude)) * cos(radians(lag(latitude) OVER flight))
    * sin(radians(longitude - lag(longitude) OVER flight) / 2) ^ 2)))
"""
"""The great circle between a position and the one before it (haversine), on a sphere of the Earth's mean radius."""


@Shapes
def last_positions(one: bool, resumed: bool) -> Executable:  # noqa: FBT001 - the shape
    """Build the listing of last positions, of `one` drone or all, from the start or `resumed`."""
    wanted = ["drone_id = :drone_id"] * one + ["drone_id > :last_drone"] * resumed
    where = f"WHERE {' AND '.join(wanted)}" if wanted else ""
    return text(f"SELECT {COLUMNS} FROM last_positions {where} ORDER BY drone_id LIMIT :limit")  # noqa: S608 - as above


@Shapes
def distances(one: bool, resumed: bool) -> Executable:  # noqa: FBT001 - the shape
    """Build the listing of distances: a step belongs to the hour in which it ends, and one over a gap is none.

    It begins with the hour in which the last page ended: the step into the next one comes from there.
    """
    wanted = "AND drone_id = :drone_id " * one + "AND (drone_id, at) >= (:last_drone, :last_hour)" * resumed
    further = "AND (drone_id, hour) > (:last_drone, :last_hour)" * resumed
    return text(f"""
SELECT drone_id, hour, coalesce(sum(metres), 0) AS metres, count(*) AS positions
FROM (
    SELECT drone_id, at, date_trunc('hour', at, 'UTC') AS hour,
        CASE WHEN at - lag(at) OVER flight <= CAST(:gap AS interval) THEN {METRES} END AS metres
    FROM positions
    WHERE at >= CAST(:since AS timestamptz) - CAST(:gap AS interval) AND at < :until {wanted}
    WINDOW flight AS (PARTITION BY drone_id ORDER BY at)
) AS step
WHERE at >= CAST(:since AS timestamptz) {further}
GROUP BY drone_id, hour ORDER BY drone_id, hour LIMIT :limit
""")  # noqa: S608 - parts of a fixed text


@Shapes
def cells(resumed: bool) -> Executable:  # noqa: FBT001 - the shape
    """Build the listing of cells, from the start or `resumed`."""
    further = "AND (cell_row, cell_column) > (:last_row, :last_column)" if resumed else ""
    return text(f"""
SELECT cell_row, cell_column, count(*) AS positions FROM positions
WHERE at >= :since AND at < :until
    AND cell_row BETWEEN floor(CAST(:south AS float8) * 100)::int AND floor(CAST(:north AS float8) * 100)::int
    AND cell_column BETWEEN floor(CAST(:west AS float8) * 100)::int AND floor(CAST(:east AS float8) * 100)::int
    {further}
GROUP BY cell_row, cell_column ORDER BY cell_row, cell_column LIMIT :limit
""")  # noqa: S608 - parts of a fixed text


class SqlPositions:
    """Keeps positions within the transaction of a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def store(self, columns: Mapping[str, Sequence[object]]) -> int:
        """Keep positions, given as columns, unless they are there; return how many are new."""
        return await self._session.execute(STORE, **{name: columns[name] for name in Position._fields})


class SqlAggregates:
    """Keeps the promise of `Aggregates`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def last_positions(self, drone_id: UUID | None, after: UUID | None, limit: int) -> list[Position]:
        """Return the last position of each drone, or of one, in the order of their ids."""
        given = _present(drone_id=drone_id, last_drone=after)
        statement = last_positions(one=drone_id is not None, resumed=after is not None)
        return [position(row) for row in await self._session.fetch_all(statement, limit=limit, **given)]

    async def distances(
        self, period: Period, drone_id: UUID | None, after: AfterHour | None, limit: int
    ) -> list[Distance]:
        """Return how far each drone, or one, flew in each hour, in the order of drones and hours."""
        given = _present(drone_id=drone_id)
        if after is not None:
            given |= {"last_drone": after.drone_id, "last_hour": after.hour}
        statement = distances(one=drone_id is not None, resumed=after is not None)
        rows = await self._session.fetch_all(statement, **period._asdict(), gap=GAP, limit=limit, **given)
        return [Distance(row["drone_id"], row["hour"], row["metres"], row["positions"]) for row in rows]

    async def cells(self, period: Period, area: Area, after: AfterCell | None, limit: int) -> list[Cell]:
        """Return the cells that `area` touches and in which there was any drone, from south to north."""
        given = {} if after is None else {"last_row": after.row, "last_column": after.column}
        statement = cells(resumed=after is not None)
        rows = await self._session.fetch_all(statement, **period._asdict(), **area._asdict(), limit=limit, **given)
        return [Cell(row["cell_row"], row["cell_column"], row["positions"]) for row in rows]


def position(row: Row) -> Position:
    """Return the position that a row of `COLUMNS` is."""
    return Position(*row)


def _present(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}
