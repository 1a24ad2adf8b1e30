"""The places for days: made before their first position comes, dropped as a whole when they are old."""

import time
from typing import Final

from sqlalchemy import text

from arnia.chassis.database import Database
from arnia.chassis.statements import Statement

PATIENCE: Final = 30.0
LOCK: Final = Statement(
    text(
        "SELECT pg_try_advisory_xact_lock(hashtextextended('partitions', 0)) AS mine, "
        "set_config('lock_timeout', '3s', true) AS patience"
    )
)
MAKE: Final = Statement(
    text(
        "SELECT count(*) FILTER (WHERE partitions.make_day(today + number)) AS made "
        "FROM generate_series(-1, CAST(:ahead AS integer)) AS number, CAST(now() AT TIME ZONE 'UTC' AS date) AS today"
    )
)
DROP: Final = Statement(
    text("SELECT partitions.drop_before(CAST(now() AT TIME ZONE 'UTC' AS date) - CAST(:keep AS integer)) AS dropped")
)


class Partitions:
    """Keeps the places for days in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, ahead: int, keep: int) -> tuple[int, int]:
        """Make the places from yesterday to `ahead` days from now, drop those of more than `keep` days ago.

        Of several processes one does it. Whoever reads or writes is waited for, but not for long: they would wait too.

        Returns:
            How many were made, and dropped.

        Raises:
            Unavailable: The database is away, or somebody was in the way: try again.
        """
        async with self._database.session(read_only=False, deadline=time.monotonic() + PATIENCE) as session:
            lock = await session.fetch_one(LOCK)
            if lock is None or not lock["mine"]:
                return 0, 0
            made, dropped = await session.fetch_one(MAKE, ahead=ahead), await session.fetch_one(DROP, keep=keep)
            return (made["made"] if made else 0), (dropped["dropped"] if dropped else 0)
