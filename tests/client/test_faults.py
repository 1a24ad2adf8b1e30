"""Bad days, through a TCP proxy that breaks the connections to an upstream: nothing of them spreads."""

import asyncio
import itertools
import math
import socket
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from uuid import UUID

import pytest
from tests.client.conftest import Florist
from tests.client.scripted import Say, Scripted

from arnia.testing.http import Answer, AsgiClient, call
from arnia.testing.proxy import Fault, Proxy

HERE = f"/api/v1/bouquets/{UUID(int=7)}"
IDLE = "/api/v1/bouquets/all/idle"
BUY = "/api/v1/bouquets"
GIVE = "/api/v1/bouquets/gifts"
BUDGET_MS = 900
REST = 0.65
LATE = 0.6
"""Seconds that the answer of half of all callers may come after their deadline, on a machine that is busy elsewhere."""
NOISE = 0.005
GAVE_UP = "nursery did not answer before the deadline."


@pytest.fixture
async def proxy(nursery: Scripted) -> AsyncIterator[Proxy]:
    """Give a proxy before the nursery."""
    async with Proxy(nursery.port) as running:
        yield running


@pytest.fixture(params=["pyreqwest", "httpx"])
async def client(florist: Florist, proxy: Proxy, request: pytest.FixtureRequest) -> AsgiClient:
    """Give a florist that reaches its nursery through the proxy only."""
    return await florist(proxy.url, transport=request.param, timeout_ms=250, breaker_slow_ms=600, breaker_rest_ms=600)


async def ask(client: AsgiClient) -> tuple[Answer, float]:
    """Return an answer, and after how many seconds it came."""
    started = time.monotonic()
    answer = await client.send(call("GET", HERE, headers={"request-timeout-ms": str(BUDGET_MS)}))
    return answer, time.monotonic() - started


@pytest.mark.parametrize("fault", [each for each in Fault if each not in {Fault.NONE, Fault.LATENCY}])
async def test_a_bad_day_and_its_end(client: AsgiClient, proxy: Proxy, nursery: Scripted, fault: Fault) -> None:
    """The caller answers a problem within its deadline; the breaker opens, contacts nobody, probes once and closes."""
    assert (await ask(client))[0].status == 200
    proxy.fault = fault
    answers = await asyncio.gather(*(ask(client) for _ in range(30)))
    for answer, _ in answers:
        assert answer.status in {503, 504}
        assert answer.media_type == "application/problem+json"
    assert statistics.median(seconds for _, seconds in answers) < BUDGET_MS / 1_000 + LATE
    assert max(seconds for _, seconds in answers) < 4 * BUDGET_MS / 1_000
    assert (await client.send(call("GET", "/readyz"))).json()["calls"]["nursery"]["breaker"] != "closed"

    connections, hits = proxy.connections, len(nursery)
    answer, _ = await ask(client)
    assert (answer.status, answer.header("arnia-retry")) == (503, "never")
    assert (proxy.connections, len(nursery)) == (connections, hits)

    proxy.heal()
    for _ in range(5):  # a machine that is busy elsewhere may make a probe too slow
        hits = len(nursery)
        await asyncio.sleep(REST)
        healed = [answer.status for answer, _ in await asyncio.gather(*(ask(client) for _ in range(50)))]
        assert len(nursery) <= hits + 1
        assert healed.count(200) <= 1
        if 200 in healed:
            break
    assert [(await ask(client))[0].status for _ in range(3)] == [200] * 3


async def _torn(client: AsgiClient, proxy: Proxy, fault: Fault, method: str, target: str) -> tuple[Answer, int]:
    """Return what is answered while every connection tears, and how many connections that took besides the first."""
    assert (await client.send(call("GET", HERE))).status == 200
    connections, proxy.fault = proxy.connections, fault
    answer = await client.send(call(method, target, headers={"request-timeout-ms": str(BUDGET_MS)}))
    return answer, proxy.connections - connections


@pytest.mark.parametrize("fault", [Fault.TEAR, Fault.TEAR_ANSWER])
async def test_what_is_torn_is_sent_again_only_if_that_is_safe(client: AsgiClient, proxy: Proxy, fault: Fault) -> None:
    """A POST that was torn, or its answer, is not sent again; with a key it is, as a GET is, and each is answered."""
    for method, target, again in (("POST", BUY, False), ("POST", GIVE, True), ("GET", HERE, True)):
        answer, connections = await _torn(client, proxy, fault, method, target)
        assert (answer.status, answer.json()["type"]) == (503, "/problems/unavailable")
        assert (connections > 0) is again, target
        proxy.heal()


