"""The stores of the simulation keep what those in PostgreSQL keep (`tests/data/test_event_stores.py`)."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import pytest
from tests.simulation.database import Database
from tests.simulation.inbox_promises import InboxPromises
from tests.simulation.memory_inbox import InboxTables, MemoryInbox
from tests.simulation.memory_outbox import MemoryOutbox, OutboxRow, OutboxTables
from tests.simulation.outbox_promises import OutboxBench, OutboxPromises

from arnia.chassis.inbox_turns import InboxStore
from arnia.chassis.messages import Message
from arnia.chassis.relay import OutboxStore


class Calm:
    """A process to which nothing happens."""

    name = "calm"

    async def enter(self, place: str) -> None:
        await asyncio.sleep(0)

    def reach(self, point: str) -> None:
        """Go on."""


CALM: Final = Calm()


class MemoryBench:
    """An outbox in memory."""

    def __init__(self) -> None:
        self._tables = OutboxTables(Database("scales"))

    def relay(self) -> OutboxStore:
        return MemoryOutbox(self._tables, CALM)

    @asynccontextmanager
    async def emitting(self, messages: Sequence[Message]) -> AsyncIterator[None]:
        transaction = self._tables.database.begin(CALM)
        for message in messages:
            await self._tables.outbox.lock(transaction, message.id)
            self._tables.outbox.put(transaction, message.id, OutboxRow(message))
        yield
        await transaction.commit()


class TestMemoryOutbox(OutboxPromises):
    """The outbox of the simulation."""

    @pytest.fixture
    def bench(self) -> OutboxBench:
        """Give an outbox with nothing in it."""
        return MemoryBench()


class TestMemoryInbox(InboxPromises):
    """The inbox of the simulation."""

    @pytest.fixture
    def inbox(self) -> InboxStore:
        """Give an inbox with nothing in it."""
        return MemoryInbox(InboxTables(Database("kitchen"), time.monotonic), CALM)
