"""What a process remembers of its calls to one service: counts, durations, and how long the slowest twentieth took."""

from bisect import bisect_left
from collections import Counter, deque
from typing import Final

from arnia.chassis.durations import BUCKETS

__all__ = ["CallRecords"]

REMEMBERED: Final = 200
ENOUGH: Final = 40
"""So many answers make a 95th percentile: two are above it."""
EVERY: Final = 20


class CallRecords:
    """Counts of calls, retries, rejections and hedges, and durations by operation and outcome."""

    def __init__(self) -> None:
        self.retries = 0
        self.hedges = 0
        self.cached = 0
        self.rejected: Counter[str] = Counter()
        self.durations: dict[tuple[str, str], list[float]] = {}
        self._recent: deque[float] = deque(maxlen=REMEMBERED)
        self._since = 0
        self._slow: float | None = None

    def observe(self, operation: str, outcome: str, seconds: float) -> None:
        """Record one whole call, its retries included."""
        row = self.durations.get((operation, outcome))
        if row is None:
            row = self.durations[operation, outcome] = [0.0] * (len(BUCKETS) + 2)
        row[bisect_left(BUCKETS, seconds)] += 1
        row[-1] += seconds

    def answered(self, seconds: float) -> None:
        """Record how long one attempt took that was answered."""
        self._recent.append(seconds)
        self._since += 1

    @property
    def slowest_twentieth(self) -> float | None:
        """How long all but the slowest twentieth of recent answers took; None while there are too few."""
        if len(self._recent) >= ENOUGH and (self._slow is None or self._since >= EVERY):
            self._slow = sorted(self._recent)[int(0.95 * len(self._recent))]
            self._since = 0
        return self._slow
