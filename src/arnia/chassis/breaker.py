"""A circuit breaker: whoever keeps failing is left alone for a while, and then asked once.

State is per process, on purpose: a shared breaker is a shared failure. Time comes from a clock that a test may turn.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

__all__ = ["Breaker", "BreakerRules", "BreakerState", "Opened", "Ticket"]

SLICES: Final = 10
"""The rolling window forgets in steps of a tenth."""


class BreakerState(StrEnum):
    """Whether calls may pass."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerRules:
    """When a breaker opens, and for how long.

    Attributes:
        window: Over how many seconds calls are counted.
        calls: How many calls there must be in the window before their rates mean anything.
        failure_rate: The share of failures from which on it opens.
        slow_rate: The share of slow calls from which on it opens.
        slow: From how many seconds on a call is slow.
        rest: How many seconds it stays open before it lets one call probe.
    """

    window: float = 10.0
    calls: int = 20
    failure_rate: float = 0.5
    slow_rate: float = 0.9
    slow: float = 1.0
    rest: float = 5.0


class Opened(Exception):
    """The breaker lets nobody through; `retry_after` seconds from now it may."""

    def __init__(self, retry_after: float) -> None:
        self.retry_after = retry_after
        super().__init__("the breaker is open")


class Ticket:
    """One call that was let through. It ends with exactly one verdict; a second one is ignored.

    Attributes:
        started: When, by the breaker's clock.
    """

    __slots__ = ("_breaker", "_generation", "_given", "started")

    def __init__(self, breaker: "Breaker", generation: int, started: float) -> None:
        self._breaker = breaker
        self._generation = generation
        self.started = started
        self._given = False

    def succeeded(self) -> None:
        """Say that the call was answered; a refusal (4xx) is an answer."""
        if not self._given:
            self._given = True
            self._breaker.record(self._generation, self.started, failed=False)

    def failed(self) -> None:
        """Say that the other side failed."""
        if not self._given:
            self._given = True
            self._breaker.record(self._generation, self.started, failed=True)

    def abandoned(self) -> None:
        """Say that nothing was learnt: the call was cancelled, or its caller had too little time."""
        if not self._given:
            self._given = True
            self._breaker.forget(self._generation)


class Breaker:
    """Counts calls in a rolling window; opens by failure rate or slow-call rate; half-open, lets one probe through."""

    def __init__(
        self,
        rules: BreakerRules,
        *,
        clock: Callable[[], float] = time.monotonic,
        changed: Callable[[BreakerState], None] | None = None,
    ) -> None:
        self._rules = rules
        self._clock = clock
        self._changed = changed
        self._state = BreakerState.CLOSED
        self._generation = 0
        self._opened_at = 0.0
        self._probing = False
        self._slice = rules.window / SLICES
        self._rows: dict[int, list[int]] = {}
        self.openings = 0

    @property
    def state(self) -> BreakerState:
        """Whether calls may pass now."""
        if self._state is BreakerState.OPEN and self._clock() >= self._opened_at + self._rules.rest:
            return BreakerState.HALF_OPEN
        return self._state

    def enter(self) -> Ticket:
        """Let one call through.

        Raises:
            Opened: the breaker is open, or half-open with its one probe under way.
        """
        now = self._clock()
        if self._state is not BreakerState.CLOSED:
            left = self._opened_at + self._rules.rest - now
            if left > 0:
                raise Opened(left)
            if self._probing:
                raise Opened(self._slice)
            self._become(BreakerState.HALF_OPEN)
            self._probing = True
        return Ticket(self, self._generation, now)

    def record(self, generation: int, started: float, *, failed: bool) -> None:
        """Count a call; one that began before the breaker last changed its mind says nothing about now."""
        if generation != self._generation:
            return
        now = self._clock()
        slow = now - started >= self._rules.slow
        if self._state is BreakerState.HALF_OPEN:
            if failed or slow:
                self._open(now)
            else:
                self._close()
            return
        row = self._rows.get(int(now / self._slice)) or self._new_row(now)
        row[0] += 1
        if failed or slow:
            row[1] += failed
            row[2] += slow
            calls, failures, slows = self.counts()
            rules = self._rules
            if calls >= rules.calls and (failures >= rules.failure_rate * calls or slows >= rules.slow_rate * calls):
                self._open(now)

    def forget(self, generation: int) -> None:
        """Make room for another probe, where the abandoned call was the probe."""
        if generation == self._generation:
            self._probing = False

    def counts(self) -> tuple[int, int, int]:
        """Return how many calls, failures and slow calls the window holds."""
        oldest = int(self._clock() / self._slice) - SLICES
        rows = [row for at, row in self._rows.items() if at > oldest]
        return sum(row[0] for row in rows), sum(row[1] for row in rows), sum(row[2] for row in rows)

    def _new_row(self, now: float) -> list[int]:
        at = int(now / self._slice)
        self._rows = {each: kept for each, kept in self._rows.items() if each > at - SLICES}
        row = self._rows[at] = [0, 0, 0]
        return row

    def _open(self, now: float) -> None:
        self._opened_at = now
        self.openings += 1
        self._become(BreakerState.OPEN)

    def _close(self) -> None:
        self._rows.clear()
        self._become(BreakerState.CLOSED)

    def _become(self, state: BreakerState) -> None:
        self._probing = False
        self._generation += 1
        self._state = state
        if self._changed is not None:
            self._changed(state)
