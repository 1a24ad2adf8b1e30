"""Positions to be sent, and how long to wait until they are stored."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg

from telemetry.models.positions import Position

SECOND = timedelta(seconds=1)


def recent() -> datetime:
    """Return a whole hour that lies before this one."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)


def flight(drone_id: UUID, count: int, *, since: datetime | None = None, step: float = 0.001) -> list[Position]:
    """Return the positions of a drone that flies north from Milan, one a second."""
    begin = since or recent()
    return [
        Position(drone_id, begin + number * SECOND, 45.0 + number * step, 9.19, 120.0, None, 90.0)
        for number in range(count)
    ]


def sent(positions: Sequence[Position]) -> list[dict[str, object]]:
    """Return positions as JSON has them."""
    return [
        {
            **{name: value for name, value in position._asdict().items() if value is not None},
            "drone_id": str(position.drone_id),
            "at": position.at.isoformat(),
        }
        for position in positions
    ]


async def stored(url: str, *drones: UUID) -> int:
    """Return how many positions of these drones are stored."""
    connection = await asyncpg.connect(url)
    try:
        count: int = await connection.fetchval("SELECT count(*) FROM positions WHERE drone_id = ANY ($1)", drones)
    finally:
        await connection.close()
    return count


async def arrive(url: str, count: int, *drones: UUID, seconds: float = 30.0) -> int:
    """Wait until as many positions of these drones are stored; return how many are, then or at the end of that time."""
    until = time.monotonic() + seconds
    while (found := await stored(url, *drones)) < count and time.monotonic() < until:  # noqa: ASYNC110 - elsewhere
        await asyncio.sleep(0.1)
    return found
