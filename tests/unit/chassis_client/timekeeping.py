"""Time that passes only when a test says so."""

from dataclasses import dataclass, field


@dataclass
class Clock:
    """Is a clock, and sleeps by going forward."""

    now: float = 1_000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
