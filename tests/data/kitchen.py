"""A consumer against a real database, whose effects can be counted and whose faults can be planned."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text

from arnia.chassis.database import Database
from arnia.chassis.hearers import Heard, Hearer, Reception
from arnia.chassis.inbox import Inbox, Patience
from arnia.chassis.inbox_store import SqlInbox
from arnia.chassis.messages import Message
from arnia.chassis.session import Session
from arnia.chassis.statements import Statement
from arnia.chassis.uuids import uuid7

SWIFT: Final = Patience(attempts=3, first=0.000_001, longest=0.000_001, lease=0.0, baseline=0.0, gap=0.0)
KEEP = Statement(text("INSERT INTO parcels (id, label, grams) VALUES (:id, :label, :grams)"))
KEPT = Statement(text("SELECT label, grams FROM parcels ORDER BY label, grams"))
EMPTY = Statement(text("TRUNCATE parcels, arnia_inbox, arnia_heard"))
CAUSES = Statement(text("SELECT aggregate_id, cause FROM arnia_inbox WHERE state = 'parked'"))
WAITING = Statement(text("SELECT waiting FROM arnia_heard WHERE aggregate_id = :id"))
STATES = Statement(text("SELECT sequence, state FROM arnia_inbox ORDER BY sequence"))


class ParcelWeighed(Heard):
    """What this consumer reads of it."""

    topic = "parcel.weighed"

    grams: int


class Given:
    """A reception without a service around it."""

    kept: object = None
    trace: None = None

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

    async def causes(self) -> dict[UUID, str]:
        async with self.database.session(read_only=True) as session:
            return {row["aggregate_id"]: row["cause"] for row in await session.fetch_all(CAUSES)}

    async def waiting(self, aggregate: UUID) -> bool:
        async with self.database.session(read_only=True) as session:
            row = await session.fetch_one(WAITING, id=aggregate)
        assert row is not None
        return bool(row["waiting"])

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


def story(aggregate: UUID, sequences: Sequence[int]) -> list[Message]:
    return [weighed(aggregate, sequence) for sequence in sequences]
