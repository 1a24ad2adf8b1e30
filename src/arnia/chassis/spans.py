"""What records spans, seen from the requests and calls that have them."""

from typing import Protocol

from arnia.chassis.traces import Trace

__all__ = ["SpanRecorder"]


class SpanRecorder(Protocol):
    """Records what is over; to be told of sampled traces only."""

    def served(self, trace: Trace, *, method: str, route: str, path: str, status: int, seconds: float) -> None:
        """Record a request that was answered."""

    def called(
        self, trace: Trace, span_id: str, *, server: str, operation: str, method: str, status: int, seconds: float
    ) -> None:
        """Record one attempt of a call of another service; a `status` of 0 says that there was no answer."""
