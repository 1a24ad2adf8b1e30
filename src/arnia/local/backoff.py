"""How long to wait before starting again what has died."""

from dataclasses import dataclass


@dataclass(slots=True)
class Backoff:
    """Doubles from `first` up to `most` seconds; begins anew after a life of `stable` seconds.

    Attributes:
        first: The first wait, in seconds.
        most: The longest wait, in seconds.
        stable: A process that lived so long is well again.
        failures: How many short lives there were in a row.
    """

    first: float = 0.1
    most: float = 15.0
    stable: float = 20.0
    failures: int = 0

    def after(self, lived: float) -> float:
        """Return how long to wait now that a process has died after `lived` seconds."""
        self.failures = 1 if lived >= self.stable else self.failures + 1
        return min(self.most, self.first * 2.0 ** min(self.failures - 1, 30))
