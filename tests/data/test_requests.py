"""Requests against a real server: what is kept, what two reads see, and what a full pool means."""

import asyncio
import hmac
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text
from starlette.responses import Response, StreamingResponse

from arnia.chassis.application import create_app
from arnia.chassis.connections import Connection, Connections
from arnia.chassis.context import CurrentSession, CurrentSnapshot
from arnia.chassis.database import Database
from arnia.chassis.idempotency import StoredAnswer, store
from arnia.chassis.preconditions import Precondition
from arnia.chassis.replies import Reply, no_content
from arnia.chassis.routing import Router
from arnia.chassis.security import anyone
from arnia.chassis.settings import DatabaseSettings, service_settings
from arnia.chassis.statements import Statement
from arnia.chassis.transactions import CurrentTransactions
from arnia.chassis.uuids import uuid7
from arnia.errors import NotAuthenticated, Unavailable
from arnia.testing.http import Lifespan
from arnia.testing.parcels import PUT, ParcelModel, ParcelWeighed

COUNT = Statement(text("SELECT count(*) AS parcels FROM parcels"))
PRINT = Statement(text("SELECT fingerprint FROM arnia_idempotency WHERE key = :key"))
KEYS = Statement(text("SELECT key FROM arnia_idempotency WHERE scope = 'tidy' ORDER BY key"))
ADD = Statement(text("INSERT INTO parcels (id, label, grams) VALUES (:id, 'x', 1)"))
POOL = 2


class Settings(DatabaseSettings):
    """What every service with a database has."""

    model_config = service_settings("sample")


class Counted(NotAuthenticated):
    """A failed login, which is counted."""

    slug = "sample-counted"
    keeps_effect = True


class Gate:
    """Holds a handler until the test lets it go on."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.waiting = 0
        self.opened = asyncio.Event()

    async def wait(self) -> None:
        """Say that the handler is here, and wait."""
        self.waiting += 1
        self.reached.set()
        await self.opened.wait()


def counting(gate: Gate) -> Router:
    """Return routes that count and add parcels."""
    router = Router(prefix="/parcels", tags=["parcels"], dependencies=[anyone])

    async def twice(session: CurrentSession) -> list[int]:
        first = await session.fetch_one(COUNT)
        await gate.wait()
        second = await session.fetch_one(COUNT)
        assert first is not None
        assert second is not None
        return [first["parcels"], second["parcels"]]

    @router.get("/loose")
    async def count_loosely(session: CurrentSession) -> list[int]:
        return await twice(session)

    @router.get("/snapshot")
    async def count_in_one_state(session: CurrentSession, _: CurrentSnapshot) -> list[int]:
        return await twice(session)

    @router.post("/refused")
    async def refuse(session: CurrentSession) -> Reply[None]:
        await session.execute(ADD, id=uuid7())
        raise Counted

    @router.post("/accepted")
    async def accept(session: CurrentSession) -> Response:
        await session.execute(ADD, id=uuid7())
        answer = Response(status_code=202, headers={"retry-after": "7", "link": "</a>; rel=a"})
        answer.headers.append("link", "</b>; rel=b")
        answer.set_cookie("session", "hunter2")
        return answer

    @router.post("/stream/{size}")
    async def stream(size: int, session: CurrentSession) -> StreamingResponse:
        await session.execute(ADD, id=uuid7())

        async def body() -> AsyncIterator[bytes]:
            for _ in range(size):
                yield b"x" * 1024

        return StreamingResponse(body(), 200, media_type="text/plain")

    @router.post("/lone")
    async def weigh(session: CurrentSession) -> Reply[None]:
        parcel = uuid7()
        weighed = ParcelWeighed(aggregate_id=parcel, grams=1)
        await session.execute_emitting(PUT, weighed, id=parcel, label="x", grams=1)
        await gate.wait()
        return no_content()

    @router.post("/apart")
    async def add_apart(transactions: CurrentTransactions) -> Reply[None]:
        async with transactions() as session:
            await session.execute(ADD, id=uuid7())
        return no_content()

    @router.put("/apart", status_code=204)
    async def put_apart(transactions: CurrentTransactions, _: Precondition) -> Reply[None]:
        async with transactions() as session:
            await session.execute(ADD, id=uuid7())
        return no_content()

    @router.put("/{parcel}", status_code=204)
    async def put(parcel: UUID, session: CurrentSession, wanted: Precondition) -> Reply[None]:
        wanted.check("1")
        await session.execute(ADD, id=parcel)
        return no_content(etag="2")

    @router.post("/slow")
    async def wait() -> Reply[None]:
        await gate.wait()
        return no_content()

    return router


@asynccontextmanager
async def served(url: str, gate: Gate, pool: int = POOL) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of the service with a pool of a few connections."""
    given = {"port": 1, "database_url": url, "cursor_key": "k" * 32, "database_pool_size": pool}
    application = create_app(
        service="sample",
        settings=Settings,
        routers=[counting(gate)],
        models=ParcelModel.metadata,
        events=[ParcelWeighed],
    )
    spine = application.asgi(Settings.model_validate({**given, "migrate_on_start": False}))
    async with Lifespan(spine), httpx.AsyncClient(transport=httpx.ASGITransport(spine), base_url="http://test") as it:
        yield it


