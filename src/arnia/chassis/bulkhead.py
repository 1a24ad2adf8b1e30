"""A bulkhead: how many calls to one dependency may be under way, so that a slow one cannot take everything."""

import asyncio
from types import TracebackType

__all__ = ["Bulkhead", "BulkheadFull"]


class BulkheadFull(Exception):
    """No place came free in time."""


class Bulkhead:
    """At most `places` at once; others wait their turn for a limited time.

    ```python
    async with bulkhead.within(seconds=0.25):
        ...
    ```
    """

    def __init__(self, places: int) -> None:
        self._free = asyncio.Semaphore(places)
        self.taken = 0

    def within(self, seconds: float) -> "Place":
        """Return a place, to be had within `seconds`."""
        return Place(self, seconds)

    async def take(self, seconds: float) -> None:
        """Take a place.

        Raises:
            BulkheadFull: none came free in time.
        """
        if self._free.locked():
            try:
                async with asyncio.timeout(max(0.0, seconds)):
                    await self._free.acquire()
            except TimeoutError:
                raise BulkheadFull from None
        else:
            await self._free.acquire()  # does not wait: nobody is before us
        self.taken += 1

    def give(self) -> None:
        """Give the place back."""
        self.taken -= 1
        self._free.release()


class Place:
    """A place in a bulkhead, for the length of a block."""

    __slots__ = ("_bulkhead", "_seconds")

    def __init__(self, bulkhead: Bulkhead, seconds: float) -> None:
        self._bulkhead = bulkhead
        self._seconds = seconds

    async def __aenter__(self) -> None:
        await self._bulkhead.take(self._seconds)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bulkhead.give()
