"""A collector of OpenTelemetry, as small as it can be: it reads and keeps what it is sent over OTLP/HTTP."""

import gzip
import http.server
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from typing_extensions import override

Values = dict[str, str | int]


@dataclass(frozen=True)
class Span:
    """What a collector knows of a span."""

    name: str
    kind: int
    trace_id: str
    span_id: str
    parent_id: str
    state: str
    failed: bool
    seconds: float
    attributes: Values
    resource: Values


@dataclass(frozen=True)
class Record:
    """What a collector knows of a log record."""

    body: str
    severity: int
    trace_id: str
    span_id: str
    attributes: Values
    resource: Values


@dataclass
class Collector:
    """What was sent to `url`; while `status` is not 200, nothing is taken."""

    url: str = ""
    status: int = 200
    spans: list[Span] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    metrics: dict[str, Metric] = field(default_factory=dict)
    """As they were told last, by name."""
    resources: list[Values] = field(default_factory=list)
    """Whom metrics are of."""
    asked: int = 0

    def wait(self, count: int) -> list[Span]:
        """Return the spans once there are so many."""
        until = time.monotonic() + 60
        while len(self.spans) < count and time.monotonic() < until:
            time.sleep(0.02)
        return self.spans

    def take(self, path: str, body: bytes) -> None:
        """Read one export."""
        {"/v1/traces": self._take_spans, "/v1/logs": self._take_records, "/v1/metrics": self._take_metrics}[path](body)

    def _take_spans(self, body: bytes) -> None:
        self.spans += [
            Span(
                name=span.name,
                kind=span.kind,
                trace_id=span.trace_id.hex(),
                span_id=span.span_id.hex(),
                parent_id=span.parent_span_id.hex(),
                state=span.trace_state,
                failed=span.status.code == 2,
                seconds=(span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
                attributes=_values(span.attributes),
                resource=_values(resource.resource.attributes),
            )
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def _take_records(self, body: bytes) -> None:
        self.records += [
            Record(
                body=record.body.string_value,
                severity=record.severity_number,
                trace_id=record.trace_id.hex(),
                span_id=record.span_id.hex(),
                attributes=_values(record.attributes),
                resource=_values(resource.resource.attributes),
            )
            for resource in ExportLogsServiceRequest.FromString(body).resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]

    def _take_metrics(self, body: bytes) -> None:
        for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
            self.resources.append(_values(resource.resource.attributes))
            self.metrics |= {metric.name: metric for scope in resource.scope_metrics for metric in scope.metrics}


def _values(given: Iterable[KeyValue]) -> Values:
    return {one.key: one.value.string_value or one.value.int_value for one in given}


@contextmanager
def collecting() -> Iterator[Collector]:
    """Run a collector until the block ends."""
    collector = Collector()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            assert self.headers["content-type"] == "application/x-protobuf"
            collector.asked += 1
            if collector.status == 200:
                collector.take(self.path, gzip.decompress(body))
            self.send_response(collector.status)
            self.send_header("content-length", "0")
            self.end_headers()

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collector.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
