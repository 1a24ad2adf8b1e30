"""How late the event loop is: whatever computes or waits without `await` keeps every other request waiting."""

import asyncio
import time
from collections.abc import Iterable
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

__all__ = ["LoopLag"]

TICK_SECONDS: Final = 0.1
BLOCKED_SECONDS: Final = 0.05
"""So late a tick says that the loop was blocked."""
WINDOW_SECONDS: Final = 30.0


class LoopLag:
    """Looks ten times a second how late a timer is. Blocks that begin and end between two looks are not seen."""

    def __init__(self) -> None:
        self.blocks = 0
        self._due = self._window_ends = 0.0
        self._longest = self._before = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def longest(self) -> float:
        """The most seconds that a look was late in the last 30 to 60 seconds."""
        return max(self._longest, self._before)

    def begin(self) -> None:
        """Look from now on."""
        self._window_ends = time.perf_counter() + WINDOW_SECONDS
        self._look_soon()

    def end(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()

    def collect(self) -> Iterable[Metric]:
        """Return what was seen, in prometheus-client's terms."""
        late = "Longest that the event loop was late, in the last half to whole minute."
        yield GaugeMetricFamily("arnia_event_loop_lag_seconds", late, value=self.longest)
        yield CounterMetricFamily("arnia_event_loop_blocks", "Times that it was 50 ms late or more.", value=self.blocks)

    def _look_soon(self) -> None:
        self._due = time.perf_counter() + TICK_SECONDS
        self._timer = asyncio.get_running_loop().call_later(TICK_SECONDS, self._look)

    def _look(self) -> None:
        now = time.perf_counter()
        late = max(0.0, now - self._due)
        if now >= self._window_ends:
            self._before, self._longest = self._longest, 0.0
            self._window_ends = now + WINDOW_SECONDS
        self._longest = max(self._longest, late)
        self.blocks += late >= BLOCKED_SECONDS
        self._look_soon()
