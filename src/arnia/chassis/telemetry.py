"""Spans, log records and metrics for OpenTelemetry: nothing of it is done twice, and no request waits for it.

Imported by the processes that are told where a collector is, and by no other. There is no SDK: spans are made by hand
once a request or a call is over, and only where its trace is sampled; log records are those of the logs on stdout,
metrics those of `/metrics`. A request leaves tuples in queues, and a thread does the rest. Names and attributes follow
the semantic conventions of OpenTelemetry.
"""

import asyncio
import logging
import threading
import time
import traceback
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final

from prometheus_client.core import CounterMetricFamily, Metric
from typing_extensions import override

from arnia.chassis.collector_messages import Ended, Kind, Messages, Said, Values
from arnia.chassis.collector_metrics import NANOSECONDS, Snapshot
from arnia.chassis.collector_sender import Outbound, Sender
from arnia.chassis.messages import Message
from arnia.chassis.metrics import Metrics
from arnia.chassis.origin import Origin
from arnia.chassis.traces import CURRENT, Trace

__all__ = ["Telemetry"]

QUEUED: Final = 4096
"""Spans, and log records, that wait to be sent; what comes on top is dropped, and counted."""
BATCH_SECONDS: Final = 1.0
MEASURE_SECONDS: Final = 15.0
CLOSE_SECONDS: Final = 2.0
"""How long the last of all may take when the process ends."""
FAULT: Final = 500
REFUSED: Final = 400


