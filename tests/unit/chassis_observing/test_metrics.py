"""Metrics in both of Prometheus' formats: written as prometheus-client writes them, with the traces of requests."""

import asyncio
import io
import json
import re
from collections.abc import Callable, Iterable

import pytest
from prometheus_client import generate_latest
from prometheus_client.core import Exemplar, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families
from tests.unit.chassis_observing import observed_service

from arnia.chassis.logs import AccessLog
from arnia.chassis.metrics import Metrics
from arnia.chassis.origin import Origin
from arnia.chassis.traces import Trace
from arnia.testing.http import Answer, AsgiClient, Lifespan, call

read_openmetrics: Callable[[str], Iterable[Metric]] = openmetrics_parser.text_string_to_metric_families
read_plain: Callable[[str], Iterable[Metric]] = text_string_to_metric_families

QUICK = "/api/v1/things/quick"
DURATIONS = "http_server_request_duration_seconds"
TRACE = "0af7651916cd43dd8448eb211c80319c"
SAMPLED = f"00-{TRACE}-b7ad6b7169203331-01"
UNSAMPLED = f"00-{TRACE}-b7ad6b7169203331-00"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.3"
)
"""What a Prometheus of version 3 asks for."""


def exemplars(families: Iterable[Metric]) -> list[Exemplar]:
    """Return the exemplars of the buckets that have one."""
    return [
        sample.exemplar
        for family in families
        if family.name == DURATIONS
        for sample in family.samples
        if sample.exemplar is not None
    ]


async def ask(*given: str, accept: str | None = OPENMETRICS) -> Answer:
    """Send a request with each of the given `traceparent`, and then read the metrics."""
    app = observed_service.create().asgi(observed_service.settings())
    client = AsgiClient(app)
    async with Lifespan(app):
        for each in given:
            await client.send(call("GET", QUICK, headers={"traceparent": each}))
        return await client.send(call("GET", "/metrics", headers={} if accept is None else {"accept": accept}))


async def test_a_bucket_names_the_last_sampled_request_in_it() -> None:
    """Its exemplar has the ids of the trace and of the request's own span; requests not sampled leave it alone."""
    answer = await ask(SAMPLED, UNSAMPLED)
    (found,) = exemplars(read_openmetrics(answer.body.decode()))
    assert found.labels["trace_id"] == TRACE
    assert re.fullmatch(r"[0-9a-f]{12}0{4}", found.labels["span_id"])
    assert 0 < found.value < 10
    assert not exemplars(read_openmetrics((await ask(UNSAMPLED)).body.decode()))


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (None, "text/plain; version=0.0.4; charset=utf-8"),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/plain", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/plain, application/openmetrics-text;q=0.5", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text;version=0.0.1, */*;q=0.1", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text", "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        (OPENMETRICS, "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        (PROMETHEUS, "application/openmetrics-text; version=1.0.0; charset=utf-8"),
    ],
)
async def test_the_format_is_the_one_that_the_reader_prefers(accept: str | None, media: str) -> None:
    """OpenMetrics is for those who name it and rank it first, Prometheus' own format for everybody else."""
    answer = await ask(SAMPLED, accept=accept)
    assert answer.header("content-type") == media
    text = answer.body.decode()
    read = read_openmetrics if "openmetrics" in media else read_plain
    assert DURATIONS in {family.name for family in read(text)}
    assert ("# {" in text) == text.endswith("# EOF\n") == ("openmetrics" in media)


def test_what_is_written_by_hand_is_what_the_library_writes() -> None:
    """Every line of the histogram is prometheus-client's, in both formats, whatever the values and labels are."""
    metrics = Metrics(Origin("observed", "1"))
    for number, seconds in enumerate((0.0001, 0.001, 0.3, 1.0, 11.0, 5e-7, 123456.5, 2e7)):
        trace = Trace(f"{number + 1:032x}") if number % 2 else None
        metrics.durations.observe("GET", "/a", 200, seconds, trace)
        metrics.durations.observe("POST", '/b/{x}"\\\n', 503, seconds, trace)
    metrics.durations.observe("GET", "/idle", 200, 0.0)
    metrics.exceeded("GET", "/a")
    by_library, _ = choose_encoder("application/openmetrics-text")

    def sections(text: bytes) -> list[str]:
        return sorted(text.decode().split("# HELP "))

    assert sections(metrics.render()) == sections(generate_latest(metrics))
    assert sections(metrics.render(openmetrics=True)) == sections(by_library(metrics))
    assert len(exemplars(read_openmetrics(metrics.render(openmetrics=True).decode()))) == 6  # some share a bucket


async def test_metrics_and_logs_name_one_process() -> None:
    """The target of the metrics has the service, version and instance of the log lines; another process has its own."""

    async def told() -> tuple[dict[str, str], dict[str, str]]:
        stream = io.StringIO()
        access = AccessLog(stream, "observed", observed_service.create().version, as_json=True)
        app = observed_service.create().asgi(observed_service.settings(), access=access)
        client = AsgiClient(app)
        await client.send(call("GET", QUICK))
        answer = await client.send(call("GET", "/metrics", headers={"accept": OPENMETRICS}))
        access.flush()
        (target,) = [one for one in read_openmetrics(answer.body.decode()) if one.name == "target"]
        return target.samples[0].labels, json.loads(stream.getvalue().splitlines()[0])

    labels, line = await told()
    assert labels["service_name"] == line["service"] == "observed"
    assert labels["service_version"] == line["version"]
    assert labels["service_instance_id"] == line["instance"]
    other, _ = await told()
    assert other["service_instance_id"] != labels["service_instance_id"]


async def test_a_blocked_event_loop_is_told_of() -> None:
    """Work that does not let go of the loop is a lag and a block; waiting that does is neither."""

    async def seen(path: str) -> dict[str, float]:
        app = observed_service.create().asgi(observed_service.settings())
        async with Lifespan(app):
            client = AsgiClient(app)
            await client.send(call("GET", path))
            await asyncio.sleep(0.15)
            answer = await client.send(call("GET", "/metrics", headers={"accept": OPENMETRICS}))
        samples = [sample for family in read_openmetrics(answer.body.decode()) for sample in family.samples]
        return {sample.name: sample.value for sample in samples if "event_loop" in sample.name}

    blocked = await seen("/api/v1/things/burn/400")
    assert blocked["arnia_event_loop_lag_seconds"] >= 0.2
    assert blocked["arnia_event_loop_blocks_total"] >= 1
    waited = await seen("/api/v1/things/wait/400")
    assert waited["arnia_event_loop_lag_seconds"] < blocked["arnia_event_loop_lag_seconds"]
