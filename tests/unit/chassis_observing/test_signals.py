"""Spans, log records and metrics of one request at one collector; and no harm from a collector that is none."""

import asyncio
import json
import logging
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from tests.unit.chassis_observing import observed_service
from tests.unit.chassis_observing.collector import Collector, collecting

from arnia.chassis.collector_sender import BATCH, Outbound
from arnia.chassis.telemetry import QUEUED
from arnia.testing.http import AsgiClient, Lifespan, call
from arnia.testing.processes import ServiceProcess

QUICK = "/api/v1/things/quick"
BROKEN = "/api/v1/things/broken"
TRACE = "0af7651916cd43dd8448eb211c80319c"
SAMPLED = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
UNSAMPLED = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-00"}
INFO = 9
ERROR = 17


@pytest.fixture
def spoken() -> Iterator[None]:
    """Let the service's own logger say what it says, as `log_level=info` does."""
    logger = logging.getLogger("observed")
    before = logger.level
    logger.setLevel(logging.INFO)
    yield
    logger.setLevel(before)


@asynccontextmanager
async def serving(url: str) -> AsyncIterator[AsgiClient]:
    """Run the service with a collector at `url`."""
    app = observed_service.create().asgi(observed_service.settings(otlp_endpoint=url, trace_ratio=0))
    async with Lifespan(app):
        yield AsgiClient(app)


async def come_true(condition: Callable[[], bool]) -> None:
    """Wait until `condition` holds."""
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, "it never came true"
        await asyncio.sleep(0.02)


async def counted(client: AsgiClient, sample: str) -> float:
    """Return the value of one sample of `/metrics`; 0 where it is not there."""
    text = (await client.send(call("GET", "/metrics"))).body.decode()
    return next((float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(sample)), 0.0)


async def test_one_request_is_found_in_all_three_signals(spoken: None) -> None:
    """Its span, the lines logged meanwhile, its own line and the exemplar have its ids, and one resource."""
    with collecting() as collector:
        async with serving(collector.url) as client:
            await client.send(call("GET", QUICK, headers=SAMPLED))
    (span,) = collector.spans
    said, request = collector.records
    (point,) = collector.metrics["http.server.request.duration"].histogram.data_points
    (exemplar,) = point.exemplars
    ids = {
        (span.trace_id, span.span_id),
        (said.trace_id, said.span_id),
        (request.trace_id, request.span_id),
        (exemplar.trace_id.hex(), exemplar.span_id.hex()),
    }
    assert ids == {(TRACE, span.span_id)}
    assert (said.body, said.severity) == ("said while a request runs", INFO)
    assert (request.body, request.attributes["url.path"]) == ("request", QUICK)
    assert span.resource["service.name"] == "observed"
    assert all(told == span.resource for told in (said.resource, request.resource, *collector.resources))
    assert len(str(span.resource["service.instance.id"])) == 36


async def test_what_is_not_sampled_is_logged_and_counted_without_a_span() -> None:
    """A failure that nobody samples is an error record and a count; it has neither a span nor an exemplar."""
    with collecting() as collector:
        async with serving(collector.url) as client:
            for _ in range(3):
                await client.send(call("GET", BROKEN, headers=UNSAMPLED))
    assert [(each.severity, each.trace_id) for each in collector.records] == [(ERROR, TRACE)] * 3
    (point,) = collector.metrics["http.server.request.duration"].histogram.data_points
    attributes = {each.key: each.value.string_value or each.value.int_value for each in point.attributes}
    assert attributes == {"http.request.method": "GET", "http.route": BROKEN, "http.response.status_code": 503}
    assert point.count == sum(point.bucket_counts) == 3
    assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
    assert not collector.spans
    assert not point.exemplars
    assert collector.metrics["arnia_requests_shed"].sum.is_monotonic


async def test_a_traceback_goes_with_its_record(spoken: None) -> None:
    """What is logged with an exception, and outside of any request, has the type and the stack, and no ids."""
    with collecting() as collector:
        async with serving(collector.url):
            try:
                int("nothing \ud800 here")
            except ValueError:
                logging.getLogger("observed").exception("looked %s", "twice")
    (record,) = collector.records
    assert (record.body, record.trace_id) == ("looked twice", "")
    assert record.attributes["exception.type"] == "ValueError"
    assert "nothing" in str(record.attributes["exception.stacktrace"])


