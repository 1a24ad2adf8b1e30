"""The pool against a real server: its bound, its patience, and its recovery."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from arnia.chassis.connections import CLEANING_PATIENCE
from arnia.chassis.database import Database
from arnia.chassis.statements import Statement
from arnia.chassis.uuids import uuid7
from arnia.errors import DeadlineExceeded, OutsideError, Unavailable
from arnia.local.servers.postgres import Postgres
from arnia.testing.parcels import GET
from arnia.testing.postgres import DatabaseAccess, fresh_database
from arnia.testing.proxy import Fault, Proxy

SLEEP = Statement(text("SELECT pg_sleep(:seconds)"))
ONE = Statement(text("SELECT 1 AS one"))
SERVED = "SELECT count(*) FROM pg_stat_activity WHERE usename = current_user AND application_name = 'bounded'"


@pytest.fixture
async def own_server(tmp_path: Path) -> AsyncIterator[Postgres]:
    """Give a server that the test may stop."""
    server = Postgres(tmp_path, durable=False, dies_with_parent=False)
    await asyncio.to_thread(server.start)
    yield server
    await asyncio.to_thread(server.remove)


async def test_bound_under_ten_times_the_clients(database_access: DatabaseAccess, database_url: str) -> None:
    """Fifty clients of a pool of five are all served, and the server never sees a sixth connection."""
    database = await Database.open(database_access, service="bounded")
    seen: list[int] = []
    watcher = await asyncpg.connect(database_url)

    async def client() -> None:
        for _ in range(4):
            async with database.session(read_only=False) as session:
                await session.fetch_one(SLEEP, seconds=0.01)

    async def watch() -> None:
        while True:
            seen.append(await watcher.fetchval(SERVED))

    watching = asyncio.create_task(watch())
    await asyncio.gather(*(client() for _ in range(50)))
    watching.cancel()
    await asyncio.wait([watching])
    await watcher.close(timeout=5)
    await database.close()
    assert max(seen) == database_access.database_pool_size == 5


async def test_waiter_gives_up_at_its_deadline(database: Database) -> None:
    """Who gets no connection before the deadline is told 503, and takes nothing from the others."""
    holders = [database.session(read_only=True) for _ in range(5)]
    for holder in holders:
        await holder.fetch_one(ONE)
    late = [database.session(read_only=True, deadline=time.monotonic() + 0.2) for _ in range(10)]
    outcomes = await asyncio.gather(*(session.fetch_one(ONE) for session in late), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {Unavailable}
    assert database.waiting == 0
    for holder in holders:
        await holder.rollback()
    assert database.in_use == 0
    async with database.session(read_only=True) as session:
        assert await session.fetch_one(ONE) is not None


async def test_first_come_first_served(database: Database) -> None:
    """Waiters are served in the order in which they came."""
    holders = [database.session(read_only=True) for _ in range(5)]
    for holder in holders:
        await holder.fetch_one(ONE)
    served: list[int] = []

    async def wait(number: int) -> None:
        async with database.session(read_only=True) as session:
            await session.fetch_one(ONE)
            served.append(number)

    waiting = [asyncio.create_task(wait(number)) for number in range(10)]
    while database.waiting < 10:  # noqa: ASYNC110 - until all have queued up
        await asyncio.sleep(0)
    await holders[0].rollback()
    await asyncio.gather(*waiting)
    assert served == list(range(10))
    for holder in holders:
        await holder.rollback()


async def test_a_lost_connection_makes_room(database: Database) -> None:
    """Who waits while a lent connection is cut gets one in its place, and does not wait for another to come back."""
    holders = [database.session(read_only=True) for _ in range(5)]
    for holder in holders:
        await holder.fetch_one(ONE)
    late = database.session(read_only=True, deadline=time.monotonic() + 10)
    waiting = asyncio.create_task(late.fetch_one(ONE))
    while database.waiting == 0:  # noqa: ASYNC110 - until it has queued up
        await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await holders[0].fetch_one(Statement(text("SELECT pg_terminate_backend(pg_backend_pid())")))
    await holders[0].rollback()
    assert await waiting is not None
    for session in (*holders, late):
        await session.rollback()
    assert database.in_use == 0


async def test_cancelled_waiters_lose_nothing(database: Database) -> None:
    """Waiters that are cancelled in the very moment they are served pass the connection on."""
    for _ in range(20):
        holders = [database.session(read_only=True) for _ in range(5)]
        await asyncio.gather(*(holder.fetch_one(ONE) for holder in holders))
        waiting = [asyncio.create_task(database.acquire(None)) for _ in range(5)]
        await asyncio.sleep(0)
        for holder in holders:
            await holder.rollback()
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
        assert database.in_use == 0


@pytest.fixture
def other_url(postgres_server: Postgres) -> Iterator[str]:
    """Give the database of another service."""
    with fresh_database(postgres_server) as url:
        yield url


async def test_role_cannot_enter_another_database(database_url: str, other_url: str) -> None:
    """The role of one service cannot connect to the database of another."""
    stranger = database_url.rpartition("/")[0] + "/" + other_url.rpartition("/")[2]
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for database"):
        await asyncpg.connect(stranger)
    with pytest.raises(OutsideError, match="permission denied"):
        await Database.open(DatabaseAccess(SecretStr(stranger)), patience=60)


async def test_wrong_password_is_told_at_once(database_url: str) -> None:
    """A refused password ends the start at once, and is not repeated in the message."""
    password = database_url.split(":")[2].split("@", maxsplit=1)[0]
    wrong = database_url.replace(password, secret := secrets.token_hex(8))
    started = time.monotonic()
    with pytest.raises(OutsideError, match="password authentication failed") as caught:
        await Database.open(DatabaseAccess(SecretStr(wrong)), patience=60)
    assert time.monotonic() - started < 30
    assert secret not in str(caught.value)


async def prepared(server: Postgres) -> DatabaseAccess:
    await asyncio.to_thread(server.create_database, "own", "own", "secret")
    return DatabaseAccess(SecretStr(server.database_url("own", "own", "secret")))


async def test_waits_for_a_starting_server(own_server: Postgres) -> None:
    """A service that starts before its database waits for it; one without patience says what is missing."""
    access = await prepared(own_server)
    await asyncio.to_thread(own_server.stop)
    with pytest.raises(OutsideError, match="is its server up"):
        await Database.open(access, patience=0.2)
    opening = asyncio.create_task(Database.open(access, patience=60))
    await asyncio.sleep(0.3)
    assert not opening.done()
    await asyncio.to_thread(own_server.start)
    database = await opening
    await database.ping()
    await database.close()


async def test_restart_leaves_no_stuck_connection(own_server: Postgres) -> None:
    """While the server is away every session is told 503; after it is back every connection of the pool works."""
    database = await Database.open(await prepared(own_server))
    held = [database.session(read_only=False) for _ in range(5)]
    await asyncio.gather(*(session.fetch_one(ONE) for session in held))
    running = asyncio.create_task(held[0].fetch_one(SLEEP, seconds=60))
    await asyncio.sleep(0.1)
    await asyncio.to_thread(own_server.stop)
    with pytest.raises(Unavailable):
        await running
    for session in held[1:]:
        with pytest.raises(Unavailable):
            await session.fetch_one(ONE)
    for session in held:
        await session.rollback()
    with pytest.raises(Unavailable):
        await database.ping()
    assert database.in_use == 0
    await asyncio.to_thread(own_server.start)
    fresh = [database.session(read_only=False) for _ in range(5)]
    rows = await asyncio.gather(*(session.fetch_one(ONE) for session in fresh))
    assert [row["one"] for row in rows if row is not None] == [1] * 5
    for session in fresh:
        await session.commit()
    await database.close()


async def test_a_silent_server_keeps_nobody_beyond_the_deadline(database_access: DatabaseAccess) -> None:
    """Who asks a server that says nothing more is told at the deadline; the connection is cut without the caller."""
    url = urlsplit(database_access.database_url.get_secret_value())
    async with Proxy(url.port or 0) as proxy:
        moved = url._replace(netloc=f"{url.netloc.rpartition(':')[0]}:{proxy.port}").geturl()
        database = await Database.open(DatabaseAccess(SecretStr(moved)))
        session = database.session(read_only=False, deadline=time.monotonic() + 0.5)
        await session.fetch_one(ONE)
        proxy.fault = Fault.HALF_OPEN
        with pytest.raises(DeadlineExceeded):
            await session.fetch_one(ONE)
        leaving = asyncio.create_task(session.rollback())
        _, pending = await asyncio.wait([leaving], timeout=CLEANING_PATIENCE / 5)
        assert not pending, "the edge leaves a service half a second after the deadline"
        assert database.in_use == 1
        proxy.heal()
        async with asyncio.timeout(60):
            while database.in_use:  # noqa: ASYNC110 - told by nobody
                await asyncio.sleep(0.05)
        await database.ping()
        await database.close()


async def test_closing(database_access: DatabaseAccess) -> None:
    """A closing pool waits for what is lent, serves nobody new, and leaves no connection on the server."""
    database = await Database.open(database_access, service="closing")
    session = database.session(read_only=True)
    await session.fetch_one(GET, id=uuid7())
    closing = asyncio.create_task(database.close())
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await database.ping()
    assert not closing.done()
    await session.rollback()
    await closing


async def test_statement_ceiling(database_url: str) -> None:
    """Whatever the caller's deadline, the ceiling on statements holds, and is told as 504."""
    database = await Database.open(DatabaseAccess(SecretStr(database_url), database_statement_timeout_ms=100))
    session = database.session(read_only=True)
    with pytest.raises(DeadlineExceeded):
        await session.fetch_one(SLEEP, seconds=5)
    await session.rollback()
    await database.close()


