"""Sessions against a real server: transactions, events, and connections that always come back."""

import asyncio
import time
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import bindparam, text

from arnia.chassis.database import Database
from arnia.chassis.faults import Duplicate
from arnia.chassis.session import Session
from arnia.chassis.statements import Statement
from arnia.chassis.traces import continue_trace
from arnia.chassis.uuids import uuid7
from arnia.errors import DeadlineExceeded, InternalError, Unavailable
from arnia.testing.parcels import ADD, GET, PUT, ParcelWeighed
from arnia.testing.queries import counted_statements

EVENTS = Statement(
    text(
        "SELECT sequence, type, version, payload, headers, sent_at FROM arnia_outbox "
        "WHERE aggregate_id = :id ORDER BY sequence"
    )
)
SLEEP = Statement(text("SELECT pg_sleep(:seconds)"))
BUSY = """
SELECT count(*) FROM pg_stat_activity
WHERE usename = current_user AND state = 'active' AND query LIKE '%pg_sleep(%' AND pid <> pg_backend_pid()
"""
BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE usename = current_user AND wait_event_type = 'Lock'"
FREE = "SELECT aggregate_id FROM arnia_sequences WHERE aggregate_id = ANY ($1) FOR UPDATE SKIP LOCKED"
INSERT = Statement(text("INSERT INTO parcels (id, label, grams) VALUES (:id, 'x', 1)"))


def weighed(parcel_id: UUID, grams: int = 1) -> ParcelWeighed:
    return ParcelWeighed(aggregate_id=parcel_id, grams=grams)


async def tell(database: Database, parcels: list[UUID]) -> None:
    async with database.session(read_only=False) as session:
        for parcel in parcels:
            session.emit(weighed(parcel))


async def sequences(database: Database, parcel_id: UUID) -> list[int]:
    async with database.session(read_only=True) as session:
        return [row["sequence"] for row in await session.fetch_all(EVENTS, id=parcel_id)]


async def exists(database: Database, parcel_id: UUID) -> bool:
    async with database.session(read_only=True) as session:
        return await session.fetch_one(GET, id=parcel_id) is not None


async def test_commit_stores_state_and_events(database: Database) -> None:
    """State and events appear together, the events with sequence, payload, whole trace context and deadline."""
    parcel, trace = uuid7(), continue_trace(f"00-{7:032x}-{7:016x}-01".encode(), b"vendor=1")
    async with database.session(read_only=False, deadline=time.monotonic() + 60, trace=trace) as session:
        await session.execute(INSERT, id=parcel)
        session.emit(weighed(parcel, 5))
        session.emit(weighed(parcel, 6))
        assert await sequences(database, parcel) == []
    async with database.session(read_only=True) as session:
        first, second = await session.fetch_all(EVENTS, id=parcel)
    assert (first["sequence"], second["sequence"]) == (1, 2)
    assert first["payload"] == {"aggregate_id": str(parcel), "grams": 5}
    assert second["payload"]["grams"] == 6
    assert (first["type"], first["version"], first["sent_at"]) == ("parcel.weighed", 1, None)
    assert first["headers"]["traceparent"] == f"00-{7:032x}-{trace.span_id}-01"
    assert first["headers"]["tracestate"] == second["headers"]["tracestate"] == "vendor=1"
    assert time.time() < float(first["headers"]["deadline"]) < time.time() + 61
    assert await exists(database, parcel)


async def test_rollback_leaves_nothing(database: Database) -> None:
    """A rollback keeps neither state nor event, and the next event takes the number that was given back."""
    parcel = uuid7()
    session = database.session(read_only=False)
    await session.execute(INSERT, id=parcel)
    await session.execute_emitting(PUT, weighed(parcel), id=parcel, label="x", grams=1)
    session.emit(weighed(parcel))
    await session.rollback()
    assert not await exists(database, parcel)
    assert await sequences(database, parcel) == []
    async with database.session(read_only=False) as session:
        session.emit(weighed(parcel))
    assert await sequences(database, parcel) == [1]


async def test_rollback_of_events_alone(database: Database) -> None:
    """Events of a session that ran no statement are forgotten with it too."""
    parcel = uuid7()
    session = database.session(read_only=False)
    session.emit(weighed(parcel))
    await session.rollback()
    assert await sequences(database, parcel) == []


async def test_failure_in_block_rolls_back(database: Database) -> None:
    """A session used as a block rolls back when the block fails."""
    parcel = uuid7()

    async def fail() -> None:
        async with database.session(read_only=False) as session:
            await session.execute(INSERT, id=parcel)
            session.emit(weighed(parcel))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert not await exists(database, parcel)
    assert await sequences(database, parcel) == []


