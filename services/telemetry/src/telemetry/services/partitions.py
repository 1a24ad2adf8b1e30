"""Keeping the places for days, as long as the service runs."""

import asyncio
import logging
from typing import Final, Protocol

from arnia.errors import ServiceError

__all__ = ["Keeper", "keep_forever"]

PAUSE: Final = 900.0
RETRY: Final = 5.0

log: Final = logging.getLogger("telemetry.partitions")


class Keeper(Protocol):
    """Whatever makes and drops the places for days."""

    async def keep(self, ahead: int, keep: int, /) -> tuple[int, int]:
        """Return how many were made, and how many dropped."""


async def keep_forever(keeper: Keeper, ahead: int, keep: int, *, pause: float = PAUSE, retry: float = RETRY) -> None:
    """Look after the places every quarter of an hour, sooner where somebody was in the way."""
    while True:
        wait = pause
        try:
            made, dropped = await keeper.keep(ahead, keep)
            if made or dropped:
                log.info("partitions of positions: %d made, %d dropped", made, dropped)
        except ServiceError as error:
            log.warning("partitions of positions are not looked after: %s", error)
            wait = retry
        await asyncio.sleep(wait)
