"""What a process does now and then for its own tables."""

import asyncio
import logging
from typing import Final

from arnia.chassis import idempotency
from arnia.chassis.database import Database
from arnia.errors import ServiceError

__all__ = ["keep_tidy"]

PAUSE_SECONDS: Final = 600.0
BATCH: Final = 1000

log: Final = logging.getLogger("arnia.housekeeping")


async def keep_tidy(database: Database, pause: float = PAUSE_SECONDS) -> None:
    """Forget expired idempotency records, in small transactions, every `pause` seconds, until cancelled."""
    while True:
        try:
            while await _prune(database) == BATCH:  # noqa: ASYNC110 - nothing is awaited for; others get a turn
                await asyncio.sleep(0)
        except ServiceError as error:
            log.warning("expired idempotency keys were not removed, will try again: %s", error)
        await asyncio.sleep(pause)


async def _prune(database: Database) -> int:
    async with database.session(read_only=False) as session:
        return await idempotency.prune(session, most=BATCH)
