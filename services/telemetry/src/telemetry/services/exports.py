"""Reading everything, from the first position to the last."""

from collections.abc import AsyncIterator, Sequence
from typing import Final
from uuid import UUID

from telemetry.models.positions import Period, Position
from telemetry.repositories.positions import AfterPosition, Archive

__all__ = ["CHUNK", "chunks"]

CHUNK: Final = 2000
"""Positions that are in memory at a time, for each who exports."""


async def chunks(
    archive: Archive, period: Period, drone_id: UUID | None, *, size: int = CHUNK
) -> AsyncIterator[Sequence[Position]]:
    """Yield all positions of `period` in the order of drones and moments, some at a time; an empty chunk ends them.

    What is stored meanwhile is in it where it lies ahead.
    """
    after: AfterPosition | None = None
    while True:
        chunk = await archive.chunk(period, drone_id, after, size)
        yield chunk
        if len(chunk) < size:
            return
        after = AfterPosition(chunk[-1].drone_id, chunk[-1].at)
