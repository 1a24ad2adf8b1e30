"""A bulkhead: how many calls to one dependency may be under way, so that a slow one cannot take everything."""

import asyncio
from collections import deque

__all__ = ["Bulkhead", "BulkheadFull"]


class BulkheadFull(Exception):
    """No place came free in time."""


class Bulkhead:
    """At most `places` at once; others wait their turn, first come, first served, for a limited time.

    Whoever has a place gives it back: `try: ... finally: bulkhead.give()`.

    Attributes:
        taken: How many places are taken.
    """

    def __init__(self, places: int) -> None:
        self.taken = 0
        self._places = places
        self._waiting: deque[asyncio.Future[None]] = deque()

    def take_free(self) -> bool:
        """Take a place if one is free and nobody waits for it; say whether there was one."""
        if self.taken >= self._places or self._waiting:
            return False
        self.taken += 1
        return True

    async def take(self, seconds: float) -> None:
        """Take a place.

        Raises:
            BulkheadFull: none came free within `seconds`.
        """
        if self.take_free():
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self.give()  # it was our turn at the very moment at which we stopped waiting
            elif turn in self._waiting:
                self._waiting.remove(turn)
            if isinstance(error, TimeoutError):
                raise BulkheadFull from None
            raise

    def give(self) -> None:
        """Give the place back: to whoever has waited longest, if somebody waits."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.taken -= 1
