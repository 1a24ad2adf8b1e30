"""A declared client inside a service: what goes over the wire, what comes back, and which errors become which."""

import asyncio
import time
from uuid import UUID

import pytest
from starlette.requests import Request
from tests.client import garden
from tests.client.conftest import Florist
from tests.client.oauth import token_endpoint
from tests.client.scripted import Say, Scripted

from arnia.chassis.calls import Origin
from arnia.chassis.client import Client, get
from arnia.chassis.clients import Clients
from arnia.chassis.context import RequestContext, Runtime
from arnia.chassis.security import SCOPE_KEY
from arnia.chassis.traces import Trace
from arnia.errors import SettingsError
from arnia.testing.http import AsgiClient, Lifespan, call

PLANT = UUID(int=7)
HERE = f"/api/v1/bouquets/{PLANT}"
THERE = f"/api/v1/plants/{PLANT}"


@pytest.fixture(params=["pyreqwest", "httpx"])
async def client(florist: Florist, request: pytest.FixtureRequest) -> AsgiClient:
    """Give a florist on each transport."""
    return await florist(transport=request.param)


async def test_a_call_across_two_services(client: AsgiClient, nursery: Scripted) -> None:
    """A query is answered with the consumer's own view: fields that it does not know are ignored (R033)."""
    answer = await client.send(call("GET", HERE))
    assert (answer.status, answer.json()) == (200, {"name": "rose", "height": 0.5})
    assert (nursery.seen[0].method, nursery.seen[0].target) == ("GET", THERE)


async def test_what_goes_along(client: AsgiClient, nursery: Scripted) -> None:
    """Request id, trace and deadline go on: the same trace with another span, and less time than there was."""
    trace = "0af7651916cd43dd8448eb211c80319c"
    sent = {
        "x-request-id": "r-77",
        "traceparent": f"00-{trace}-b7ad6b7169203331-01",
        "tracestate": "vendor=1",
        "request-timeout-ms": "400",
    }
    await client.send(call("GET", HERE, headers=sent))
    headers = nursery.seen[0].headers
    assert headers["x-request-id"] == "r-77"
    assert headers["traceparent"].split("-")[1] == trace
    assert headers["traceparent"].split("-")[2] != "b7ad6b7169203331"
    assert headers["tracestate"] == "vendor=1"
    assert 300 <= int(headers["request-timeout-ms"]) <= 380
    assert headers["arnia-retry"] == "above"
    assert "authorization" not in headers


async def test_query_parameters(client: AsgiClient, nursery: Scripted) -> None:
    """What is neither in the path nor the body is in the query: encoded, repeated for lists, left out when None."""
    nursery.always = Say(document=[])
    assert (await client.send(call("GET", "/api/v1/bouquets/all/plants"))).json() == []
    assert nursery.seen[0].target == "/api/v1/plants?colour=dark%20red&tall=true&tags=a%26b&tags=c"


@pytest.mark.parametrize("segment", ["..", ".", "%2e%2E"])
async def test_a_path_cannot_be_walked(client: AsgiClient, nursery: Scripted, segment: str) -> None:
    """A value that a URL library would take for a way to another resource is the name of nothing: 404."""
    assert (await client.send(call("POST", f"/api/v1/bouquets/cancelled/{segment}"))).status == 404
    assert len(nursery) == 0


async def test_a_value_in_a_path_is_one_segment(client: AsgiClient, nursery: Scripted) -> None:
    """Slashes, question marks and line breaks in a value stay inside of it."""
    nursery.always = Say(204)
    await client.send(call("POST", "/api/v1/bouquets/cancelled/a%3Fb%23c%0D%0Ad%25"))
    assert nursery.seen[0].target == "/api/v1/orders/a%3Fb%23c%0D%0Ad%25"


async def test_a_missing_field_is_named_and_no_value(client: AsgiClient, nursery: Scripted) -> None:
    """An answer without a field that the view needs is a 502 that names the field and shows nothing of the answer."""
    nursery.always = Say(document={"height": "hunter2", "other": "hunter2"})
    answer = await client.send(call("GET", HERE))
    assert answer.status == 502
    assert answer.json()["type"] == "/problems/upstream-failed"
    assert "name (missing)" in answer.json()["detail"]
    assert b"hunter2" not in answer.body


