"""What records spans, seen from the requests, calls, events and errands that have them."""

import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from arnia.chassis.traces import Trace

__all__ = ["Attempt", "SpanRecorder"]


class SpanRecorder(Protocol):
    """Records what is over: spans, to be told of sampled traces only, and the log's line of each request."""

    def requested(self, trace: Trace, *, method: str, path: str, status: int, seconds: float, request_id: str) -> None:
        """Record the line that the log has for one request, sampled or not."""

    def served(self, trace: Trace, *, method: str, route: str, path: str, status: int, seconds: float) -> None:
        """Record a request that was answered."""

    def called(
        self, trace: Trace, span_id: str, *, server: str, operation: str, method: str, status: int, seconds: float
    ) -> None:
        """Record one attempt of a call of another service; a `status` of 0 says that there was no answer."""

    def heard(
        self, trace: Trace, *, topic: str, consumer: str, message_id: str, count: int, failed: bool, seconds: float
    ) -> None:
        """Record that a function heard `count` events at once; what else is said is about the first of them."""

    def worked(self, trace: Trace, *, name: str, failed: bool, seconds: float) -> None:
        """Record a piece of work that neither a request nor an event began."""


@dataclass(slots=True)
class Attempt:
    """One attempt of a call, recorded when its block ends."""

    recorder: SpanRecorder
    trace: Trace
    span_id: str
    server: str
    operation: str
    method: str
    status: int = 0
    _started: float = field(default=0.0, init=False)

    def __enter__(self) -> Self:
        self._started = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.recorder.called(
            self.trace,
            self.span_id,
            server=self.server,
            operation=self.operation,
            method=self.method,
            status=self.status,
            seconds=time.perf_counter() - self._started,
        )
