"""The inbox against a real server: an effect once, in order, and nothing ever in the way of anything else."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import pytest
from sqlalchemy import text

from arnia.chassis.database import Database
from arnia.chassis.hearers import Heard, Hearer, Reception
from arnia.chassis.inbox import Inbox, Patience
from arnia.chassis.inbox_store import SqlInbox
from arnia.chassis.messages import Message
from arnia.chassis.session import Session
from arnia.chassis.statements import Statement
from arnia.chassis.uuids import uuid7
from arnia.errors import Unavailable

SWIFT: Final = Patience(attempts=3, first=0.000_001, longest=0.000_001, lease=0.0, baseline=0.0, gap=0.0)
KEEP = Statement(text("INSERT INTO parcels (id, label, grams) VALUES (:id, :label, :grams)"))
KEPT = Statement(text("SELECT label, grams FROM parcels ORDER BY label, grams"))
EMPTY = Statement(text("TRUNCATE parcels, arnia_inbox, arnia_heard"))
STATES = Statement(text("SELECT sequence, state FROM arnia_inbox ORDER BY sequence"))


class ParcelWeighed(Heard):
    """What this consumer reads of it."""

    topic = "parcel.weighed"

    grams: int


class Given:
    """A reception without a service around it."""

    kept: object = None

    def __init__(self, message: Message, session: Session) -> None:
        self.message = message
        self.session = session

    def client(self, kind: type[object]) -> object:
        """Know nobody."""
        raise NotImplementedError(kind)


class Kitchen:
    """A consumer whose effect is one row an event, and which fails for as long as it is told to."""

    def __init__(self, database: Database, patience: Patience = SWIFT) -> None:
        self.faults: dict[int, list[Exception]] = {}
        self.database = database
        hearer = Hearer()
        hearer.on(ParcelWeighed)(self.weigh)
        self.inbox = Inbox(
            SqlInbox(database, "kitchen"),
            hearer.handlers,
            Given,  # type: ignore[arg-type]  # what it lacks is not used here
            patience=patience,
        )

    async def weigh(self, event: ParcelWeighed, reception: Reception) -> None:
        await reception.session.execute(KEEP, id=uuid7(), label=str(event.aggregate_id), grams=event.grams)
        if faults := self.faults.get(event.grams):
            raise faults.pop(0)

    async def effects(self) -> list[int]:
        async with self.database.session(read_only=True) as session:
            return [row["grams"] for row in await session.fetch_all(KEPT)]

    async def states(self) -> list[tuple[int, str]]:
        async with self.database.session(read_only=True) as session:
            return [(row["sequence"], row["state"]) for row in await session.fetch_all(STATES)]

    async def settle(self) -> None:
        for _ in range(20):
            await self.inbox.resume()


def weighed(aggregate: UUID, sequence: int, *, identity: UUID | None = None, body: bytes | None = None) -> Message:
    return Message(
        id=identity or uuid7(),
        type="parcel.weighed",
        version=1,
        aggregate_type="parcel",
        aggregate_id=aggregate,
        sequence=sequence,
        source="scales",
        time=datetime.now(UTC),
        payload=body or b'{"aggregate_id": "%s", "grams": %d, "new": 1}' % (str(aggregate).encode(), sequence),
    )


@pytest.fixture
async def kitchen(database: Database) -> Kitchen:
    """Give a consumer with nothing in its inbox."""
    async with database.session(read_only=False) as session:
        await session.execute(EMPTY)
    return Kitchen(database)


def story(aggregate: UUID, sequences: Sequence[int]) -> list[Message]:
    return [weighed(aggregate, sequence) for sequence in sequences]


@pytest.mark.anyio
async def test_an_event_has_one_effect_however_often_it_comes(kitchen: Kitchen) -> None:
    """The same batch twice, and each message twice in it, is one effect each, in order."""
    messages = story(uuid7(), [1, 2, 3])
    for _ in range(2):
        await kitchen.inbox.take([*messages, *messages])
    await kitchen.settle()
    assert await kitchen.effects() == [1, 2, 3]
    assert kitchen.inbox.counts.duplicates == 3


@pytest.mark.anyio
async def test_what_comes_early_waits_for_what_is_missing(kitchen: Kitchen) -> None:
    """Events that are ahead of their turn have their effect after those that they follow."""
    one, two, three, four = story(uuid7(), [1, 2, 3, 4])
    await kitchen.inbox.take([one, four, three])
    await kitchen.settle()
    assert await kitchen.effects() == [1]
    await kitchen.inbox.take([two])
    await kitchen.settle()
    assert await kitchen.effects() == [1, 2, 3, 4]
    assert {state for _, state in await kitchen.states()} == {"done"}


@pytest.mark.anyio
async def test_a_poisoned_event_parks_its_aggregate_and_nothing_else(kitchen: Kitchen) -> None:
    """What no repetition mends is kept with everything later of its aggregate; others go on."""
    poisoned, well = uuid7(), uuid7()
    kitchen.faults = {2: [ValueError("no")] * 99}
    first = story(poisoned, [1, 2, 3])
    await kitchen.inbox.take([*first, *story(well, [1, 3])])
    await kitchen.settle()
    await kitchen.inbox.take(story(poisoned, [4]))
    await kitchen.settle()
    assert await kitchen.effects() == [1, 1]
    assert sorted(await kitchen.states()) == [
        (1, "done"),
        (1, "done"),
        (2, "parked"),
        (3, "parked"),
        (3, "waiting"),
        (4, "parked"),
    ]


@pytest.mark.anyio
async def test_a_transient_fault_is_tried_again_in_order(kitchen: Kitchen) -> None:
    """After a fault that may pass the event is tried again, and nothing of its aggregate overtakes it."""
    kitchen.faults = {2: [Unavailable("not now")] * 2}
    await kitchen.inbox.take(story(uuid7(), [1, 2, 3]))
    await kitchen.settle()
    assert await kitchen.effects() == [1, 2, 3]
    assert kitchen.inbox.counts.parked == 0


@pytest.mark.anyio
async def test_too_many_attempts_park(kitchen: Kitchen) -> None:
    """A fault that does not pass parks the aggregate once its attempts are used up."""
    kitchen.faults = {1: [Unavailable("not now")] * 99}
    await kitchen.inbox.take(story(uuid7(), [1, 2]))
    await kitchen.settle()
    assert await kitchen.effects() == []
    assert await kitchen.states() == [(1, "parked"), (2, "parked")]


@pytest.mark.anyio
async def test_an_aggregate_that_is_met_in_the_middle_begins_there(kitchen: Kitchen) -> None:
    """The first event that is seen is the baseline, once nothing earlier came; and what is late then is not lost."""
    _, two, three, four = story(one_aggregate := uuid7(), [1, 2, 3, 4])
    await kitchen.inbox.take([three])
    await kitchen.settle()
    await kitchen.inbox.take([four])
    assert await kitchen.effects() == [3, 4]
    await kitchen.inbox.take([two])
    assert sorted(await kitchen.effects()) == [2, 3, 4]
    await kitchen.inbox.take([weighed(one_aggregate, 4)])
    assert kitchen.inbox.counts.dropped == 1


@pytest.mark.anyio
async def test_careful_batches_count_before_they_try(kitchen: Kitchen) -> None:
    """An attempt is committed before the function runs, so that one which kills the process is counted too."""
    message = weighed(uuid7(), 1)
    await kitchen.inbox.take([message], careful=True)

    class Killed(BaseException):
        """What no handler of faults sees."""

    kitchen.faults = {1: [Killed() for _ in range(9)]}  # type: ignore[misc]
    for _ in range(3):
        with pytest.raises(Killed):
            await kitchen.inbox.resume()
    await kitchen.settle()
    assert await kitchen.states() == [(1, "parked")]


@pytest.mark.anyio
async def test_what_kills_the_process_is_parked_without_those_beside_it(kitchen: Kitchen) -> None:
    """An attempt that nobody finished is repeated with nothing beside it, so that only what kills is counted out."""

    class Killed(BaseException):
        """What no handler of faults sees."""

    async def weigh(event: ParcelWeighed, reception: Reception) -> None:
        await reception.session.execute(KEEP, id=uuid7(), label=str(event.aggregate_id), grams=event.grams)
        await asyncio.sleep(0.05)
        if event.aggregate_id == deadly:
            raise Killed

    deadly = uuid7()
    hearer = Hearer()
    hearer.on(ParcelWeighed)(weigh)
    store = SqlInbox(kitchen.database, "kitchen")
    inbox = Inbox(store, hearer.handlers, Given, patience=SWIFT)  # type: ignore[arg-type]
    await inbox.take([weighed(deadly, 1), *(weighed(uuid7(), 1) for _ in range(3))], careful=True)
    for _ in range(SWIFT.attempts):
        with pytest.raises(Killed):
            await inbox.resume(together=4)
    await inbox.resume(together=4)
    assert await kitchen.effects() == [1, 1, 1]
    assert sorted(state for _, state in await kitchen.states()) == ["done", "done", "done", "parked"]
