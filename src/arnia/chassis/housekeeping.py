"""What a process does now and then for its own tables."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Final

from arnia.chassis import idempotency, inbox_store, outbox_store
from arnia.chassis.database import Database
from arnia.chassis.session import Session
from arnia.chassis.statements import Statement
from arnia.errors import ArniaError

__all__ = ["KEEP_DAYS", "keep_tidy"]

PAUSE_SECONDS: Final = 600.0
BATCH: Final = 1000
KEEP_DAYS: Final = 7.0

log: Final = logging.getLogger("arnia.housekeeping")


async def keep_tidy(database: Database, pause: float = PAUSE_SECONDS, *, keep_days: float = KEEP_DAYS) -> None:
    """Forget what is over, in small transactions, every `pause` seconds, until cancelled.

    Args:
        database: The service's own.
        pause: Seconds between two looks.
        keep_days: For how many days events that were sent, or heard, are remembered.
    """
    age = timedelta(days=keep_days)
    chores: dict[str, Callable[[Session], Awaitable[int]]] = {
        "expired idempotency keys": partial(idempotency.prune, most=BATCH),
        "events that were sent": partial(_prune, outbox_store.PRUNE, age),
        "events that were heard": partial(_prune, inbox_store.PRUNE, age),
    }
    while True:
        for what, prune in chores.items():
            try:
                while await _once(database, prune) == BATCH:  # noqa: ASYNC110 - nothing is awaited for; others get a turn
                    await asyncio.sleep(0)
            except ArniaError as error:
                log.warning("%s were not removed, will try again: %s", what, error)
            except Exception:
                log.exception("%s were not removed, will try again", what)
        await asyncio.sleep(pause)


async def _once(database: Database, prune: Callable[[Session], Awaitable[int]]) -> int:
    async with database.session(read_only=False) as session:
        return await prune(session)


async def _prune(statement: Statement, age: timedelta, session: Session) -> int:
    return await session.execute(statement, age=age, most=BATCH)
