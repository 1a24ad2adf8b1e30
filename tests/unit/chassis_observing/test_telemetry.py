"""Spans at a collector, ids in every log line, and nothing of either where nobody asked for it."""

import io
import json
import logging
import subprocess
import sys
import time
from typing import Final

import pytest
from tests.client import garden
from tests.client.scripted import scripted
from tests.unit.chassis_observing import observed_service
from tests.unit.chassis_observing.collector import Collector, Span, collecting

from arnia.chassis.logs import AccessLog, JsonFormatter
from arnia.local.ports import free_port
from arnia.testing.http import AsgiClient, Lifespan, call

QUICK: Final = "/api/v1/things/quick"
TRACE: Final = "0af7651916cd43dd8448eb211c80319c"
PARENT: Final = "b7ad6b7169203331"
SAMPLED: Final = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=1"}
UNSAMPLED: Final = {"traceparent": f"00-{TRACE}-{PARENT}-00"}
SERVER: Final = 2
CLIENT: Final = 3


async def observe(collector: Collector | None, *headers: dict[str, str], path: str = QUICK, **given: object) -> None:
    """Send a request with each of `headers` to a service that tells `collector`, and stop it."""
    endpoint = {} if collector is None else {"otlp_endpoint": collector.url}
    app = observed_service.create().asgi(observed_service.settings(**endpoint, **given))
    async with Lifespan(app):
        for each in headers:
            await AsgiClient(app).send(call("GET", path, headers=each))


async def test_a_request_becomes_a_span_of_its_callers_trace() -> None:
    """Name, kind, parent, state, attributes and resource are those of the semantic conventions."""
    with collecting() as collector:
        await observe(collector, SAMPLED)
        (span,) = collector.wait(1)
    assert (span.name, span.kind, span.trace_id, span.parent_id) == (f"GET {QUICK}", SERVER, TRACE, PARENT)
    assert (span.state, span.failed) == ("vendor=1", False)
    assert span.attributes == {
        "http.request.method": "GET",
        "http.route": QUICK,
        "url.path": QUICK,
        "url.scheme": "http",
        "http.response.status_code": 200,
    }
    assert span.resource["service.name"] == "observed"
    assert span.resource["service.version"] == observed_service.create().version


async def test_a_span_says_how_long_and_whether_it_failed() -> None:
    """The time is that of the answer; 5xx is an error."""
    with collecting() as collector:
        await observe(collector, SAMPLED, path="/api/v1/things/wait/50")
        await observe(collector, SAMPLED, path="/api/v1/things/broken")
        slow, broken = collector.wait(2)
    assert slow.seconds >= 0.05
    assert slow.name == "GET /api/v1/things/wait/{milliseconds}"
    assert (broken.failed, broken.attributes["http.response.status_code"]) == (True, 503)


async def test_sampling_is_the_callers_and_else_by_ratio() -> None:
    """What a caller does not sample is not recorded; of the traces that begin here, the given share is."""
    with collecting() as collector:
        await observe(collector, UNSAMPLED, {}, trace_ratio=0)
        await observe(collector, UNSAMPLED, {}, {}, trace_ratio=1)
        spans = collector.wait(2)
    assert [span.parent_id for span in spans] == ["", ""]
    assert len({span.trace_id for span in spans} - {TRACE}) == 2


async def test_probes_are_no_spans() -> None:
    """Health, asked every second, tells a collector nothing."""
    with collecting() as collector:
        await observe(collector, SAMPLED, path="/livez")
        await observe(collector, SAMPLED)
        assert [span.name for span in collector.wait(1)] == [f"GET {QUICK}"]


async def test_a_call_of_another_service_is_a_span_between_two_requests() -> None:
    """The client's span is a child of the request's, and the parent that the other service is told."""
    with collecting() as collector:
        async with scripted() as nursery:
            app = garden.create().asgi(garden.settings(nursery.url).model_copy(update={"otlp_endpoint": collector.url}))
            async with Lifespan(app):
                plant = "00000000-0000-0000-0000-000000000007"
                await AsgiClient(app).send(call("GET", f"/api/v1/bouquets/{plant}", headers=SAMPLED))
            told = nursery.seen[0].headers["traceparent"]
        spans: dict[int, Span] = {span.kind: span for span in collector.wait(2)}
    assert spans[SERVER].parent_id == PARENT
    assert spans[CLIENT].parent_id == spans[SERVER].span_id
    assert told == f"00-{TRACE}-{spans[CLIENT].span_id}-01"
    assert spans[CLIENT].name == "GET nursery.read"
    assert spans[CLIENT].attributes["http.response.status_code"] == 200


async def test_nothing_is_exported_without_the_setting() -> None:
    """A request that its caller samples is recorded by nobody, and no thread waits for any."""
    with collecting() as collector:
        await observe(None, SAMPLED, trace_ratio=1)
        assert collector.spans == []


def test_nothing_is_imported_without_the_setting() -> None:
    """The SDK, half a second of it, stays on the disk."""
    code = (
        "import asyncio, sys\n"
        "from tests.unit.chassis_observing import observed_service\n"
        "from arnia.testing.http import Lifespan\n"
        "async def main():\n"
        "    async with Lifespan(observed_service.create().asgi(observed_service.settings())): pass\n"
        "asyncio.run(main())\n"
        "print(any(name.startswith('opentelemetry.sdk') for name in sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # the SDK gives up with its connection open
async def test_a_collector_that_is_down_costs_requests_and_the_end_little() -> None:
    """Requests are answered as ever, and the stop waits for two seconds at most."""
    with collecting() as up:
        began = time.perf_counter()
        await observe(up, *[SAMPLED] * 50)
        usual = time.perf_counter() - began
    down = Collector(f"http://127.0.0.1:{free_port()}")
    app = observed_service.create().asgi(observed_service.settings(otlp_endpoint=down.url))
    async with Lifespan(app):
        began = time.perf_counter()
        for _ in range(50):
            await AsgiClient(app).send(call("GET", QUICK, headers=SAMPLED))
        assert time.perf_counter() - began < usual + 9
        began = time.perf_counter()
    assert time.perf_counter() - began < 9


async def test_log_lines_of_a_request_carry_its_ids() -> None:
    """What a handler logs has the ids of its request's line, and what is logged outside of any has none."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter("observed", "1"))
    spoken = logging.getLogger("observed")
    spoken.addHandler(handler)
    spoken.setLevel("INFO")
    access = AccessLog(stream, "observed", "1", as_json=True)
    try:
        app = observed_service.create().asgi(observed_service.settings(), access=access)
        await AsgiClient(app).send(call("GET", QUICK, headers=UNSAMPLED))
        spoken.info("said outside")
        access.flush()
    finally:
        spoken.removeHandler(handler)
    within, outside, request = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert within["trace_id"] == request["trace_id"] == TRACE
    assert within["span_id"] == request["span_id"] != PARENT
    assert request["parent_span_id"] == PARENT
    assert {line["version"] for line in (within, outside, request)} == {"1"}
    assert "trace_id" not in outside