@pytest.mark.parametrize(("path", "seen"), [("/parcels/loose", 1), ("/parcels/snapshot", 0)])
async def test_snapshot_sees_no_later_write(database_url: str, path: str, seen: int) -> None:
    """A write between two reads of one GET is seen by the second, unless the session holds a snapshot."""
    gate = Gate()
    async with served(database_url, gate) as service:
        reading = asyncio.create_task(service.get(path))
        await gate.reached.wait()
        assert (await service.post("/parcels/refused")).status_code == 401
        gate.opened.set()
        first, second = (await reading).json()
    assert second - first == seen


async def test_refusal_that_is_kept_has_one_effect_for_one_key(database_url: str) -> None:
    """A refusal that keeps its effect is stored under its key: a repetition is told the same and changes nothing."""
    gate = Gate()
    gate.opened.set()
    async with served(database_url, gate) as service:
        before = (await service.get("/parcels/loose")).json()[0]
        key = {"idempotency-key": str(uuid7())}
        first, second = [await service.post("/parcels/refused", headers=key) for _ in range(2)]
        after = (await service.get("/parcels/loose")).json()[0]
    assert (first.status_code, second.status_code, first.content == second.content) == (401, 401, True)
    assert second.headers["idempotency-replayed"] == "true"
    assert after - before == 1


async def test_what_is_kept_of_a_body_is_no_bare_hash(database: Database, database_url: str) -> None:
    """Nobody with the records alone can guess a body: its fingerprint is made with a secret they do not hold."""
    gate, key, parcel = Gate(), str(uuid7()), uuid7()
    async with served(database_url, gate) as service:
        assert (await service.put(f"/parcels/{parcel}", headers={"idempotency-key": key})).status_code == 204
    async with database.session(read_only=True) as session:
        kept = await session.fetch_one(PRINT, key=key)
    assert kept is not None
    content = b'["/parcels/%s","",""]null' % str(parcel).encode()
    assert kept["fingerprint"] == hmac.digest(b"k" * 32, content, "sha256")


@pytest.mark.parametrize("path", ["/parcels/accepted", "/parcels/refused"])
async def test_a_replay_has_every_header_of_its_answer(database_url: str, path: str) -> None:
    """What a handler or an error said in headers is said again, each line of it; a cookie is not kept anywhere."""
    gate = Gate()
    async with served(database_url, gate) as service:
        sent = {"idempotency-key": str(uuid7())}
        first, again = [await service.post(path, headers=sent) for _ in range(2)]
    own = {"idempotency-replayed", "set-cookie", "x-request-id"}
    said = [[pair for pair in each.headers.multi_items() if pair[0] not in own] for each in (first, again)]
    assert sorted(said[0]) == sorted(said[1])
    assert "set-cookie" not in again.headers


async def test_a_repeated_put_gets_the_first_answer_and_no_412(database: Database, database_url: str) -> None:
    """What made its own tag old is not refused for it when it comes again with its key; without one it is."""
    before = await counted(database)
    async with served(database_url, Gate()) as service:
        sent = {"idempotency-key": str(uuid7()), "if-match": '"1"'}
        path = f"/parcels/{uuid7()}"
        first, again = [await service.put(path, headers=sent) for _ in range(2)]
        other = await service.put(f"/parcels/{uuid7()}", headers=sent)
        stale = await service.put(path, headers={"if-match": '"2"'})
    assert (first.status_code, again.status_code, other.status_code, stale.status_code) == (204, 204, 422, 412)
    assert first.headers["etag"] == again.headers["etag"] == '"2"'
    assert ("idempotency-replayed" in first.headers, again.headers["idempotency-replayed"]) == (False, "true")
    assert await counted(database) == before + 1


