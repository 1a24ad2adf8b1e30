"""Outbox and inbox in PostgreSQL, and those of the simulation (`tests/simulation`), keep the same promises."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text
from tests.simulation.inbox_promises import InboxPromises
from tests.simulation.outbox_promises import OutboxBench, OutboxPromises

from arnia.chassis.database import Database
from arnia.chassis.inbox_store import SqlInbox
from arnia.chassis.inbox_turns import InboxStore
from arnia.chassis.messages import Message
from arnia.chassis.outbox_store import SqlOutbox
from arnia.chassis.relay import OutboxStore
from arnia.chassis.statements import Statement

EMPTY = Statement(text("TRUNCATE arnia_outbox, arnia_sequences, arnia_inbox, arnia_heard"))
STORE = Statement(
    text(
        """
        INSERT INTO arnia_outbox (id, aggregate_type, aggregate_id, sequence, type, version, payload, headers)
        VALUES (:id, :aggregate_type, :aggregate_id, :sequence, :type, :version, CAST(:payload AS jsonb), '{}')
        """
    )
)


class SqlBench:
    """An outbox on a real server."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def relay(self) -> OutboxStore:
        return SqlOutbox(self._database, "scales")

    @asynccontextmanager
    async def emitting(self, messages: Sequence[Message]) -> AsyncIterator[None]:
        async with self._database.session(read_only=False) as session:
            for message in messages:
                await session.execute(
                    STORE,
                    id=message.id,
                    aggregate_type=message.aggregate_type,
                    aggregate_id=message.aggregate_id,
                    sequence=message.sequence,
                    type=message.type,
                    version=message.version,
                    payload=message.payload.decode(),
                )
            yield


@pytest.fixture
async def empty(database: Database) -> Database:
    """Give a database without events."""
    async with database.session(read_only=False) as session:
        await session.execute(EMPTY)
    return database


class TestSqlOutbox(OutboxPromises):
    """The outbox of a service."""

    @pytest.fixture
    def bench(self, empty: Database) -> OutboxBench:
        """Give an outbox with nothing in it."""
        return SqlBench(empty)


class TestSqlInbox(InboxPromises):
    """The inbox of a service."""

    @pytest.fixture
    def inbox(self, empty: Database) -> InboxStore:
        """Give an inbox with nothing in it."""
        return SqlInbox(empty, "kitchen")