@pytest.mark.parametrize(
    ("say", "status", "slug"),
    [
        (Say(404), 502, "upstream-failed"),
        (Say(500), 502, "upstream-failed"),
        (Say(302, headers={"location": "http://127.0.0.1:1/"}), 502, "upstream-failed"),
        (Say(503, headers={"retry-after": "17"}), 503, "unavailable"),
        (Say(504), 504, "deadline-exceeded"),
        (Say(200, headers={"content-length": "4"}), 502, "upstream-failed"),
        (Say(204), 502, "upstream-failed"),
    ],
)
async def test_what_an_answer_becomes(florist: Florist, nursery: Scripted, say: Say, status: int, slug: str) -> None:
    """Every answer that is not what the view needs becomes one defined problem."""
    client = await florist(retries=0)
    nursery.always = say
    answer = await client.send(call("GET", HERE))
    assert (answer.status, answer.json()["type"]) == (status, f"/problems/{slug}")
    if status == 503:
        assert answer.header("retry-after") == "17"


async def test_a_wish_for_patience_has_an_end(florist: Florist, nursery: Scripted) -> None:
    """Whatever a service asks for, its caller's own callers are asked to wait for a minute at most."""
    nursery.always = Say(503, headers={"retry-after": "86400"})
    answer = await (await florist(retries=0)).send(call("GET", HERE))
    assert (answer.status, answer.header("retry-after")) == (503, "60")


async def test_an_answer_may_be_too_large(florist: Florist, nursery: Scripted) -> None:
    """More bytes than the policy allows are a 502 that says so, and are asked for once."""
    answer = await (await florist(max_body_bytes=20)).send(call("GET", HERE))
    assert (answer.status, answer.json()["detail"]) == (502, "nursery answered with more bytes than it may.")
    assert len(nursery) == 1


async def test_a_refusal_can_be_handled(client: AsgiClient, nursery: Scripted) -> None:
    """A 4xx carries its status and the slug of its problem to whoever called."""
    problem = {"type": "/problems/nursery-sold-out", "status": 409}
    nursery.always = Say(409, problem, {"content-type": "application/problem+json"})
    answer = await client.send(call("GET", f"{HERE}/handled"))
    assert (answer.status, answer.json()["detail"]) == (409, "no plant: 409 nursery-sold-out")
    assert len(nursery) == 1
    nursery.always = Say(409, {**problem, "padding": "x" * 65_536}, {"content-type": "application/problem+json"})
    answer = await client.send(call("GET", f"{HERE}/handled"))
    assert (answer.status, answer.json()["detail"]) == (409, "no plant: 409 ")  # too large to be looked at


@pytest.mark.parametrize("failures", [1, 3])
async def test_transient_errors_are_retried(florist: Florist, nursery: Scripted, failures: int) -> None:
    """After k failures the next attempt succeeds: k + 1 hits, and the setting changes k (R041)."""
    client = await florist(retries=failures)
    nursery.script.extend([Say(503)] * failures)
    assert (await client.send(call("GET", HERE))).status == 200
    assert len(nursery) == failures + 1
    nursery.script.extend([Say(503)] * (failures + 1))
    assert (await client.send(call("GET", HERE))).status == 503
    assert len(nursery) == 2 * (failures + 1)


async def test_only_what_is_idempotent_is_retried(client: AsgiClient, nursery: Scripted) -> None:
    """A failing POST is one hit; with the Idempotency-Key that the client makes it is retried, under one key (R042)."""
    nursery.script.append(Say(503))
    assert (await client.send(call("POST", "/api/v1/bouquets"))).status == 503
    assert len(nursery) == 1
    nursery.script.append(Say(503))
    assert (await client.send(call("POST", "/api/v1/bouquets/gifts"))).status == 201
    keys = [seen.headers.get("idempotency-key") for seen in nursery.seen]
    assert keys[0] is None
    assert keys[1]
    assert keys[1] == keys[2]
    assert nursery.seen[2].body == b'{"stems":2}'


