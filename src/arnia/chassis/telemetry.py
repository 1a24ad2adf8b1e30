"""Spans for OpenTelemetry, made by hand once a request or a call is over, and only where its trace is sampled.

Imported by the processes that are told where a collector is, and by no other: the SDK takes half a second to load.
There is no TracerProvider and no context of its own: the ids are those of `arnia.chassis.traces`. Names and attributes
follow OpenTelemetry's semantic conventions for HTTP.
"""

import asyncio
import threading
import time
from contextlib import suppress
from typing import Final

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags, TraceState
from opentelemetry.trace.status import Status, StatusCode

import arnia
from arnia.chassis.traces import Trace

__all__ = ["Telemetry"]

TRACES_PATH: Final = "/v1/traces"
NANOSECONDS: Final = 1_000_000_000
QUEUED: Final = 4096
"""Spans that wait to be sent; what comes on top is dropped, and no request waits."""
BATCH: Final = 512
EXPORT_SECONDS: Final = 5
CLOSE_SECONDS: Final = 2.0
"""How long the last spans may take when the process ends."""
FAULT: Final = 500
REFUSED: Final = 400

_UNSET: Final = Status(StatusCode.UNSET)
_ERROR: Final = Status(StatusCode.ERROR)
_SCOPE: Final = InstrumentationScope("arnia", arnia.__version__)


class Telemetry:
    """Sends spans to a collector, from a thread of its own.

    Args:
        service: The name of the service, `service.name`.
        version: Its version, `service.version`.
        endpoint: The collector's base URL, such as `http://127.0.0.1:4318`; OTLP over HTTP.
        environment: `deployment.environment.name`.
        batch_seconds: How long spans are collected before they are sent.
    """

    def __init__(
        self, service: str, version: str, endpoint: str, *, environment: str = "", batch_seconds: float = 1.0
    ) -> None:
        attributes = {"service.name": service, "service.version": version}
        if environment:
            attributes["deployment.environment.name"] = environment
        # Not `Resource.create`, which reads the environment and runs detectors.
        self._resource = Resource(attributes)
        exporter = OTLPSpanExporter(
            endpoint=endpoint.rstrip("/") + TRACES_PATH, timeout=EXPORT_SECONDS, compression=Compression.Gzip
        )
        self._processor = BatchSpanProcessor(
            exporter,
            max_queue_size=QUEUED,
            schedule_delay_millis=batch_seconds * 1000,
            max_export_batch_size=BATCH,
            export_timeout_millis=EXPORT_SECONDS * 1000,
        )

    async def close(self) -> None:
        """Send what is left, if the collector takes it soon; the process ends all the same."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()

        def shut_down() -> None:
            self._processor.shutdown()  # type: ignore[no-untyped-call] # untyped in the SDK
            with suppress(RuntimeError):  # the loop has not waited
                loop.call_soon_threadsafe(ended.set)

        # No executor's thread: the interpreter would wait for that one.
        threading.Thread(target=shut_down, daemon=True).start()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await ended.wait()

    def served(self, trace: Trace, *, method: str, route: str, path: str, status: int, seconds: float) -> None:
        """Record one request that was answered; call it only where `trace` is sampled."""
        self._record(
            trace,
            trace.span_id,
            trace.parent_id,
            name=f"{method} {route}" if route else method,
            kind=SpanKind.SERVER,
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
        attributes: dict[str, str | int] = {
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
            kind=SpanKind.CLIENT,
            failed=not status or status >= REFUSED,
            seconds=seconds,
            attributes=attributes,
        )

    def _record(
        self,
        trace: Trace,
        span_id: str,
        parent_id: str,
        *,
        name: str,
        kind: SpanKind,
        failed: bool,
        seconds: float,
        attributes: dict[str, str | int],
    ) -> None:
        ended = time.time_ns()
        trace_id, flags = int(trace.trace_id, 16), TraceFlags(trace.flags)
        state = TraceState.from_header([trace.tracestate]) if trace.tracestate else TraceState()
        parent = None
        if parent_id:
            remote = kind is SpanKind.SERVER
            parent = SpanContext(trace_id, int(parent_id, 16), is_remote=remote, trace_flags=flags, trace_state=state)
        self._processor.on_end(
            ReadableSpan(
                name,
                context=SpanContext(trace_id, int(span_id, 16), is_remote=False, trace_flags=flags, trace_state=state),
                parent=parent,
                resource=self._resource,
                kind=kind,
                attributes=attributes,
                status=_ERROR if failed else _UNSET,
                start_time=ended - int(seconds * NANOSECONDS),
                end_time=ended,
                instrumentation_scope=_SCOPE,
            )
        )
