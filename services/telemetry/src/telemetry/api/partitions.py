"""What the process does besides answering and hearing: it keeps the places for days."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from arnia.chassis.context import Runtime
from telemetry.config import Settings
from telemetry.repositories.partitions import Partitions
from telemetry.services.partitions import keep_forever


@asynccontextmanager
async def kept_ahead(runtime: Runtime) -> AsyncIterator[None]:
    """Have a place for each day that comes, and none for those that are too old, while the process runs.

    The first look is over before anything is heard: positions that come without a place are moved later, at a cost.
    """
    settings, database = runtime.settings, runtime.database
    if not isinstance(settings, Settings) or database is None or settings.role not in {"all", "consumer"}:
        yield
        return
    partitions = Partitions(database)
    ahead, keep = settings.partition_days_ahead, settings.position_keep_days
    await partitions.keep(ahead, keep)
    loop = asyncio.create_task(keep_forever(partitions, ahead, keep))
    try:
        yield
    finally:
        loop.cancel()
        with suppress(asyncio.CancelledError):
            await loop
