"""Scheduler and drone as real processes over PostgreSQL, with an issuer of tokens: on good days and bad ones."""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from arnia.local.servers.postgres import Postgres
from arnia.testing.issuer import TestIssuer
from arnia.testing.postgres import fresh_database
from arnia.testing.processes import ServiceProcess

ASSIGNMENTS = "/api/v1/assignments"
CURSOR_KEY = "a key that is only known here"
IMPATIENT = {"Request-Timeout-Ms": "1500"}
LONG = 10.0
"""Seconds that no deadline of a second and a half takes, on any machine; without it a call would take twenty."""
TOGETHER = 100


class Pair:
    """Both services, each with its database."""

    def __init__(self, stack: ExitStack, server: Postgres, issuer: TestIssuer, folder: Path) -> None:
        self.drone_database = stack.enter_context(fresh_database(server))
        self.scheduler_database = stack.enter_context(fresh_database(server))
        # A hundred at once on a small machine: they may wait for their turn, which is not what is tried here.
        shared = {"issuer": issuer.url, "cursor_key": CURSOR_KEY, "log_format": "json", "shed_overload": False}
        self.drone = ServiceProcess(
            "drone", "drone.main", {**shared, "database_url": self.drone_database}, folder / "drone.log"
        )
        upstream = {"url": self.drone.url, "queue_ms": 20_000, "breaker_slow_ms": 20_000, "timeout_ms": 20_000}
        calling = {"token_url": issuer.token_url, "client_secret": "never looked at", "drone": upstream}
        self.scheduler = ServiceProcess(
            "scheduler",
            "scheduler.main",
            {**shared, **calling, "database_url": self.scheduler_database, "role": "api"},
            folder / "scheduler.log",
        )

    def signal(self, process: ServiceProcess, which: signal.Signals) -> None:
        """Send a signal to a process."""
        process.send(which)


@pytest.fixture(scope="module")
def pair(postgres_server: Postgres, issuer: TestIssuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Run both."""
    with ExitStack() as stack:
        running = Pair(stack, postgres_server, issuer, tmp_path_factory.mktemp("pair"))
        stack.enter_context(running.drone)
        stack.enter_context(running.scheduler)
        yield running


@pytest.fixture
async def scheduler(pair: Pair, issuer: TestIssuer) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of the scheduler: an operator."""
    scopes = ["assignments:read", "assignments:write"]
    token = issuer.token(audience="scheduler", scopes=scopes, roles=["operator"])
    limits = httpx.Limits(max_connections=TOGETHER)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=pair.scheduler.url, headers=headers, timeout=60, limits=limits) as client:
        yield client


@pytest.fixture
async def fleet(pair: Pair, issuer: TestIssuer) -> "AsyncIterator[Fleet]":
    """Return the fleet, with nothing in it."""
    connection = await asyncpg.connect(pair.drone_database)
    await connection.execute("TRUNCATE reservations, drones")
    token = issuer.token(audience="drone", scopes=["drones:read", "drones:write"], roles=["operator"])
    async with httpx.AsyncClient(base_url=pair.drone.url, headers={"Authorization": f"Bearer {token}"}) as client:
        yield Fleet(client, connection)
    await connection.close()


