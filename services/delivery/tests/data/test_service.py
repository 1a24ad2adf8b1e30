"""The whole service over PostgreSQL: what only a real database can prove."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from copy import deepcopy
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import orjson
import pytest
from pydantic import SecretStr

from arnia.chassis.uuids import uuid7
from arnia.testing.http import Lifespan
from arnia.testing.issuer import TestIssuer
from arnia.testing.queries import counted_statements
from delivery.config import Settings
from delivery.main import create

Json = dict[str, Any]
OWNER = "SELECT owner FROM deliveries WHERE id = $1"
OUTBOX = "SELECT type FROM arnia_outbox WHERE aggregate_id = $1 ORDER BY sequence"


@pytest.fixture
async def client(database_url: str, issuer: TestIssuer, bearer: dict[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of the running service."""
    settings = Settings(
        port=0,
        role="api",
        issuer=issuer.url,
        database_url=SecretStr(database_url),
        cursor_key=SecretStr("known to all replicas"),
    )
    spine = create().asgi(settings)
    async with Lifespan(spine):
        transport = httpx.ASGITransport(spine)
        async with httpx.AsyncClient(transport=transport, base_url="http://delivery", headers=bearer) as client:
            yield client


@pytest.fixture
async def connection(database_url: str) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    """Return a connection past the service."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def heard(connection: "asyncpg.Connection[asyncpg.Record]", delivery_id: str | UUID) -> list[str]:
    """Return the events of a delivery, in order."""
    return [row["type"] for row in await connection.fetch(OUTBOX, UUID(str(delivery_id)))]


@pytest.mark.parametrize("alike", [True, False], ids=["alike", "different"])
async def test_concurrent_first_puts(
    client: httpx.AsyncClient,
    collection: str,
    body: Json,
    alike: bool,  # noqa: FBT001 - a case of the test
    connection: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    """Of 50 concurrent first PUTs exactly one creates, and the delivery is told of exactly once, as is each change."""
    delivery_id = uuid7()
    bodies = [deepcopy(body) for _ in range(50)]
    for number, sent in enumerate(bodies):
        sent["items"][0]["quantity"] = 1 if alike else number
    answers = await asyncio.gather(*(client.put(f"{collection}/{delivery_id}", json=sent) for sent in bodies))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 204: 49}
    changes = [] if alike else ["delivery.changed"] * 49
    assert await heard(connection, delivery_id) == ["delivery.created", *changes]
    assert len({answer.headers["etag"] for answer in answers}) == (1 if alike else 50)


async def test_an_event_carries_the_trace_and_the_deadline_of_its_request(
    client: httpx.AsyncClient, collection: str, body: Json, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """The row in the outbox has the caller's trace and its list of states, the request as parent, and the deadline."""
    delivery_id, trace = uuid7(), "0af7651916cd43dd8448eb211c80319c"
    sent = {
        "traceparent": f"00-{trace}-b7ad6b7169203331-01",
        "tracestate": "vendor=1,other=2",
        "request-timeout-ms": "20000",
    }
    await client.put(f"{collection}/{delivery_id}", json=body, headers=sent)
    kept = await connection.fetchval("SELECT headers FROM arnia_outbox WHERE aggregate_id = $1", delivery_id)
    headers = orjson.loads(kept)
    assert headers["traceparent"].startswith(f"00-{trace}-")
    assert headers["traceparent"].endswith("0000-01")
    assert headers["tracestate"] == "vendor=1,other=2"
    assert time.time() < float(headers["deadline"]) < time.time() + 20


