"""All positions, for whoever wants a copy: a chunk at a time, and no connection held while it is on its way."""

import time
from typing import Final
from uuid import UUID

from sqlalchemy import Executable, text

from arnia.chassis.database import Database
from arnia.chassis.statements import Shapes
from telemetry.models.positions import Period, Position
from telemetry.repositories.positions import AfterPosition
from telemetry.repositories.sql import COLUMNS, position

CHUNK_SECONDS: Final = 10.0
"""How long one chunk may take; the whole has no end but its own."""


@Shapes
def chunk(one: bool, resumed: bool) -> Executable:  # noqa: FBT001 - the shape
    """Build the reading of a chunk, of `one` drone or all, from the start or `resumed`."""
    wanted = "AND drone_id = :drone_id " * one + "AND (drone_id, at) > (:last_drone, :last_at)" * resumed
    return text(
        f"SELECT {COLUMNS} FROM positions WHERE at >= :since AND at < :until {wanted} "  # noqa: S608 - a fixed text
        "ORDER BY drone_id, at LIMIT :limit"
    )


class SqlArchive:
    """Keeps the promise of `Archive`, each chunk in a session of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def chunk(
        self, period: Period, drone_id: UUID | None, after: AfterPosition | None, limit: int
    ) -> list[Position]:
        """Return the next positions in the order of drones and moments."""
        given: dict[str, object] = {} if drone_id is None else {"drone_id": drone_id}
        if after is not None:
            given |= {"last_drone": after.drone_id, "last_at": after.at}
        statement = chunk(one=drone_id is not None, resumed=after is not None)
        deadline = time.monotonic() + CHUNK_SECONDS
        async with self._database.session(read_only=True, deadline=deadline) as session:
            rows = await session.fetch_all(statement, **period._asdict(), limit=limit, **given)
        return [position(row) for row in rows]
