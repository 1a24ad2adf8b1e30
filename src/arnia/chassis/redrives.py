"""Trying again what was parked or refused, or giving it up: by whom, and why, is kept.

Each aggregate is a transaction of its own: who is interrupted begins anew, and goes on with what is still parked. Ids
stay what they were, so that nothing which already had its effect has another.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, TypeAlias
from uuid import UUID

from sqlalchemy import text

from arnia.chassis.crash_points import Reach, nowhere
from arnia.chassis.database import Database
from arnia.chassis.event_ledger import DIGEST, Document, Inquiry, identity
from arnia.chassis.session import Row, Session
from arnia.chassis.statements import Statement
from arnia.chassis.uuids import uuid7
from arnia.errors import UsageError

__all__ = ["Redrive"]

Step: TypeAlias = Callable[[Session], Awaitable[Document | None]]

NOBODY: Final = UUID(int=0)

PARKED: Final = Statement(
    text(
        """
        SELECT aggregate_type, aggregate_id, CASE WHEN sequence = 0 THEN message_id END AS single,
            min(received_at) AS since
        FROM arnia_inbox
        WHERE consumer = :consumer AND (state = 'parked' OR (state = 'waiting' AND CAST(:waiting AS boolean)))
        AND (CAST(:aggregate AS uuid) IS NULL OR aggregate_id = CAST(:aggregate AS uuid))
        AND (CAST(:type AS text) = '' OR type = CAST(:type AS text))
        AND (NOT CAST(:named AS boolean) OR (sequence > 0 AND (aggregate_type, aggregate_id) IN (
            SELECT aggregate_type, aggregate_id FROM arnia_inbox
            WHERE consumer = :consumer AND message_id = CAST(:id AS uuid) AND sequence > 0
        )) OR message_id = CAST(:id AS uuid))
        GROUP BY aggregate_type, aggregate_id, single ORDER BY since LIMIT :limit
        """
    )
)
REFUSED: Final = Statement(
    text(
        """
        SELECT id, aggregate_type, aggregate_id, coalesce(cause, '') AS cause FROM arnia_outbox
        WHERE refused_at IS NOT NULL AND sent_at IS NULL
        AND (CAST(:aggregate AS uuid) IS NULL OR aggregate_id = CAST(:aggregate AS uuid))
        AND (CAST(:type AS text) = '' OR type = CAST(:type AS text))
        AND (NOT CAST(:named AS boolean) OR id = CAST(:id AS uuid))
        ORDER BY id LIMIT :limit
        """
    )
)
RELEASE: Final = Statement(
    text("UPDATE arnia_outbox SET refused_at = NULL, cause = NULL WHERE id = :id AND refused_at IS NOT NULL")
)
LOCK: Final = Statement(
    text(
        """
        SELECT last, parked FROM arnia_heard
        WHERE consumer = :consumer AND aggregate_type = :type AND aggregate_id = :id FOR UPDATE
        """
    )
)
FIRST: Final = Statement(
    text(
        """
        SELECT message_id, sequence, state, cause FROM arnia_inbox
        WHERE consumer = :consumer AND aggregate_type = :type AND aggregate_id = :id AND sequence > 0
        AND state IN ('parked', 'waiting') ORDER BY sequence LIMIT 1
        """
    )
)
GIVE_UP: Final = Statement(
    text(
        """
        UPDATE arnia_inbox SET state = 'dropped', due_at = NULL, done_at = clock_timestamp()
        WHERE consumer = :consumer AND message_id = :id
        """
    )
)
GO_ON: Final = Statement(
    text(
        """
        UPDATE arnia_inbox SET state = 'waiting', attempts = 0, due_at = clock_timestamp()
        WHERE consumer = :consumer AND aggregate_type = :type AND aggregate_id = :id AND sequence > 0
        AND state IN ('parked', 'waiting')
        """
    )
)
PROGRESS: Final = Statement(
    text(
        """
        UPDATE arnia_heard SET parked = false, last = greatest(last, CAST(:last AS bigint)), waiting = EXISTS (
            SELECT FROM arnia_inbox AS kept WHERE kept.consumer = :consumer AND kept.aggregate_type = :type
            AND kept.aggregate_id = :id AND kept.sequence > 0 AND kept.state = 'waiting'
        )
        WHERE consumer = :consumer AND aggregate_type = :type AND aggregate_id = :id
        """
    )
)
SINGLE: Final = Statement(
    text(
        """
        SELECT message_id, cause FROM arnia_inbox
        WHERE consumer = :consumer AND message_id = :id AND state = 'parked' FOR UPDATE
        """
    )
)
SINGLE_GOES_ON: Final = Statement(
    text(
        """
        UPDATE arnia_inbox SET state = 'waiting', attempts = 0, due_at = clock_timestamp()
        WHERE consumer = :consumer AND message_id = :id
        """
    )
)
THROW_AWAY: Final = Statement(
    text(
        """
        DELETE FROM arnia_undecodable WHERE consumer = :consumer AND encode(digest, 'hex') = :id
        RETURNING encode(digest, 'hex') AS digest, channel, fault
        """
    )
)
NOTE: Final = Statement(
    text(
        """
        INSERT INTO arnia_redrives (id, consumer, aggregate_type, aggregate_id, message_id, action, by, reason, cause)
        VALUES (:id, :consumer, :type, :aggregate, :message, :action, :by, :reason, :cause)
        """
    )
)


class Redrive:
    """One redrive of what one consumer has parked, and of what it could not send."""

    def __init__(self, database: Database, consumer: str, inquiry: Inquiry, *, reach: Reach = nowhere) -> None:
        """Redrive what `inquiry` names.

        Raises:
            UsageError: It names nothing, or gives no reason.
        """
        if not inquiry.reason.strip():
            raise UsageError("A redrive needs a reason: it is kept with who did it.")
        if not (inquiry.id or inquiry.aggregate or inquiry.every):
            raise UsageError("Say what is redriven: one event, one aggregate, or all of them.")
        if inquiry.skip and inquiry.every:
            raise UsageError("Giving up is said of one event or one aggregate, not of all.")
        self._database = database
        self._consumer = consumer
        self._inquiry = inquiry
        self._reach = reach

    async def run(self) -> list[Document]:
        """Redrive all of it, no faster than asked; return what was done.

        Raises:
            Unavailable: The database is not there; what was done before stays done, and the same again goes on.
        """
        done: list[Document] = []
        for step in await self._steps():
            if done:
                await asyncio.sleep(1 / self._inquiry.rate)
            self._reach("redrive.before")
            async with self._database.session(read_only=False) as session:
                change = await step(session)
            self._reach("redrive.after")
            if change is not None:
                done.append(change)
        return done

    async def _steps(self) -> list[Step]:
        """Return what is to be done, each in a transaction of its own, which finds out whether it still is."""
        inquiry = self._inquiry
        wanted: dict[str, object] = {"aggregate": inquiry.aggregate, "type": inquiry.type, "limit": inquiry.limit}
        wanted |= {"named": bool(inquiry.id), "id": identity(inquiry.id)}
        async with self._database.session(read_only=True) as session:
            parked = await session.fetch_all(PARKED, consumer=self._consumer, waiting=inquiry.skip, **wanted)
            refused = [] if inquiry.skip else await session.fetch_all(REFUSED, **wanted)
        steps: list[Step] = [partial(self._release, row) for row in refused]
        for row in parked:
            if row["single"] is None:
                steps.append(partial(self._go_on, row["aggregate_type"], row["aggregate_id"]))
            else:
                steps.append(partial(self._go_on_single, row))
        if inquiry.skip and not steps and DIGEST.fullmatch(inquiry.id):
            steps.append(self._throw_away)
        return steps

    async def _release(self, row: Row, session: Session) -> Document | None:
        if not await session.execute(RELEASE, id=row["id"]):
            return None
        return await self._note(session, "release", row["aggregate_type"], row["aggregate_id"], row["id"], row["cause"])

    async def _go_on(self, kind: str, aggregate: UUID, session: Session) -> Document | None:
        place = {"consumer": self._consumer, "type": kind, "id": aggregate}
        known = await session.fetch_one(LOCK, **place)
        first = await session.fetch_one(FIRST, **place)
        if known is None or first is None or not (known["parked"] or self._inquiry.skip):
            return None
        last, action = known["last"], "redrive"
        if self._inquiry.skip:
            missing = first["sequence"] > (last or 0) + 1
            action, last = ("skip missing", first["sequence"] - 1) if missing else ("skip", first["sequence"])
            if not missing:
                await session.execute(GIVE_UP, consumer=self._consumer, id=first["message_id"])
        await session.execute(GO_ON, **place)
        await session.execute(PROGRESS, **place, last=last)
        return await self._note(session, action, kind, aggregate, first["message_id"], first["cause"])

    async def _go_on_single(self, row: Row, session: Session) -> Document | None:
        found = await session.fetch_one(SINGLE, consumer=self._consumer, id=row["single"])
        if found is None:
            return None
        skip = self._inquiry.skip
        await session.execute(GIVE_UP if skip else SINGLE_GOES_ON, consumer=self._consumer, id=row["single"])
        action = "skip" if skip else "redrive"
        place = row["aggregate_type"], row["aggregate_id"]
        return await self._note(session, action, *place, row["single"], found["cause"])

    async def _throw_away(self, session: Session) -> Document | None:
        row = await session.fetch_one(THROW_AWAY, consumer=self._consumer, id=self._inquiry.id)
        if row is None:
            return None
        return await self._note(session, "throw away", row["channel"], NOBODY, UUID(row["digest"][:32]), row["fault"])

    async def _note(
        self, session: Session, action: str, kind: str, aggregate: UUID, message: UUID, cause: str
    ) -> Document:
        about = {"action": action, "by": self._inquiry.by, "reason": self._inquiry.reason, "cause": cause}
        place = {"consumer": self._consumer, "type": kind, "aggregate": aggregate, "message": message}
        await session.execute(NOTE, id=uuid7(), **place, **about)
        return {"id": str(message), "aggregate_type": kind, "aggregate_id": str(aggregate), **about}
