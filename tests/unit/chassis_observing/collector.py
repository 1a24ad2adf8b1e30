"""A collector of OpenTelemetry, as small as it can be: it keeps the spans that it is sent, over OTLP/HTTP."""

import gzip
import http.server
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from typing_extensions import override


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
    attributes: dict[str, str | int]
    resource: dict[str, str | int]


class Collector:
    """The spans that were sent to `url`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.spans: list[Span] = []

    def wait(self, count: int) -> list[Span]:
        """Return the spans once there are so many."""
        until = time.monotonic() + 10
        while len(self.spans) < count and time.monotonic() < until:
            time.sleep(0.02)
        return self.spans

    def take(self, body: bytes) -> None:
        """Read one export."""
        message = ExportTraceServiceRequest.FromString(body)
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
                attributes=dict(map(_pair, span.attributes)),
                resource=dict(map(_pair, resource.resource.attributes)),
            )
            for resource in message.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


def _pair(given: KeyValue) -> tuple[str, str | int]:
    return given.key, given.value.string_value or given.value.int_value


@contextmanager
def collecting() -> Iterator[Collector]:
    """Run a collector until the block ends."""
    collector = Collector("")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            assert self.path == "/v1/traces"
            collector.take(gzip.decompress(body) if self.headers["content-encoding"] == "gzip" else body)
            self.send_response(200)
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
