"""What a collector is told, as OTLP's messages (version 1 of the protocol, in protobuf): spans, log records, metrics.

Loaded by the processes that are told where a collector is, and by no other. Encoding is done in the sender's thread.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs, SeverityNumber
from opentelemetry.proto.metrics.v1.metrics_pb2 import ResourceMetrics, ScopeMetrics
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, SpanFlags, Status

import arnia
from arnia.chassis.collector_metrics import Snapshot, encode_metrics
from arnia.chassis.origin import Origin

__all__ = ["Ended", "Messages", "Said", "Values"]

Export = ExportTraceServiceRequest | ExportLogsServiceRequest | ExportMetricsServiceRequest
Values = dict[str, str | int | float]

_SCOPE: Final = InstrumentationScope(name="arnia", version=arnia.__version__)
_SEVERITIES: Final = (
    (50, SeverityNumber.SEVERITY_NUMBER_FATAL),
    (40, SeverityNumber.SEVERITY_NUMBER_ERROR),
    (30, SeverityNumber.SEVERITY_NUMBER_WARN),
    (20, SeverityNumber.SEVERITY_NUMBER_INFO),
)
"""What the levels of Python's logging begin at, by the logs data model of OpenTelemetry."""


class Ended(NamedTuple):
    """A span that is over."""

    name: str
    serves: bool
    trace_id: str
    span_id: str
    parent_id: str
    flags: int
    state: str
    failed: bool
    started_ns: int
    ended_ns: int
    attributes: Values


class Said(NamedTuple):
    """A log record; `level` is one of Python's."""

    at_ns: int
    level: int
    level_name: str
    body: str
    attributes: Values
    trace_id: str = ""
    span_id: str = ""
    flags: int = 0


class Messages:
    """Makes the bodies of exports that one process sends."""

    def __init__(self, origin: Origin) -> None:
        self._resource = Resource(attributes=_attributes(dict(origin.attributes)))

    def spans(self, ended: Sequence[Ended]) -> bytes:
        """Return an ExportTraceServiceRequest."""
        scoped = ScopeSpans(scope=_SCOPE, spans=map(_span, ended))
        told = ResourceSpans(resource=self._resource, scope_spans=[scoped])
        return _bytes(ExportTraceServiceRequest(resource_spans=[told]))

    def logs(self, said: Sequence[Said]) -> bytes:
        """Return an ExportLogsServiceRequest."""
        scoped = ScopeLogs(scope=_SCOPE, log_records=map(_record, said))
        told = ResourceLogs(resource=self._resource, scope_logs=[scoped])
        return _bytes(ExportLogsServiceRequest(resource_logs=[told]))

    def metrics(self, snapshots: Sequence[Snapshot]) -> bytes:
        """Return an ExportMetricsServiceRequest."""
        metrics = [metric for each in snapshots for metric in encode_metrics(each)]
        told = ResourceMetrics(resource=self._resource, scope_metrics=[ScopeMetrics(scope=_SCOPE, metrics=metrics)])
        return _bytes(ExportMetricsServiceRequest(resource_metrics=[told]))


def _bytes(message: Export) -> bytes:
    written: bytes = message.SerializeToString()
    return written


def _span(ended: Ended) -> Span:
    known = SpanFlags.SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK
    remote = SpanFlags.SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK if ended.serves and ended.parent_id else 0
    return Span(
        name=_text(ended.name),
        kind=Span.SPAN_KIND_SERVER if ended.serves else Span.SPAN_KIND_CLIENT,
        trace_id=bytes.fromhex(ended.trace_id),
        span_id=bytes.fromhex(ended.span_id),
        parent_span_id=bytes.fromhex(ended.parent_id),
        flags=ended.flags | known | remote,
        trace_state=ended.state,
        start_time_unix_nano=ended.started_ns,
        end_time_unix_nano=ended.ended_ns,
        attributes=_attributes(ended.attributes),
        status=Status(code=Status.STATUS_CODE_ERROR if ended.failed else Status.STATUS_CODE_UNSET),
    )


def _record(said: Said) -> LogRecord:
    severity = next((each for least, each in _SEVERITIES if said.level >= least), SeverityNumber.SEVERITY_NUMBER_DEBUG)
    return LogRecord(
        time_unix_nano=said.at_ns,
        observed_time_unix_nano=said.at_ns,
        severity_number=severity,
        severity_text=said.level_name,
        body=AnyValue(string_value=_text(said.body)),
        attributes=_attributes(said.attributes),
        trace_id=bytes.fromhex(said.trace_id),
        span_id=bytes.fromhex(said.span_id),
        flags=said.flags,
    )


def _attributes(values: Values) -> Iterable[KeyValue]:
    return [KeyValue(key=name, value=_value(value)) for name, value in values.items()]


def _value(value: str | float) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    return AnyValue(double_value=value) if isinstance(value, float) else AnyValue(string_value=_text(value))


def _text(value: str) -> str:
    """Return `value` as protobuf takes it: without halves of characters, such as a file's strange name may have."""
    return value if value.isascii() else value.encode("utf-8", "replace").decode()
