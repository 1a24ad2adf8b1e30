"""Three usual designs of a relay on a real server: each breaks a promise of the outbox.

The simulation plants the same three; here PostgreSQL itself shows that they are wrong.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import pytest
from sqlalchemy import text
from tests.data.test_event_stores import EMPTY, SqlBench
from tests.simulation.outbox_promises import OutboxPromises, event
from typing_extensions import override

from arnia.chassis.database import Database
from arnia.chassis.messages import Message
from arnia.chassis.relay import Claim, OutboxStore
from arnia.chassis.session import Row, Session
from arnia.chassis.statements import Statement

COLUMNS: Final = "SELECT id, aggregate_id, sequence FROM arnia_outbox"
CURSOR = Statement(text(COLUMNS + " WHERE id > CAST(:last AS uuid) ORDER BY id LIMIT :most"))
SKIP = Statement(
    text(COLUMNS + " WHERE sent_at IS NULL ORDER BY aggregate_id, sequence LIMIT :most FOR UPDATE SKIP LOCKED")
)
AT_ONCE = Statement(
    text(
        """
        WITH locked AS MATERIALIZED (SELECT pg_advisory_xact_lock(hashtextextended('relay', 0)))
        SELECT unsent.* FROM locked, (
            SELECT id, aggregate_id, sequence FROM arnia_outbox WHERE sent_at IS NULL
            ORDER BY aggregate_id, sequence LIMIT :most
        ) AS unsent
        """
    )
)
MARK = Statement(text("UPDATE arnia_outbox SET sent_at = clock_timestamp() WHERE id = ANY (CAST(:ids AS uuid[]))"))


class Design:
    """A relay's store that reads by one statement.

    Attributes:
        last: The last id that was sent.
    """

    def __init__(self, database: Database, statement: Statement) -> None:
        self._database = database
        self._statement = statement
        self.last = UUID(int=0)

    @asynccontextmanager
    async def claim(self, most: int) -> AsyncIterator[Claim]:
        """Return what the statement reads."""
        async with self._database.session(read_only=False) as session:
            cursor = {"last": self.last} if self._statement is CURSOR else {}
            rows = await session.fetch_all(self._statement, most=most, **cursor)
            yield _Read(self, session, [_message(row) for row in rows])


class _Read:
    def __init__(self, design: Design, session: Session, messages: Sequence[Message]) -> None:
        self.messages = messages
        self._design = design
        self._session = session

    async def mark(self, messages: Sequence[Message]) -> None:
        ids = [message.id for message in messages]
        await self._session.execute(MARK, ids=ids)
        self._design.last = max([self._design.last, *ids])

    async def refuse(self, messages: Sequence[Message], reason: str) -> None:
        raise NotImplementedError(reason)


class DesignBench(SqlBench):
    """An outbox whose relays are built otherwise."""

    def __init__(self, database: Database, statement: Statement) -> None:
        super().__init__(database)
        self._one = Design(database, statement)

    @override
    def relay(self) -> OutboxStore:
        return self._one


def _message(row: Row) -> Message:
    return replace(event(row["aggregate_id"], row["sequence"]), id=row["id"], time=datetime.now(UTC))


@pytest.fixture
async def empty(database: Database) -> Database:
    """Give a database without events."""
    async with database.session(read_only=False) as session:
        await session.execute(EMPTY)
    return database


async def test_a_cursor_misses_what_commits_late(empty: Database) -> None:
    """A relay that reads behind its last id never sends what had an earlier one and was committed later."""
    with pytest.raises(AssertionError):
        await OutboxPromises().test_what_commits_late_is_sent_whatever_its_id(DesignBench(empty, CURSOR))


async def test_skip_locked_shares_an_aggregate(empty: Database) -> None:
    """Relays that skip each other's rows send the same aggregate at the same time, and the later event first."""
    with pytest.raises(AssertionError):
        await OutboxPromises().test_two_claims_share_no_aggregate(DesignBench(empty, SKIP))


async def test_one_statement_reads_what_is_sent_already(empty: Database) -> None:
    """A relay that locks in the statement that reads sends again what another one sent while it waited."""
    with pytest.raises(AssertionError):
        await OutboxPromises().test_what_another_sends_meanwhile_is_not_claimed(DesignBench(empty, AT_ONCE))