async def test_nobody_retries_below_somebody_who_does(client: AsgiClient, nursery: Scripted) -> None:
    """A service whose caller retries does not retry, and tells its own upstreams not to."""
    nursery.script.append(Say(503))
    answer = await client.send(call("GET", HERE, headers={"arnia-retry": "above"}))
    assert answer.status == 503
    await client.send(call("POST", "/api/v1/bouquets", headers={"arnia-retry": "above"}))
    await client.send(call("POST", "/api/v1/bouquets"))
    assert [seen.headers.get("arnia-retry") for seen in nursery.seen] == ["above", "above", None]


async def test_who_does_not_retry_forbids_it_to_nobody(florist: Florist, nursery: Scripted) -> None:
    """A service that may not retry by its policy leaves retries to those below it: one layer, not none."""
    client = await florist(retries=0)
    assert (await client.send(call("GET", HERE))).status == 200
    assert "arnia-retry" not in nursery.seen[0].headers


async def test_never_means_never(client: AsgiClient, nursery: Scripted) -> None:
    """An answer that says that asking again is futile is not retried."""
    nursery.script.append(Say(503, headers={"arnia-retry": "never"}))
    assert (await client.send(call("GET", HERE))).status == 503
    assert len(nursery) == 1


async def test_retry_after_is_honoured(florist: Florist, nursery: Scripted) -> None:
    """A retry waits for as long as it is asked to, and is not made where that is too long."""
    client = await florist(backoff_ms=1, backoff_limit_ms=1_000)
    nursery.script.append(Say(503, headers={"retry-after": "1"}))
    started = time.monotonic()
    assert (await client.send(call("GET", HERE))).status == 200
    assert time.monotonic() - started >= 1
    nursery.script.append(Say(503, headers={"retry-after": "2"}))
    assert (await client.send(call("GET", HERE))).status == 503


async def test_a_declared_read_is_hedged(client: AsgiClient, nursery: Scripted) -> None:
    """A read that is declared so does not wait for an answer that never comes; any other does, and asks again."""
    for _ in range(40):
        await client.send(call("GET", f"{HERE}/hedged"))
    for path, told in ((f"{HERE}/hedged", (1, 0)), (HERE, (1, 1))):
        nursery.script.append(Say(after=30))
        assert (await client.send(call("GET", path))).status == 200
        text = (await client.send(call("GET", "/metrics"))).body.decode()
        for name, count in zip(("hedges", "retries"), told, strict=True):
            assert f'arnia_call_{name}_total{{server="nursery"}} {count:.1f}' in text


async def test_a_hanging_upstream_costs_no_more_than_the_deadline(client: AsgiClient, nursery: Scripted) -> None:
    """The caller answers within its own deadline, with a problem (R036), long before the upstream does."""
    nursery.always = Say(after=30)
    times = []
    for _ in range(5):
        started = time.monotonic()
        answer = await client.send(call("GET", HERE, headers={"request-timeout-ms": "300"}))
        times.append(time.monotonic() - started)
        assert (answer.status, answer.json()["type"]) == (504, "/problems/deadline-exceeded")
    assert min(times) < 0.3 + 0.15  # one may wait for a machine that is busy elsewhere; not all do
    assert max(times) < 5


async def test_the_breaker_opens_and_probes_once(client: AsgiClient, nursery: Scripted) -> None:
    """Open, it contacts nobody and answers at once; healed, it closes after one probe (R043, R044)."""
    nursery.always = Say(500)
    for _ in range(10):
        await client.send(call("GET", HERE))
    hits = len(nursery)
    refused = await client.send(call("GET", HERE))
    assert (refused.status, refused.header("arnia-retry")) == (503, "never")
    assert int(refused.header("retry-after") or 0) >= 1
    assert len(nursery) == hits
    states = (await client.send(call("GET", "/readyz"))).json()["calls"]
    assert states["nursery"]["breaker"] == "open"
    told = (await client.send(call("GET", "/metrics"))).body.decode()
    assert 'arnia_breaker_state{server="nursery",state="open"} 1.0' in told
    assert 'arnia_breaker_openings_total{server="nursery"} 1.0' in told
    assert 'arnia_call_rejected_total{reason="open",server="nursery"} 0.0' not in told
    await _rest()
    await client.send(call("GET", HERE, headers={"arnia-retry": "above"}))
    assert len(nursery) == hits + 1
    assert (await client.send(call("GET", HERE))).status == 503
    assert len(nursery) == hits + 1
    nursery.always = Say()
    await _rest()
    assert [(await client.send(call("GET", HERE))).status for _ in range(3)] == [200] * 3
    assert len(nursery) == hits + 4