async def test_concurrent_first_puts_of_two(
    client: httpx.AsyncClient,
    collection: str,
    body: Json,
    another: dict[str, str],
    connection: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    """Of 50 concurrent first PUTs of two callers one creates, for its owner; to the other the delivery is not there."""
    delivery_id = uuid7()
    uri = f"{collection}/{delivery_id}"
    answers = await asyncio.gather(
        *(client.put(uri, json=body, headers=another if number % 2 else {}) for number in range(50))
    )
    statuses = [answer.status_code for answer in answers]
    created = statuses.index(201)
    winner, loser = statuses[created % 2 :: 2], statuses[1 - created % 2 :: 2]
    assert (Counter(winner), Counter(loser)) == ({201: 1, 204: 24}, {404: 25})
    assert await connection.fetchval(OWNER, delivery_id) == ("mallory" if created % 2 else "alice")
    assert await heard(connection, delivery_id) == ["delivery.created"]


async def test_concurrent_steps(
    client: httpx.AsyncClient,
    collection: str,
    body: Json,
    operator: dict[str, str],
    connection: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    """Of a departure and a cancellation at once exactly one happens, whatever the order."""
    for _ in range(5):
        uri = (await client.post(collection, json=body)).headers["location"]
        await client.put(f"{uri}/assignment", json={"drone_id": str(uuid7())}, headers=operator)
        depart, cancel = await asyncio.gather(
            client.put(f"{uri}/departure", headers=operator),
            client.put(f"{uri}/cancellation", json={"reason": "rain"}),
        )
        assert sorted([depart.status_code, cancel.status_code]) == [201, 409]
        told = ["delivery.created"] + ["delivery.cancelled"] * (cancel.status_code == 201)
        assert await heard(connection, uri.rpartition("/")[2]) == told


async def test_refused_creation_leaves_nothing(
    client: httpx.AsyncClient, collection: str, body: Json, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """A PUT whose precondition fails keeps neither a delivery nor an event."""
    delivery_id = uuid7()
    answer = await client.put(f"{collection}/{delivery_id}", json=body, headers={"If-Match": "*"})
    assert answer.status_code == 412
    assert (await client.get(f"{collection}/{delivery_id}")).status_code == 404
    assert await heard(connection, delivery_id) == []


async def test_events_follow_state(
    client: httpx.AsyncClient,
    collection: str,
    body: Json,
    operator: dict[str, str],
    connection: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    """Each change is stored with its event, once, however often it is asked for."""
    made = await client.post(collection, json=body)
    uri = made.headers["location"]
    later = {"pickup_time": "2026-12-02T12:00:00Z", "deadline": "2026-12-02T13:00:00Z"}
    steps: list[tuple[str, Json | None]] = [
        ("schedule", later),
        ("assignment", {"drone_id": str(uuid7())}),
        ("departure", None),
        ("confirmation", {"received_by": "Ada"}),
    ]
    for part, sent in steps:
        for _ in range(2):
            assert (await client.put(f"{uri}/{part}", json=sent, headers=operator)).is_success
    assert await heard(connection, made.json()["id"]) == [
        "delivery.created",
        "delivery.rescheduled",
        "delivery.completed",
    ]


async def test_columns_stay_inside(
    client: httpx.AsyncClient, collection: str, body: Json, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """What the database knows beyond the domain never reaches an answer."""
    uri = (await client.post(collection, json=body)).headers["location"]
    assert await connection.fetchval(OWNER, UUID(uri.rpartition("/")[2])) == "alice"
    for path in (uri, collection):
        assert "alice" not in (await client.get(path)).text


async def test_statements_of_a_request(
    client: httpx.AsyncClient, collection: str, body: Json, database_url: str
) -> None:
    """A request costs the same few statements, however much there is to read."""
    uris = [(await client.post(collection, json=body)).headers["location"] for _ in range(5)]
    async with counted_statements(database_url) as reading:
        await client.get(uris[0])
    async with counted_statements(database_url) as listing:
        await client.get(f"{collection}?status=pending&limit=5")
    async with counted_statements(database_url) as changing:
        await client.put(
            f"{uris[0]}/schedule", json={"pickup_time": "2026-12-02T12:00:00Z", "deadline": "2026-12-02T13:00:00Z"}
        )
    assert (reading.total(), listing.total()) == (1, 1)
    assert changing.total() == 5, "BEGIN, lock, save, store the event, COMMIT"