async def test_nobody_listens_or_sends_without_the_setting() -> None:
    """By default no thread sends anything, and no handler listens to the logs; with the setting both go at the end."""
    handlers = list(logging.getLogger().handlers)
    app = observed_service.create().asgi(observed_service.settings())
    async with Lifespan(app):
        await AsgiClient(app).send(call("GET", QUICK, headers=SAMPLED))
        assert not [thread for thread in threading.enumerate() if thread.name == "telemetry"]
        assert logging.getLogger().handlers == handlers
    with collecting() as collector:
        async with serving(collector.url):
            assert [thread for thread in threading.enumerate() if thread.name == "telemetry"]
        assert logging.getLogger().handlers == handlers
        assert not [thread for thread in threading.enumerate() if thread.name == "telemetry"]


async def test_what_a_collector_cannot_take_now_is_sent_again() -> None:
    """While it answers 503 nothing is lost or dropped; once it is back everything is told, once, in order."""
    with collecting() as collector:
        collector.status = 503
        async with serving(collector.url) as client:
            for number in range(3):
                await client.send(call("GET", f"/api/v1/things/wait/{number}", headers=SAMPLED))
            await come_true(lambda: collector.asked > 0)
            collector.status = 200
        assert [span.attributes["url.path"] for span in collector.spans] == [
            f"/api/v1/things/wait/{number}" for number in range(3)
        ]


async def test_what_a_collector_refuses_is_dropped_and_counted() -> None:
    """An answer of 400 is final: it is not sent again, and the metrics say how much is missing."""
    with collecting() as collector:
        collector.status = 400
        async with serving(collector.url) as client:
            await client.send(call("GET", QUICK, headers=SAMPLED))
            await come_true(lambda: collector.asked >= 2)
            await asyncio.sleep(0.1)
            for signal in ("logs", "traces"):
                dropped = f'arnia_telemetry_dropped_total{{reason="refused",signal="{signal}"}}'
                assert await counted(client, dropped) == 1
        assert not collector.spans


def test_what_waits_is_bounded_and_the_rest_counted() -> None:
    """No more than the capacity waits; what comes on top is dropped; a batch that is given back keeps its order."""
    outbound = Outbound[int]("logs", bytes, 5)
    hurried = [outbound.offer(number) for number in range(7)]
    assert (len(outbound), outbound.surplus, any(hurried)) == (5, 2, False)
    batch = outbound.take()
    assert (batch.size, len(outbound)) == (5, 0)
    batch.give_back()
    assert outbound.take().encode() == bytes(range(5))
    many = Outbound[int]("logs", lambda batch: b"", QUEUED)
    assert sum(many.offer(0) for _ in range(BATCH * 2)) == 2
    assert many.take().size == BATCH


@contextmanager
def hanging() -> Iterator[Collector]:
    """Run what takes connections and whatever comes on them, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield Collector(url=f"http://127.0.0.1:{server.getsockname()[1]}")


@pytest.mark.parametrize("kind", ["hanging", "dead"])
async def test_a_collector_that_hangs_or_is_dead_harms_no_request_and_no_stop(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten thousand records for it keep no request waiting; what is too much is counted; the stop waits for two seconds.

    A collector has a minute to answer here: what took less has not waited for it.
    """
    monkeypatch.setattr("arnia.chassis.collector_sender.EXPORT_SECONDS", 60.0)
    with hanging() as collector:
        url = collector.url if kind == "hanging" else "http://127.0.0.1:9"
        async with serving(url) as client:
            for _ in range(10_000):
                logging.getLogger("observed").error("much is said")
            began = time.perf_counter()
            for _ in range(20):
                assert (await client.send(call("GET", QUICK, headers=SAMPLED))).status == 200
            assert time.perf_counter() - began < 30
            assert await counted(client, 'arnia_telemetry_dropped_total{reason="surplus",signal="logs"}') > 5_000
            began = time.perf_counter()
        assert time.perf_counter() - began < 30


@pytest.mark.parametrize("kind", ["well", "hanging"])
def test_a_process_tells_what_it_logs_and_stops_in_time(tmp_path: Path, kind: str) -> None:
    """A real process sends the records that it writes, with one instance, and ends with 0 soon after SIGTERM."""
    with hanging() as silent, collecting() as collector:
        given = {"otlp_endpoint": collector.url if kind == "well" else silent.url, "drain_seconds": 0, "trace_ratio": 1}
        with ServiceProcess(
            "observed", "tests.unit.chassis_observing.observed_service", given, tmp_path / "log"
        ) as run:
            assert run.status(QUICK) == 200
            began = time.monotonic()
            run.terminate()
            assert run.wait() == 0
            assert time.monotonic() - began < 9
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    (request,) = [line for line in lines if line["message"] == "request"]
    told = [record for record in collector.records if record.body == "request"]
    expected = [(request["trace_id"], request["span_id"], request["instance"])] if kind == "well" else []
    assert [(one.trace_id, one.span_id, one.resource["service.instance.id"]) for one in told] == expected
    assert [span.trace_id for span in collector.spans] == [trace for trace, _, _ in expected]