async def _rest() -> None:
    await asyncio.sleep(0.35)


async def test_metrics_tell_of_the_calls(client: AsgiClient, nursery: Scripted) -> None:
    """Calls, retries and the breaker's state are in the metrics."""
    nursery.script.append(Say(503))
    await client.send(call("GET", HERE))
    text = (await client.send(call("GET", "/metrics"))).body.decode()
    labels = '{operation="read",outcome="answered",server="nursery"}'
    assert f"http_client_request_duration_seconds_count{labels} 1.0" in text
    assert 'arnia_call_retries_total{server="nursery"} 1.0' in text
    assert 'arnia_breaker_state{server="nursery",state="closed"} 1.0' in text


async def test_the_pool_lives_as_long_as_the_service(nursery: Scripted) -> None:
    """A thousand requests share a few connections, and none is left when the service has stopped (R035)."""
    app = garden.create().asgi(garden.settings(nursery.url, max_in_flight=5, queue_ms=10_000, timeout_ms=5_000))
    async with Lifespan(app):
        client = AsgiClient(app)
        answers = await asyncio.gather(*(client.send(call("GET", HERE)) for _ in range(1_000)))
        assert {answer.status for answer in answers} == {200}
        assert 1 <= nursery.opened <= 2 * 5  # a busy process may open one before the last call's is given back
    for _ in range(100):
        if not nursery.connections:
            break
        await asyncio.sleep(0.02)
    assert not nursery.connections


class Guarded(Client, service="nursery"):
    """The nursery, where it asks for a token."""

    @get("/plants", scopes=("plants:read",))
    async def read(self) -> garden.Plant: ...


@pytest.mark.parametrize("transport", ["pyreqwest", "httpx"])
async def test_connections_to_the_issuer_end_with_the_service(nursery: Scripted, transport: str) -> None:
    """What tokens were fetched over is closed with the clients, as what calls were made over."""
    async with token_endpoint() as endpoint:
        given = {
            **garden.settings(nursery.url, transport=transport).model_dump(),
            "token_url": endpoint.url,
            "client_secret": "s",
        }
        clients = Clients.open("florist", [Guarded], garden.Settings.model_validate(given))
        (operation,) = Guarded.operations
        await clients.callers["nursery"].call(operation, {}, Origin(deadline=time.monotonic() + 20))
        assert endpoint.connections == 1
        await clients.close()
        for _ in range(50):  # within less time than a pool keeps what is idle
            if not endpoint.connections and not nursery.connections:
                break
            await asyncio.sleep(0.02)
        assert not endpoint.connections
        assert not nursery.connections


async def test_calls_that_need_a_token_need_an_issuer(nursery: Scripted) -> None:
    """A service whose calls ask for a scope starts neither without a token endpoint nor a secret; each is named."""
    with pytest.raises(SettingsError) as refused:
        Clients.open("florist", [Guarded], garden.settings(nursery.url))
    names = [fault.partition(" is missing")[0] for fault in refused.value.faults]
    assert names == ["FLORIST_TOKEN_URL", "FLORIST_CLIENT_SECRET"]


async def test_an_undeclared_client_is_named(florist: Florist) -> None:
    """A client that create_app does not know cannot be injected."""

    class Stranger(Client, service="stranger"):
        @get("/x")
        async def read(self) -> garden.Plant: ...

    context = RequestContext(
        Runtime(service="f", version="1", settings=garden.settings("http://x")), Trace("1" * 32), "r"
    )
    with pytest.raises(TypeError, match="Stranger is not declared"):
        await Stranger.current(Request({"type": "http", "headers": [], SCOPE_KEY: context}))
