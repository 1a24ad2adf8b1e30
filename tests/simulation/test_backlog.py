"""What waits, where a store fails for one aggregate only."""

import time
from collections.abc import Iterable
from uuid import UUID

import pytest
from tests.simulation.database import Database, Transaction
from tests.simulation.memory_inbox import InboxTables, MemoryInbox, MemoryTurn
from tests.simulation.outbox_promises import event
from tests.simulation.story import Given
from tests.simulation.test_memory_stores import CALM
from typing_extensions import override

from arnia.chassis.hearers import Heard, Hearer, Reception
from arnia.chassis.inbox import Inbox, Patience
from arnia.chassis.inbox_turns import Aggregate, Kept, State
from arnia.chassis.uuids import uuid7

SICK: Aggregate = ("parcel", UUID(int=1))


class Weighed(Heard):
    """What is heard."""

    topic = "parcel.weighed"


class Sick(MemoryTurn):
    """A turn that cannot read one aggregate."""

    @override
    async def first(self, aggregates: Iterable[Aggregate], most: int = 1) -> dict[Aggregate, list[Kept]]:
        wanted = list(aggregates)
        if SICK in wanted:
            raise LookupError
        return await super().first(wanted, most)


class SickInbox(MemoryInbox):
    """An inbox whose turns are sick."""

    @override
    def open(self, transaction: Transaction) -> MemoryTurn:
        return Sick(self.tables, transaction)


@pytest.mark.anyio
async def test_a_fault_of_the_chassis_is_in_the_way_of_its_aggregate_only() -> None:
    """What cannot be gone on with together is gone on with one by one, and the others do not wait for what is sick."""
    heard: list[UUID] = []

    async def hear(weighed: Weighed, _: Reception) -> None:
        heard.append(weighed.aggregate_id)

    hearer = Hearer()
    hearer.on(Weighed)(hear)
    tables = InboxTables(Database("kitchen"), time.monotonic)
    patience = Patience(baseline=0.0)
    inbox = Inbox(SickInbox(tables, CALM), hearer.handlers, Given, patience=patience)  # type: ignore[arg-type]  # what it lacks is not used
    things = [SICK[1], uuid7(), uuid7()]
    for thing in things:
        await inbox.take([event(thing, 1)], careful=True)
    for _ in range(2):
        await inbox.resume()
    assert sorted(heard) == sorted(things[1:])
    assert [row.aggregate for row in tables.of(State.WAITING)] == [SICK]