async def test_twenty_writers_of_one_aggregate(database: Database) -> None:
    """Twenty concurrent writers of one aggregate, by both ways, number its events without gap or repetition."""
    parcel = uuid7()

    async def buffered() -> None:
        async with database.session(read_only=False) as session:
            session.emit(weighed(parcel))
            session.emit(weighed(parcel))

    async def emitting() -> None:
        async with database.session(read_only=False) as session:
            await session.execute_emitting(PUT, weighed(parcel), id=parcel, label="x", grams=1)

    await asyncio.gather(*(writer() for _ in range(10) for writer in (buffered, emitting)))
    assert await sequences(database, parcel) == list(range(1, 31))


async def test_crossing_writers_do_not_lock_each_other(database: Database) -> None:
    """Transactions that tell about the same two aggregates in opposite order never deadlock."""
    one, two = uuid7(), uuid7()

    async def write(first: UUID, second: UUID) -> None:
        async with database.session(read_only=False) as session:
            session.emit(weighed(first))
            session.emit(weighed(second))

    await asyncio.gather(*(write(*pair) for _ in range(20) for pair in ((one, two), (two, one))))
    assert await sequences(database, one) == await sequences(database, two) == list(range(1, 41))


async def test_aggregates_are_numbered_in_one_order(database: Database, database_url: str) -> None:
    """Whatever the order of its events, a transaction locks the aggregates in theirs, so that none locks crosswise."""
    parcels = sorted(uuid7() for _ in range(8))
    async with database.session(read_only=False) as session:
        for parcel in parcels:
            session.emit(weighed(parcel))
    holder, watcher = await asyncpg.connect(database_url), await asyncpg.connect(database_url)
    async with holder.transaction():
        await holder.execute("SELECT FROM arnia_sequences WHERE aggregate_id = $1 FOR UPDATE", parcels[4])
        telling = asyncio.create_task(tell(database, [*reversed(parcels)]))
        async with asyncio.timeout(60):
            while await watcher.fetchval(BLOCKED) == 0:  # noqa: ASYNC110 - the server decides when
                await asyncio.sleep(0.02)
        free = [row["aggregate_id"] for row in await watcher.fetch(FREE, parcels)]
    await telling
    await holder.close()
    await watcher.close()
    assert sorted(free) == parcels[5:]


async def test_emitting_only_when_something_changed(database: Database) -> None:
    """The one-statement command tells nothing when it changed nothing."""
    parcel = uuid7()
    nothing = Statement(text("UPDATE parcels SET grams = :grams WHERE id = :id RETURNING id"))
    async with database.session(read_only=False) as session:
        assert await session.execute_emitting(nothing, weighed(parcel), id=parcel, grams=1) is None
    assert await sequences(database, parcel) == []


async def test_emitting_is_one_statement(database: Database, database_url: str) -> None:
    """The hot command is one statement; an ordinary one is BEGIN, the change, its events, COMMIT; a read is one."""
    parcel = uuid7()
    async with counted_statements(database_url) as hot, database.session(read_only=False) as session:
        row = await session.execute_emitting(PUT, weighed(parcel), id=parcel, label="x", grams=1)
        assert row is not None
        assert row["version"] == 1
    async with counted_statements(database_url) as ordinary, database.session(read_only=False) as session:
        row = await session.fetch_one(PUT, id=parcel, label="x", grams=1)
        assert row is not None
        assert row["version"] == 2
        session.emit(weighed(parcel))
    async with counted_statements(database_url) as read, database.session(read_only=True) as session:
        await session.fetch_one(GET, id=parcel)
    assert hot.total() == 1
    assert ordinary.total() == 4, ordinary
    assert {"BEGIN", "COMMIT"} <= ordinary.keys()
    assert read.total() == 1
    assert await sequences(database, parcel) == [1, 2]


async def test_lazy(database: Database, database_url: str) -> None:
    """A session that runs nothing takes no connection and sends nothing."""
    async with counted_statements(database_url) as statements, database.session(read_only=False):
        assert database.in_use == 0
    assert statements.total() == 0


async def test_read_only_refuses_writes(database: Database) -> None:
    """A read-only session refuses whatever writes, locks or tells."""
    async with database.session(read_only=True) as session:
        with pytest.raises(RuntimeError, match="read-only"):
            await session.execute(INSERT, id=uuid7())
        with pytest.raises(RuntimeError, match="read-only"):
            await session.execute_emitting(PUT, weighed(uuid7()), id=uuid7(), label="x", grams=1)
        with pytest.raises(RuntimeError, match="read-only"):
            session.emit(weighed(uuid7()))