class Fleet:
    """The drones, as an operator and as PostgreSQL see them."""

    def __init__(self, client: httpx.AsyncClient, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._client = client
        self._connection = connection

    async def add(self, capacity_kg: float) -> None:
        """Take a drone into the fleet."""
        position = {"latitude": 45.4642, "longitude": 9.19}
        body = {"name": "Maia", "model": "M1", "capacity_kg": capacity_kg, "battery": 90, "position": position}
        assert (await self._client.post("/api/v1/drones", json=body)).status_code == 201

    async def reserved(self) -> Counter[UUID]:
        """Return how many reservations each delivery has, once nobody decides any more."""
        rows = await self._connection.fetch("SELECT delivery_id FROM reservations")
        return Counter(row["delivery_id"] for row in rows)

    async def promised_grams(self) -> int:
        """Return what is taken off the drones' capacities."""
        grams = await self._connection.fetchval("SELECT coalesce(sum(capacity_grams - free_grams), 0) FROM drones")
        assert isinstance(grams, int)
        return grams


async def assign(scheduler: httpx.AsyncClient, delivery: UUID, **headers: str) -> httpx.Response:
    """Ask for a drone that carries a kilogram."""
    return await scheduler.put(f"{ASSIGNMENTS}/{delivery}", json={"weight_kg": 1}, headers=headers)


async def test_a_hundred_at_once_never_oversell(scheduler: httpx.AsyncClient, fleet: Fleet) -> None:
    """Of 100 deliveries at once as many get a drone as fit, the others are told why not, and both databases agree."""
    await fleet.add(20)
    await fleet.add(10)
    deliveries = [uuid4() for _ in range(TOGETHER)]
    answers = await asyncio.gather(*(assign(scheduler, delivery) for delivery in deliveries))
    assert Counter(answer.status_code for answer in answers) == {201: 30, 409: 70}
    refusals = {answer.json()["type"] for answer in answers if answer.status_code == 409}
    assert refusals == {"/problems/scheduler-no-drone-fits"}
    made = {delivery for delivery, answer in zip(deliveries, answers, strict=True) if answer.status_code == 201}
    assert await fleet.reserved() == dict.fromkeys(made, 1)
    assert await fleet.promised_grams() == 30_000
    statuses = [(await scheduler.get(f"{ASSIGNMENTS}/{delivery}")).json()["status"] for delivery in deliveries]
    assert Counter(statuses) == {"reserved": 30, "refused": 70}


async def test_the_same_a_hundred_times_is_one(scheduler: httpx.AsyncClient, fleet: Fleet) -> None:
    """Five deliveries, each asked for twenty times at once: one of each is 201, the others are 200, none is doubled."""
    await fleet.add(100)
    deliveries = [uuid4() for _ in range(5)] * (TOGETHER // 5)
    answers = await asyncio.gather(*(assign(scheduler, delivery) for delivery in deliveries))
    assert Counter(answer.status_code for answer in answers) == {201: 5, 200: 95}
    assert len({(answer.json()["id"], answer.headers["etag"]) for answer in answers}) == 5
    assert await fleet.reserved() == dict.fromkeys(deliveries, 1)
    for delivery in set(deliveries):
        assert (await scheduler.delete(f"{ASSIGNMENTS}/{delivery}")).status_code == 204
    assert await fleet.promised_grams() == 0


async def test_a_drone_service_that_is_down(pair: Pair, scheduler: httpx.AsyncClient, fleet: Fleet) -> None:
    """Stopped, it costs a 503 with Retry-After inside the deadline; started again, the same request goes through."""
    await fleet.add(5)
    delivery = uuid4()
    pair.drone.kill()
    started = time.monotonic()
    answer = await assign(scheduler, delivery, **IMPATIENT)
    assert time.monotonic() - started < LONG
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    assert (await scheduler.get(f"{ASSIGNMENTS}/{delivery}")).json()["status"] == "requested"
    pair.drone.__enter__()
    assert (await assign(scheduler, delivery)).status_code == 201
    assert await fleet.reserved() == {delivery: 1}


async def test_a_drone_service_that_hangs(pair: Pair, scheduler: httpx.AsyncClient, fleet: Fleet) -> None:
    """Hanging, it costs a 504 at the deadline and holds no row; awake, the same request is one reservation."""
    await fleet.add(5)
    delivery = uuid4()
    pair.signal(pair.drone, signal.SIGSTOP)
    try:
        started = time.monotonic()
        asking = asyncio.ensure_future(assign(scheduler, delivery, **IMPATIENT))
        while (found := await scheduler.get(f"{ASSIGNMENTS}/{delivery}")).status_code == 404:
            assert time.monotonic() - started < LONG
        assert found.json()["status"] == "requested"
        answer = await asking
        assert time.monotonic() - started < LONG
    finally:
        pair.signal(pair.drone, signal.SIGCONT)
    assert answer.status_code in {503, 504}
    again = await assign(scheduler, delivery)
    assert again.status_code == 201
    assert await fleet.reserved() == {delivery: 1}


async def test_a_scheduler_that_dies_in_between(pair: Pair, scheduler: httpx.AsyncClient, fleet: Fleet) -> None:
    """Killed between the fleet's promise and its own commit, it doubles nothing: the next request finds the promise."""
    await fleet.add(5)
    delivery = uuid4()
    pair.signal(pair.drone, signal.SIGSTOP)
    asking = asyncio.ensure_future(assign(scheduler, delivery))
    found = 404
    while found == 404:
        found = (await scheduler.get(f"{ASSIGNMENTS}/{delivery}")).status_code
    await asyncio.sleep(0.1)  # now the fleet is asked, and does not answer
    pair.scheduler.kill()
    pair.signal(pair.drone, signal.SIGCONT)
    with pytest.raises(httpx.TransportError):
        await asking
    pair.scheduler.__enter__()
    assert (await scheduler.get(f"{ASSIGNMENTS}/{delivery}")).json()["status"] == "requested"
    assert (await assign(scheduler, delivery)).status_code == 201
    assert await fleet.reserved() == {delivery: 1}
    assert (await scheduler.delete(f"{ASSIGNMENTS}/{delivery}")).status_code == 204
    assert await fleet.promised_grams() == 0


async def test_the_scheduler_has_no_right_on_the_drones_data(pair: Pair) -> None:
    """With its own role and password it cannot even connect to the other database (R110)."""
    name = pair.drone_database.rpartition("/")[2]
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(pair.scheduler_database, database=name)
