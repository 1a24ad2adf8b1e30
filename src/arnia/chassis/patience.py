"""How long an inbox waits for what, and what it counts meanwhile."""

import random
from dataclasses import dataclass
from typing import Final

__all__ = ["BASELINES", "Counts", "Patience"]

BASELINES: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long the inbox waits for what.

    Attributes:
        attempts: How often a message is tried before its aggregate is parked.
        first: Seconds after the first failure, at the most; twice as many after each further one.
        longest: Seconds between two attempts, at the most.
        handling: Seconds that one call of a function may take: less than `lease`, and than a transaction may idle.
        lease: Seconds after which an attempt that nobody finished is taken for dead.
        baseline: Seconds that something earlier may come late; longer than a broker takes to hand over again. While the
            broker has something in hand it is waited for further, at most `BASELINES` times as long.
        gap: Seconds after which a gap is looked at again.
    """

    attempts: int = 8
    first: float = 0.2
    longest: float = 60.0
    handling: float = 25.0
    lease: float = 45.0
    baseline: float = 45.0
    gap: float = 5.0

    def pause(self, attempts: int) -> float:
        """Return how long to wait after so many failed attempts: full jitter (Brooker, 2015)."""
        exponent = min(max(0, attempts - 1), 63)  # a thousand attempts are allowed, and floats end
        return random.uniform(0.0, min(self.longest, self.first * 2**exponent))  # noqa: S311 - no secret


@dataclass(slots=True)
class Counts:
    """What happened, since the process began."""

    handled: int = 0
    duplicates: int = 0
    dropped: int = 0
    early: int = 0
    late: int = 0
    failed: int = 0
    parked: int = 0

    def add(self, other: "Counts") -> None:
        """Count what `other` has counted."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))
