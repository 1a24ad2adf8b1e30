"""Turns: requests that have arrived and wait for the event loop, so that nobody has to wait for it to be told no.

A loop that is given a hundred requests at once works on all of them before it looks at what has arrived meanwhile. Here
it is given as many as fill `SLICE_SECONDS`, and looks until it finds nobody who has just arrived: libuv takes in one
new connection each time it looks. How long whoever arrives would wait is known beforehand: so many are before it, and
each takes the time that lay between two beginnings while others waited.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

__all__ = ["SLICE_SECONDS", "TICKET", "Turns"]

TICKET: Final = "arnia.ticket"
"""Where in a scope the number of its turn is."""
SLICE_SECONDS: Final = 0.01
QUIET_LOOKS: Final = 2
"""So many looks in a row find nobody: a new connection is taken in at one, and read at the next."""
MOST_LOOKS: Final = 256
"""After these there is work again, whoever arrives."""
SMOOTHING: Final = 0.2
OBLIVION: Final = 0.5


class Turns:
    """Gives turns in the order of arrival."""

    __slots__ = ("_begun", "_crowded_since", "_issued", "_looks", "_noticed", "_pace", "_queue", "_quiet", "_sampled")

    def __init__(self) -> None:
        self._issued = self._begun = 0
        self._looks = self._quiet = 0
        self._noticed = False
        self._pace = 0.0
        self._sampled = False
        self._crowded_since: float | None = None
        self._queue: deque[Callable[[], None]] = deque()

    @property
    def expected(self) -> float:
        """How many seconds one that arrives now would wait for its turn."""
        return (self._issued - self._begun) * self._pace

    def notice(self) -> None:
        """Take note that somebody has arrived, to be served or refused."""
        self._noticed = True

    def take(self, begin: Callable[[], None]) -> int:
        """Let `begin` be called when its turn comes, maybe at once; return the number of that turn."""
        crowded = bool(self._queue) or self.expected > SLICE_SECONDS
        self._issued += 1
        if not crowded:
            begin()
        else:
            if not self._queue:
                asyncio.get_running_loop().call_soon(self._look)
            self._queue.append(begin)
        return self._issued

    def _look(self) -> None:
        """Begin some once nobody has arrived lately; until then let the loop look at its sockets once more."""
        self._looks += 1
        self._quiet = 0 if self._noticed else self._quiet + 1
        self._noticed = False
        if self._quiet >= QUIET_LOOKS or self._looks >= MOST_LOOKS:
            self._looks = self._quiet = 0
            # What they do comes before the next look, and that one before the sockets: it sees nothing new.
            self._noticed = True
            try:
                self._begin_some()
            finally:
                self._look_again()
        else:
            self._look_again()

    def _look_again(self) -> None:
        if self._queue:
            asyncio.get_running_loop().call_soon(self._look)

    def _begin_some(self) -> None:
        slice_ = len(self._queue) if self._pace == 0 else max(1, int(SLICE_SECONDS / self._pace))
        for _ in range(min(slice_, len(self._queue))):
            self._queue.popleft()()

    def begins(self, ticket: int, now: float) -> None:
        """Take note that the turn with this number has come."""
        if self._crowded_since is not None:
            took = now - self._crowded_since
            self._pace = self._pace + SMOOTHING * (took - self._pace) if self._pace else took
            self._sampled = True
        # One that was given up before it began is passed over by the next.
        self._begun = max(self._begun, ticket)
        self._crowded_since = now if self._issued > self._begun else None

    def forget(self) -> None:
        """Believe less in what was measured, unless it was since the last time: nobody could find out otherwise."""
        if not self._sampled:
            self._pace *= OBLIVION
        self._sampled = False