async def test_own_transactions_keep_no_key_and_wait_for_nobody(database: Database, database_url: str) -> None:
    """Where a record would not share the fate of the effect a POST with a key is refused and a PUT is as without one.

    With a pool of one connection, which a claimed key would hold, both are answered all the same.
    """
    before = await counted(database)
    async with served(database_url, Gate(), 1) as service:
        sent = {"idempotency-key": str(uuid7())}
        refused = await service.post("/parcels/apart", headers=sent)
        put = [await service.put("/parcels/apart", headers=sent) for _ in range(2)]
    assert (refused.status_code, "keeps no records" in refused.json()["detail"]) == (400, True)
    assert [(each.status_code, "idempotency-replayed" in each.headers) for each in put] == [(204, False)] * 2
    assert await counted(database) == before + 2


async def test_streamed_answer_is_kept_under_its_key(database_url: str) -> None:
    """A stream under a key is sent whole and replayed to the byte; one too long for that is refused with its effect."""
    gate = Gate()
    gate.opened.set()
    async with served(database_url, gate) as service:
        before = (await service.get("/parcels/loose")).json()[0]
        key = {"idempotency-key": str(uuid7())}
        first, second = [await service.post("/parcels/stream/3", headers=key) for _ in range(2)]
        assert (first.status_code, first.content) == (200, b"x" * 3072)
        assert (second.content, second.headers["idempotency-replayed"]) == (first.content, "true")
        large = await service.post("/parcels/stream/2000", headers={"idempotency-key": str(uuid7())})
        assert (large.status_code, "send no Idempotency-Key" in large.json()["detail"]) == (400, True)
        after = (await service.get("/parcels/loose")).json()[0]
    assert after - before == 1


async def test_expired_keys_are_removed_while_a_service_runs(database: Database, database_url: str) -> None:
    """What nobody may ask for again goes soon after the start, and what somebody may stays."""
    async with database.session(read_only=False) as session:
        for key, retention in (("old", timedelta()), ("new", timedelta(hours=1))):
            answer = StoredAnswer(204, (), b"")
            await store(session, scope="tidy", key=key, fingerprint=b"", answer=answer, retention=retention)
    async with served(database_url, Gate()):
        async with asyncio.timeout(60):
            while (left := await _keys(database)) != ["new"]:
                assert left == ["new", "old"]
                await asyncio.sleep(0.02)


async def _keys(database: Database) -> list[str]:
    async with database.session(read_only=True) as session:
        return [row["key"] for row in await session.fetch_all(KEYS)]


async def test_keyed_requests_hold_a_connection_each_and_others_are_told(database_url: str) -> None:
    """Keyed requests hold their connections while they run; who finds none is a 503 within its own patience."""
    gate = Gate()
    async with served(database_url, gate) as service:
        slow = [
            asyncio.create_task(service.post("/parcels/slow", headers={"idempotency-key": str(uuid7())}))
            for _ in range(POOL)
        ]
        while gate.waiting < POOL:  # noqa: ASYNC110 - until both hold their connections
            await asyncio.sleep(0.01)
        started = time.monotonic()
        refused = await service.post("/parcels/refused", headers={"request-timeout-ms": "300"})
        assert (refused.status_code, time.monotonic() - started < 20) in ((503, True), (504, True))
        gate.opened.set()
        assert [each.status_code for each in await asyncio.gather(*slow)] == [204, 204]
        assert (await service.post("/parcels/refused")).status_code == 401


@pytest.mark.parametrize(("keyed", "status", "kept"), [(False, 503, 1), (True, 504, 0)])
async def test_what_is_kept_is_not_said_to_be_undone(
    database: Database, database_url: str, status: int, kept: int, *, keyed: bool
) -> None:
    """Past the deadline, a command that was kept by its one statement is not said to be undone; one under a key is."""
    before = await counted(database)
    headers = {"request-timeout-ms": "1500"} | ({"idempotency-key": str(uuid7())} if keyed else {})
    async with served(database_url, Gate()) as service:
        late = await service.post("/parcels/lone", headers=headers)
    assert late.status_code == status
    assert ("nothing of it was kept" in late.json()["detail"]) is not bool(kept)
    assert await counted(database) == before + kept


async def counted(database: Database) -> int:
    """Return how many parcels there are."""
    async with database.session(read_only=True) as session:
        row = await session.fetch_one(COUNT)
    assert row is not None
    return int(row["parcels"])


async def test_opening_a_connection_is_within_the_patience_of_its_borrower() -> None:
    """A server that does not answer a new connection costs its borrower no more than its patience, and no place."""

    async def never() -> Connection:
        await asyncio.sleep(60)
        raise AssertionError

    connections = Connections(never, 1)
    for _ in range(2):
        started = time.monotonic()
        with pytest.raises(Unavailable, match="in time"):
            await connections.borrow(0.05)
        assert time.monotonic() - started < 30
        assert connections.in_use == 0