async def test_over(database: Database) -> None:
    """A session ends once: nothing runs after it, and a rollback after the end does nothing."""
    session = database.session(read_only=False)
    await session.commit()
    await session.rollback()
    with pytest.raises(RuntimeError, match="over"):
        await session.fetch_one(GET, id=uuid7())
    with pytest.raises(RuntimeError, match="over"):
        session.emit(weighed(uuid7()))
    with pytest.raises(RuntimeError, match="over"):
        await session.commit()


async def test_swallowed_error_is_no_commit(database: Database) -> None:
    """A commit after a failure that somebody swallowed fails loudly: PostgreSQL alone would answer ROLLBACK."""
    parcel = uuid7()
    session = database.session(read_only=False)
    await session.execute(INSERT, id=parcel)
    with pytest.raises(Duplicate) as caught:
        await session.execute(INSERT, id=parcel)
    assert caught.value.constraint == "pk_parcels"
    assert caught.value.status == 409
    with pytest.raises(InternalError):
        await session.commit()
    assert not await exists(database, parcel)
    assert database.in_use == 0


async def test_rows_and_json(database: Database) -> None:
    """JSON goes in and out as Python values, and rows touched are counted."""
    document = {"a": [1, None, "ü"], "id": str(uuid7())}
    echo = Statement(text("SELECT CAST(:document AS jsonb) AS document, CAST(:plain AS json) AS plain"))
    async with database.session(read_only=True) as session:
        row = await session.fetch_one(echo, document=document, plain=[document])
    assert row is not None
    assert row["document"] == document
    assert row["plain"] == [document]
    async with database.session(read_only=False) as session:
        parcel = uuid7()
        given = {"id": parcel, "label": "x", "grams": 1, "version": 1}
        assert [await session.execute(ADD, **given), await session.execute(ADD, **given)] == [1, 0]
        assert await session.execute(Statement(text("CREATE TEMPORARY TABLE t () ON COMMIT DROP"))) == 0


async def cancel_during(database: Database, session: Session, *, commit_too: bool = False) -> None:
    """Cancel a task in the middle of a statement, twice, as an impatient server would."""

    async def work() -> None:
        async with session:
            await session.execute(INSERT, id=uuid7())
            await session.fetch_one(SLEEP, seconds=30)

    task = asyncio.create_task(work())
    while database.in_use == 0:  # noqa: ASYNC110 - the server decides when
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_cancellation_returns_connections(database: Database, database_url: str) -> None:
    """Cancelled in the middle of a statement, every connection comes back, in no transaction, and is used again."""
    size = 5
    await asyncio.gather(*(cancel_during(database, database.session(read_only=False)) for _ in range(size * 2)))
    async with asyncio.timeout(20):
        while database.in_use:  # noqa: ASYNC110 - cleaning goes on in the background
            await asyncio.sleep(0.01)
    connection = await asyncpg.connect(database_url)
    busy = await connection.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid() "
        "AND state <> 'idle'"
    )
    await connection.close()
    assert busy == 0
    sessions = [database.session(read_only=True) for _ in range(size)]
    await asyncio.gather(*(session.fetch_one(GET, id=uuid7()) for session in sessions))
    assert database.in_use == size
    for session in sessions:
        await session.rollback()
    assert database.in_use == 0


async def test_deadline_ends_statement(database: Database) -> None:
    """A statement that outlives the deadline is ended, undone, and answered with 504."""
    parcel = uuid7()
    session = database.session(read_only=False, deadline=time.monotonic() + 0.3)
    await session.execute(INSERT, id=parcel)
    with pytest.raises(DeadlineExceeded):
        await session.fetch_one(SLEEP, seconds=30)
    await session.rollback()
    assert not await exists(database, parcel)
    assert database.in_use == 0


async def test_interrupted_read_is_over_before_the_connection_is_lent(database: Database, database_url: str) -> None:
    """A read that outlives its deadline has ended on the server when its connection is back in the pool."""
    watcher = await asyncpg.connect(database_url)
    for _ in range(5):
        session = database.session(read_only=True, deadline=time.monotonic() + 0.1)
        with pytest.raises(DeadlineExceeded):
            await session.fetch_one(SLEEP, seconds=30)
        await session.rollback()
        busy = await watcher.fetchval(BUSY)
        assert busy == 0
    await watcher.close()


async def test_expired_work_is_refused(database: Database, database_url: str) -> None:
    """Work whose deadline has passed is refused before it reaches the server."""
    async with counted_statements(database_url) as statements:
        session = database.session(read_only=False, deadline=time.monotonic() - 1)
        with pytest.raises(DeadlineExceeded):
            await session.fetch_one(GET, id=uuid7())
        await session.rollback()
    assert statements.total() == 0