async def test_gathered_statements_lose_no_connection(database_access: DatabaseAccess) -> None:
    """Two tasks on one session are refused, cold or warm, and take no connection with them."""
    database = await Database.open(database_access)
    holder = database.session(read_only=True)
    await holder.fetch_one(ONE)
    session = database.session(read_only=True)
    outcomes = await asyncio.gather(*(session.fetch_one(ONE) for _ in range(3)), return_exceptions=True)
    assert any(isinstance(outcome, RuntimeError) for outcome in outcomes)
    await session.rollback()
    await holder.rollback()
    assert database.in_use == 0
    await database.close()


async def test_session_that_ended_meanwhile_takes_no_connection(database_access: DatabaseAccess) -> None:
    """A task that waits for a connection while its session is rolled back gives back what it gets."""
    database = await Database.open(database_access)
    holder = database.session(read_only=True)
    await holder.fetch_one(ONE)
    session = database.session(read_only=True)
    waiting = asyncio.create_task(session.fetch_one(ONE))
    await asyncio.sleep(0)
    await session.rollback()
    with pytest.raises(RuntimeError):
        await waiting
    await holder.rollback()
    assert database.in_use == 0
    await database.close()


async def test_migration_in_between_is_a_lost_race(database: Database, database_url: str) -> None:
    """A statement whose columns change after it was prepared is worth another try, and then succeeds."""
    every = Statement(text("SELECT * FROM changing FOR UPDATE"))
    owner = await asyncpg.connect(database_url)
    await owner.execute("CREATE TABLE changing (a integer)")
    async with database.session(read_only=False) as session:
        await session.fetch_all(every)
    await owner.execute("ALTER TABLE changing ADD b integer")
    await owner.close()
    with pytest.raises(Unavailable):
        async with database.session(read_only=False) as session:
            await session.fetch_all(every)
    async with database.session(read_only=False) as session:
        assert await session.fetch_all(every) == []
