"""What records spans, seen from the requests, calls, events and errands that have them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from arnia.chassis.messages import Message
from arnia.chassis.traces import Trace

__all__ = ["Attempt", "HeardSpans", "SpanRecorder"]


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
        self, trace: Trace, messages: Sequence[Message], *, system: str, consumer: str, failed: bool, seconds: float
    ) -> None:
        """Record that a function of `consumer` heard these at once; `trace` is that of the first of them."""

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


@dataclass(frozen=True, slots=True)
class HeardSpans:
    """Records what a consumer hears.

    Attributes:
        recorder: Where.
        system: Which broker the events come from, such as `rabbitmq`.
        consumer: Who hears.
    """

    recorder: SpanRecorder
    system: str
    consumer: str

    def record(self, trace: Trace | None, messages: Sequence[Message], *, failed: bool, seconds: float) -> None:
        """Record that a function heard these, where their trace is sampled."""
        if trace is not None and trace.sampled:
            self.recorder.heard(
                trace, messages, system=self.system, consumer=self.consumer, failed=failed, seconds=seconds
            )