async def test_lost_race(database: Database) -> None:
    """Of two transactions that lock crosswise one is asked to come again."""
    one, two = uuid7(), uuid7()
    lock = Statement(text("UPDATE parcels SET grams = grams + 1 WHERE id = :id"))
    async with database.session(read_only=False) as session:
        await session.execute(INSERT, id=one)
        await session.execute(INSERT, id=two)

    async def cross(first: UUID, second: UUID) -> None:
        async with database.session(read_only=False) as session:
            await session.execute(lock, id=first)
            await asyncio.sleep(0.2)
            await session.execute(lock, id=second)

    outcomes = await asyncio.gather(cross(one, two), cross(two, one), return_exceptions=True)
    lost = [outcome for outcome in outcomes if outcome is not None]
    assert len(lost) == 1
    assert isinstance(lost[0], Unavailable)
    assert lost[0].headers["Retry-After"] == "1"


async def test_commit_unknown(database: Database, database_url: str) -> None:
    """A connection that is lost during the commit is told as an unknown outcome, not as a failure."""
    session = database.session(read_only=False)
    await session.execute(INSERT, id=uuid7())
    pid = await session.fetch_one(Statement(text("SELECT pg_backend_pid() AS pid")))
    assert pid is not None
    connection = await asyncpg.connect(database_url)
    await connection.execute("SELECT pg_terminate_backend($1)", pid["pid"])
    await connection.close()
    with pytest.raises(Unavailable, match="not known"):
        await session.commit()
    assert database.in_use == 0


async def test_unbound_parameter_needs_no_connection(database: Database) -> None:
    """A mistake in the parameters is found before a connection is taken."""
    session = database.session(read_only=True)
    with pytest.raises(TypeError, match="missing id"):
        await session.fetch_one(Statement(text("SELECT 1 WHERE true = :id").bindparams(bindparam("id"))))
    assert database.in_use == 0


async def test_lone_command_unknown(database: Database) -> None:
    """The same holds for the one-statement command, whose statement is its commit; expired work was not even sent."""
    slow = Statement(text("INSERT INTO parcels (id, label, grams) SELECT :id, 'x', 1 FROM pg_sleep(30) RETURNING id"))
    session = database.session(read_only=False, deadline=time.monotonic() + 0.2)
    with pytest.raises(Unavailable, match="not known"):
        await session.execute_emitting(slow, weighed(uuid7()), id=uuid7())
    await session.rollback()
    assert database.in_use == 0


async def test_connection_cut_while_idle(database: Database, database_url: str) -> None:
    """A connection that the server cut while nobody used it is replaced, unnoticed."""
    connection = await asyncpg.connect(database_url)
    for _ in range(3):
        async with database.session(read_only=True) as session:
            assert len(await session.fetch_all(GET, id=uuid7())) == 0
        cut = await connection.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE application_name = 'test' AND usename = current_user"
        )
        assert cut == 1
        await asyncio.sleep(0.2)
    await connection.close()
    assert database.in_use == 0


async def test_failures_in_the_middle(database: Database) -> None:
    """What fails while rows are fetched is told like everything else, and mistakes stay what they are."""
    broken = Statement(text("SELECT 1 / :zero AS one"))
    with pytest.raises(asyncpg.DivisionByZeroError):
        async with database.session(read_only=False) as session:
            await session.fetch_all(broken, zero=0)
    parcel = uuid7()
    again = Statement(text("INSERT INTO parcels (id, label, grams) VALUES (:id, 'x', 1) RETURNING id"))
    async with database.session(read_only=False) as session:
        await session.execute_emitting(again, weighed(parcel), id=parcel)
    async with database.session(read_only=False) as session:
        with pytest.raises(Duplicate):
            await session.execute_emitting(again, weighed(parcel), id=parcel)
        await session.rollback()
    assert await sequences(database, parcel) == [1]


async def test_cancelled_while_beginning(database: Database, database_url: str) -> None:
    """Cancelled while BEGIN is on its way, a connection comes back in no transaction all the same."""
    await database.ping()
    watcher = await asyncpg.connect(database_url)
    for _ in range(5):
        session = database.session(read_only=False)
        beginning = asyncio.create_task(session.fetch_one(GET, id=uuid7()))
        await asyncio.sleep(0)
        beginning.cancel()
        await asyncio.wait([beginning])
        await session.rollback()
        await database.ping()
        left = await watcher.fetchval("SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'")
        assert left == 0
    await watcher.close()