@pytest.mark.parametrize("fault", [Fault.TEAR, Fault.TEAR_ANSWER])
async def test_a_single_tear_is_not_noticed(client: AsgiClient, proxy: Proxy, nursery: Scripted, fault: Fault) -> None:
    """What was torn once, in a long body too, is whole at the second attempt, under the key of the first."""
    nursery.always = Say(document={"name": "rose", "latin": "r" * 20_000})
    assert (await client.send(call("GET", HERE))).status == 200
    connections, proxy.fault = proxy.connections, fault
    giving = asyncio.create_task(client.send(call("POST", GIVE)))
    while proxy.connections == connections and not giving.done():  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0)
    proxy.heal()
    assert (await giving).status == 201
    keys = [seen.headers.get("idempotency-key") for seen in nursery.seen[1:]]
    assert keys[0]
    assert set(keys) == {keys[0]}
    assert len(keys) == (2 if fault is Fault.TEAR_ANSWER else 1)


async def test_a_connection_costs_no_more_than_its_own_timeout(florist: Florist) -> None:
    """Where nobody takes the connection, a call is over after the connect timeout, long before its own."""
    with ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        url = f"http://127.0.0.1:{full.getsockname()[1]}"
        for transport in ("pyreqwest", "httpx"):
            given = {"connect_timeout_ms": 100, "timeout_ms": 20_000, "retries": 0}
            client = await florist(url, transport=transport, **given)
            started = time.monotonic()
            answer = await client.send(call("GET", HERE))
            assert (answer.status, answer.json()["type"]) == (503, "/problems/unavailable")
            assert time.monotonic() - started < 5


@pytest.mark.parametrize("transport", ["pyreqwest", "httpx"])
async def test_a_deadline_ends_a_longer_timeout(florist: Florist, proxy: Proxy, transport: str) -> None:
    """A call gives up in time for its caller to tell its own, however long it might wait for an answer itself."""
    client = await florist(proxy.url, transport=transport, timeout_ms=60_000)
    proxy.fault = Fault.HANG
    told, seconds = "", math.inf
    for _ in range(
        3
    ):  # on a machine that is busy elsewhere the caller itself may be first to see that its time is over
        answer, seconds = await ask(client)
        assert answer.status == 504
        told = answer.json()["detail"]
        if told == GAVE_UP and seconds < BUDGET_MS / 1_000 + LATE:
            break
    assert told == GAVE_UP
    assert seconds < BUDGET_MS / 1_000 + LATE


async def test_latency_below_the_limits_is_no_fault(client: AsgiClient, proxy: Proxy) -> None:
    """An upstream that is only slower is waited for."""
    proxy.fault, proxy.seconds = Fault.LATENCY, 0.1
    answer, seconds = await ask(client)
    assert answer.status == 200
    assert seconds >= 0.1


async def test_unrelated_routes_do_not_notice(florist: Florist, proxy: Proxy) -> None:
    """With an upstream that hangs, the p99 of routes that do not need it stays within twice what it is (R045).

    Who finds all places of the hanging one taken waits for the time of the queue, and not for that of the call.
    """
    client = await florist(proxy.url, breaker_calls=100_000, max_in_flight=5, queue_ms=50)
    over = math.inf
    waits: list[float] = []
    for _ in range(6):  # side by side, as a machine that is busy elsewhere may be so within one of the two only
        quiet = await _p99_of_idle(client)
        async with _storm(client, proxy, waits):
            over = min(over, await _p99_of_idle(client) - 2 * quiet)
        if over <= NOISE:
            break
    assert over <= NOISE
    assert statistics.median(waits) < BUDGET_MS / 1_000 / 2


@asynccontextmanager
async def _storm(client: AsgiClient, proxy: Proxy, waits: list[float]) -> AsyncIterator[None]:
    """Ten callers keep asking for what hangs, and tell how long they wait."""
    proxy.fault = Fault.HANG
    stopping = asyncio.Event()

    async def keep_asking() -> None:
        while not stopping.is_set():
            answer, seconds = await ask(client)
            if answer.status != 200:
                waits.append(seconds)

    callers = [asyncio.ensure_future(keep_asking()) for _ in range(10)]
    await asyncio.sleep(0.1)
    try:
        yield
    finally:
        stopping.set()
        proxy.heal()
        await asyncio.gather(*callers)


async def _p99_of_idle(client: AsgiClient) -> float:
    async def lane() -> list[float]:
        times = []
        for _ in range(40):
            started = time.perf_counter()
            assert (await client.send(call("GET", IDLE))).status == 200
            times.append(time.perf_counter() - started)
        return times

    times = sorted(itertools.chain(*await asyncio.gather(*(lane() for _ in range(5)))))
    return times[int(0.99 * len(times))]
