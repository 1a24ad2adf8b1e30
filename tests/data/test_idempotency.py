"""Idempotency records against a real server."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import text

from arnia.chassis.database import Database
from arnia.chassis.idempotency import (
    IdempotencyInProgress,
    IdempotencyPayloadDiffers,
    StoredAnswer,
    claim,
    prune,
    store,
)
from arnia.chassis.statements import Statement
from arnia.chassis.uuids import uuid7
from arnia.testing.parcels import ADD
from arnia.testing.queries import counted_statements

ANSWER = StoredAnswer(
    status=201, headers=(("location", "/x"), ("set-cookie", "a"), ("set-cookie", "b")), body=b'{"a": 1}'
)
COUNT = Statement(text("SELECT count(*) AS parcels FROM parcels WHERE label = :label"))
PRINT = b"fingerprint"


async def request(database: Database, key: str, *, scope: str = "s", fingerprint: bytes = PRINT) -> str:
    """Play one request: claim, effect, answer; tell how it ended."""
    async with database.session(read_only=False) as session:
        try:
            if await claim(session, scope=scope, key=key, fingerprint=fingerprint) is not None:
                return "replayed"
        except IdempotencyInProgress:
            return "in progress"
        await session.execute(ADD, id=uuid7(), label=key, grams=1, version=1)
        await store(session, scope=scope, key=key, fingerprint=fingerprint, answer=ANSWER)
        return "done"


async def effects(database: Database, key: str) -> int:
    async with database.session(read_only=True) as session:
        row = await session.fetch_one(COUNT, label=key)
        assert row is not None
        return int(row["parcels"])


async def test_hundred_at_once(database: Database) -> None:
    """A hundred concurrent requests with one key have one effect; the others are replayed or told to wait."""
    for _ in range(3):
        key = str(uuid7())
        outcomes = Counter(await asyncio.gather(*(request(database, key) for _ in range(100))))
        assert outcomes["done"] == 1
        assert outcomes.keys() <= {"done", "replayed", "in progress"}
        assert await effects(database, key) == 1
        assert await request(database, key) == "replayed"


async def test_replay_is_exact(database: Database) -> None:
    """The stored answer comes back to the byte, repeated headers included."""
    key = str(uuid7())
    assert await request(database, key) == "done"
    async with database.session(read_only=False) as session:
        assert await claim(session, scope="s", key=key, fingerprint=PRINT) == ANSWER


async def test_in_progress(database: Database) -> None:
    """While the first request runs, the second is told 409 and when to come again."""
    key = str(uuid7())
    first = database.session(read_only=False)
    assert await claim(first, scope="s", key=key, fingerprint=PRINT) is None
    second = database.session(read_only=False)
    with pytest.raises(IdempotencyInProgress) as caught:
        await claim(second, scope="s", key=key, fingerprint=PRINT)
    assert (caught.value.status, caught.value.headers) == (409, {"Retry-After": "1"})
    await first.rollback()
    await second.rollback()
    assert await request(database, key) == "done"


async def test_other_payload(database: Database) -> None:
    """The same key with another payload is refused with 422, and has no effect."""
    key = str(uuid7())
    await request(database, key)
    with pytest.raises(IdempotencyPayloadDiffers) as caught:
        await request(database, key, fingerprint=b"other")
    assert caught.value.status == 422
    assert await effects(database, key) == 1


async def test_scopes_are_independent(database: Database) -> None:
    """The same key of another principal or route is another key."""
    key = str(uuid7())
    assert await request(database, key, scope="a") == "done"
    assert await request(database, key, scope="b") == "done"


async def test_record_shares_the_fate_of_the_effect(database: Database) -> None:
    """When the effect is rolled back, so is the record: the retry does the work."""
    key = str(uuid7())
    session = database.session(read_only=False)
    await claim(session, scope="s", key=key, fingerprint=PRINT)
    await store(session, scope="s", key=key, fingerprint=PRINT, answer=ANSWER)
    await session.rollback()
    assert await request(database, key) == "done"


async def test_lock_and_look_are_two_statements(database: Database, database_url: str) -> None:
    """The record is looked up by a statement of its own after the lock: in one, the snapshot could be too old."""
    key = str(uuid7())
    session = database.session(read_only=False)
    async with counted_statements(database_url) as statements:
        await claim(session, scope="s", key=key, fingerprint=PRINT)
        await session.rollback()
    texts = [query for query in statements if query not in {"BEGIN", "ROLLBACK"}]
    assert len(texts) == 2
    assert not [query for query in texts if "pg_try_advisory_xact_lock" in query and "arnia_idempotency" in query]


async def test_not_in_a_read_only_session(database: Database) -> None:
    """A claim in a session without a transaction would hold nothing, and is refused."""
    async with database.session(read_only=True) as session:
        with pytest.raises(RuntimeError, match="read-only"):
            await claim(session, scope="s", key="k", fingerprint=PRINT)


async def test_store_needs_a_claim(database: Database) -> None:
    """An answer never overwrites a valid one."""
    key = str(uuid7())
    await request(database, key)
    async with database.session(read_only=False) as session:
        with pytest.raises(IdempotencyInProgress):
            await store(session, scope="s", key=key, fingerprint=PRINT, answer=ANSWER)


async def test_expiry(database: Database) -> None:
    """An expired record is as good as none; pruning deletes those, and only those."""
    expired, also, replaced, valid = (str(uuid7()) for _ in range(4))
    for key, retention in ((expired, -1), (also, -1), (replaced, -1), (valid, 60)):
        async with database.session(read_only=False) as session:
            await claim(session, scope="s", key=key, fingerprint=PRINT)
            await store(
                session, scope="s", key=key, fingerprint=PRINT, answer=ANSWER, retention=timedelta(seconds=retention)
            )
    assert await request(database, replaced, fingerprint=b"new") == "done"
    async with database.session(read_only=False) as session:
        assert await prune(session, most=1) == 1
        assert await prune(session) == 1
        assert await prune(session) == 0
    assert await request(database, valid) == "replayed"
    assert await request(database, replaced, fingerprint=b"new") == "replayed"
