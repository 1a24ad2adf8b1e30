"""A retry budget: retries are a share of the calls, so that a struggling service never sees many more than these.

Token bucket, after AWS' SDKs and the 10 % of Google's SRE book (chapter 21, "Handling Overload").
"""

__all__ = ["RetryBudget"]


class RetryBudget:
    """Every call earns `ratio` of a retry; `reserve` retries are there from the start, and are the most that is saved.

    So `n` calls cause at most `reserve + ratio * n` retries.
    """

    __slots__ = ("_balance", "_ratio", "_reserve")

    def __init__(self, ratio: float, reserve: float) -> None:
        self._ratio = ratio
        self._reserve = reserve
        self._balance = reserve

    def earn(self) -> None:
        """Count a call."""
        if self._balance < self._reserve:
            self._balance = min(self._reserve, self._balance + self._ratio)

    def spend(self) -> bool:
        """Take a retry out, or say that there is none; a rounding error is no reason for that."""
        if self._balance < 1 - 1e-9:
            return False
        self._balance = max(0.0, self._balance - 1)
        return True