class Telemetry:
    """Tells a collector what happens in this process.

    Args:
        origin: Who tells it: the resource.
        endpoint: The collector's base URL, such as `http://127.0.0.1:4318`; OTLP over HTTP.
        metrics: What is told every 15 seconds, and at the end.
        batch_seconds: How long spans and records are collected before they are sent.
    """

    def __init__(
        self, origin: Origin, endpoint: str, metrics: Metrics, *, batch_seconds: float = BATCH_SECONDS
    ) -> None:
        messages = Messages(origin)
        self._metrics = metrics
        self._spans = Outbound("traces", messages.spans, QUEUED)
        self._measured = Outbound("metrics", messages.metrics, 1)
        self._logs = Outbound("logs", messages.logs, QUEUED)
        self._handler = _Handler(self)
        self._sender = Sender(endpoint, [self._spans, self._measured, self._logs], batch_seconds=batch_seconds)
        self._timer: asyncio.TimerHandle | None = None

    def open(self) -> None:
        """Begin to listen to the logs, and to look at the metrics now and then."""
        logging.getLogger().addHandler(self._handler)
        self._metrics.others.append(self._collect)
        self._measure_soon()

    async def close(self) -> None:
        """Send what is left, if the collector takes it soon; the process ends all the same."""
        logging.getLogger().removeHandler(self._handler)
        if self._timer is not None:
            self._timer.cancel()
        self._measure()
        loop, ended = asyncio.get_running_loop(), asyncio.Event()

        def close() -> None:
            self._sender.close(CLOSE_SECONDS)
            with suppress(RuntimeError):  # the loop has not waited
                loop.call_soon_threadsafe(ended.set)

        # No executor's thread: the interpreter would wait for that one.
        threading.Thread(target=close, daemon=True).start()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS + 0.5):
                await ended.wait()

    def served(self, trace: Trace, *, method: str, route: str, path: str, status: int, seconds: float) -> None:
        """Record one request that was answered; call it only where `trace` is sampled."""
        self._record(
            trace,
            trace.span_id,
            trace.parent_id,
            name=f"{method} {route}" if route else method,
            kind=Kind.SERVER,
            failed=status >= FAULT,
            seconds=seconds,
            attributes={
                "http.request.method": method,
                "http.route": route,
                "url.path": path,
                "url.scheme": "http",
                "http.response.status_code": status,
            },
        )

    def called(
        self, trace: Trace, span_id: str, *, server: str, operation: str, method: str, status: int, seconds: float
    ) -> None:
        """Record one attempt of a call of another service; a `status` of 0 says that there was no answer."""
        attributes: Values = {
            "http.request.method": method,
            "server.address": server,
            "rpc.method": operation,
        }
        attributes |= {"http.response.status_code": status} if status else {"error.type": "no_answer"}
        self._record(
            trace,
            span_id,
            trace.span_id,
            name=f"{method} {server}.{operation}",
            kind=Kind.CLIENT,
            failed=not status or status >= REFUSED,
            seconds=seconds,
            attributes=attributes,
        )

    def heard(
        self, trace: Trace, messages: Sequence[Message], *, system: str, consumer: str, failed: bool, seconds: float
    ) -> None:
        """Record that a function of `consumer` heard these at once; `trace` is that of the first of them."""
        first, count = messages[0], len(messages)
        attributes: Values = {
            "messaging.system": system,
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.destination.name": first.type,
            "messaging.consumer.group.name": consumer,
            "messaging.message.id": str(first.id),
        }
        if count > 1:
            attributes["messaging.batch.message_count"] = count
        self._record(
            trace,
            trace.span_id,
            trace.parent_id,
            name=f"process {first.type}",
            kind=Kind.CONSUMER,
            failed=failed,
            seconds=seconds,
            attributes=attributes,
        )

    def worked(self, trace: Trace, *, name: str, failed: bool, seconds: float) -> None:
        """Record a piece of work that neither a request nor an event began."""
        self._record(
            trace,
            trace.span_id,
            trace.parent_id,
            name=name,
            kind=Kind.INTERNAL,
            failed=failed,
            seconds=seconds,
            attributes={},
        )

    def requested(self, trace: Trace, *, method: str, path: str, status: int, seconds: float, request_id: str) -> None:
        """Record the line that the log has for one request, sampled or not."""
        level, name = (logging.ERROR, "error") if status >= FAULT else (logging.INFO, "info")
        attributes: Values = {
            "http.request.method": method,
            "url.path": path,
            "http.response.status_code": status,
            "duration_ms": round(seconds * 1000, 3),
            "request_id": request_id,
        }
        at = time.time_ns()
        self.said(Said(at, level, name, "request", attributes, trace.trace_id, trace.span_id, trace.flags))

    def said(self, record: Said) -> None:
        """Take one log record, from whatever thread."""
        if self._logs.offer(record):
            self._sender.hurry()

    def _record(
        self,
        trace: Trace,
        span_id: str,
        parent_id: str,
        *,
        name: str,
        kind: Kind,
        failed: bool,
        seconds: float,
        attributes: Values,
    ) -> None:
        ended = time.time_ns()
        started = ended - int(seconds * NANOSECONDS)
        ids = (trace.trace_id, span_id, parent_id, trace.flags, trace.tracestate)
        if self._spans.offer(Ended(name, kind, *ids, failed, started, ended, attributes)):
            self._sender.hurry()

    def _measure_soon(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(MEASURE_SECONDS, self._measure_again)

    def _measure_again(self) -> None:
        self._measure()
        self._measure_soon()

    def _measure(self) -> None:
        started = int(self._metrics.started_at * NANOSECONDS)
        self._measured.replace(Snapshot(list(self._metrics.collect()), started, time.time_ns()))

    def _collect(self) -> Iterable[Metric]:
        """Return what the collector was not told, in prometheus-client's terms."""
        dropped = CounterMetricFamily(
            "arnia_telemetry_dropped", "Spans and log records not told.", labels=("signal", "reason")
        )
        for each in (self._spans, self._logs):
            dropped.add_metric((each.signal, "surplus"), each.surplus)
            dropped.add_metric((each.signal, "refused"), each.refused)
        dropped.add_metric((self._measured.signal, "refused"), self._measured.refused)
        yield dropped


class _Handler(logging.Handler):
    """Takes what is logged, with the ids of the request that runs."""

    def __init__(self, telemetry: Telemetry) -> None:
        super().__init__()
        self._telemetry = telemetry

    @override
    def emit(self, record: logging.LogRecord) -> None:
        attributes: Values = {"logger": record.name}
        for name, value in getattr(record, "fields", {}).items():
            attributes[name] = value if isinstance(value, str | int | float) else str(value)
        if record.exc_info and record.exc_info[0] is not None:
            attributes["exception.type"] = record.exc_info[0].__qualname__
            attributes["exception.stacktrace"] = "".join(traceback.format_exception(*record.exc_info))
        trace = CURRENT.get()
        ids = ("", "", 0) if trace is None else (trace.trace_id, trace.span_id, trace.flags)
        at, level = int(record.created * NANOSECONDS), record.levelname.lower()
        self._telemetry.said(Said(at, record.levelno, level, record.getMessage(), attributes, *ids))
