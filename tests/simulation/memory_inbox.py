"""The inbox in memory."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import TYPE_CHECKING, Final, cast
from uuid import UUID

from tests.simulation.database import Database, Host, Table, Transaction
from tests.simulation.effects import Effect
from typing_extensions import override

from arnia.chassis.brokers.broker import Received
from arnia.chassis.inbox_turns import TOGETHER, Aggregate, Due, Entry, Kept, Progress, State, Turn
from arnia.chassis.messages import Message

if TYPE_CHECKING:
    from arnia.chassis.session import Session

__all__ = ["Heard", "InboxRow", "InboxTables", "MemoryInbox", "MemorySession", "MemoryTurn"]

BEHIND: Final = "an earlier event is parked"


@dataclass(frozen=True, slots=True)
class InboxRow:
    """A row of `arnia_inbox`."""

    message: Message
    received_at: float
    state: State = State.DONE
    cause: str = ""
    attempts: int = 0
    due_at: float | None = None

    @property
    def aggregate(self) -> Aggregate:
        """What it is about."""
        return self.message.aggregate_type, self.message.aggregate_id


@dataclass(frozen=True, slots=True)
class Heard:
    """A row of `arnia_heard`."""

    last: int | None = None
    baseline: int = 0
    waiting: bool = False
    parked: bool = False


class InboxTables:
    """`arnia_inbox` and `arnia_heard` of one consumer, and what is no event."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self.database = database
        self.clock = clock
        self.inbox: Table[UUID, InboxRow] = Table()
        self.heard: Table[Aggregate, Heard] = Table()
        self.stowed: list[Received] = []

    def of(self, *states: State) -> list[InboxRow]:
        """Return what is committed in one of these states."""
        return [row for row in self.inbox.committed.values() if row.state in states]


class MemorySession:
    """What a handler gets of the transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction

    async def record(self, effect: Effect) -> None:
        """Have an effect."""
        await self.transaction.statement("effect")
        self.transaction.effects.append(effect)


class MemoryTurn:
    """One transaction on the inbox."""

    def __init__(self, tables: InboxTables, transaction: Transaction) -> None:
        self.transaction = transaction
        self.tables = tables

    @property
    def session(self) -> "Session":
        """The transaction, for the effect."""
        return cast("Session", MemorySession(self.transaction))

    async def remember(self, messages: Sequence[Message]) -> frozenset[UUID]:
        """Remember these as done; return the ids of those that were not known."""
        transaction, table = self.transaction, self.tables.inbox
        await transaction.statement("remember")
        new = []
        for message in sorted(messages, key=lambda each: each.id.int):
            if table.get(transaction, message.id) is not None:
                continue
            await table.lock(transaction, message.id)
            # Who waited for another's insert finds its row, unless that one was undone.
            if table.get(transaction, message.id) is None:
                table.put(transaction, message.id, InboxRow(message, self.tables.clock()))
                new.append(message.id)
        return frozenset(new)

    async def progress(self, aggregates: Iterable[Aggregate]) -> dict[Aggregate, Progress]:
        """Return how far these are, locked until the end of the transaction."""
        wanted = sorted(aggregates)
        if not wanted:
            return {}
        transaction, table = self.transaction, self.tables.heard
        await transaction.statement("progress")
        found = {}
        for aggregate in wanted:
            await table.lock(transaction, aggregate)
            row = table.get(transaction, aggregate) or Heard()
            table.put(transaction, aggregate, row)
            found[aggregate] = _progress(row)
        return found

    async def claim(self, aggregates: Iterable[Aggregate]) -> dict[Aggregate, Progress]:
        """Return how far these are, locked; without those that somebody else holds, or of which nothing is known."""
        wanted = sorted(aggregates)
        if not wanted:
            return {}
        transaction, table = self.transaction, self.tables.heard
        await transaction.statement("claim-aggregate")
        found = {}
        for aggregate in wanted:
            if table.get(transaction, aggregate) is None or not table.try_lock(transaction, aggregate):
                continue
            if (row := table.get(transaction, aggregate)) is not None:
                found[aggregate] = _progress(row)
        return found

    async def first(self, aggregates: Iterable[Aggregate], most: int = 1) -> dict[Aggregate, list[Kept]]:
        """Return the first messages of each of these that wait, in their order; nothing of those that have none."""
        wanted = sorted(aggregates)
        if not wanted:
            return {}
        await self.transaction.statement("first")
        found = {aggregate: self._waiting(aggregate)[:most] for aggregate in wanted}
        return {aggregate: [self._kept(row) for row in rows] for aggregate, rows in found.items() if rows}

    async def find(self, ids: Iterable[UUID]) -> dict[UUID, Kept]:
        """Return those of these messages that wait, locked; without those that somebody else has."""
        wanted = sorted(ids)
        if not wanted:
            return {}
        transaction, table = self.transaction, self.tables.inbox
        await transaction.statement("find")
        found = {}
        for message_id in wanted:
            row = table.get(transaction, message_id)
            if row is None or row.state is not State.WAITING or not table.try_lock(transaction, message_id):
                continue
            row = table.get(transaction, message_id)
            if row is not None and row.state is State.WAITING:
                found[message_id] = self._kept(row)
        return found

    async def keep(self, entries: Sequence[Entry]) -> None:
        """Remember this about messages that are remembered."""
        await self.transaction.statement("keep")
        now = self.tables.clock()
        for entry in entries:
            due = None if entry.due is None or entry.state is not State.WAITING else now + entry.due
            await self._change(
                entry.message.id, state=entry.state, cause=entry.cause, attempts=entry.attempts, due_at=due
            )

    async def advance(self, changed: Mapping[Aggregate, Progress]) -> None:
        """Remember how far these are now."""
        if not changed:
            return
        transaction, table = self.transaction, self.tables.heard
        await transaction.statement("advance")
        for aggregate in sorted(changed):
            told = changed[aggregate]
            await table.lock(transaction, aggregate)
            if table.get(transaction, aggregate) is not None:
                table.put(transaction, aggregate, Heard(told.last, told.baseline, told.waiting, told.parked))

    async def wake(self, aggregates: Sequence[Aggregate]) -> None:
        """Let the first that waits of each of these be looked at now."""
        await self.transaction.statement("wake")
        first = [rows[0].message.id for rows in map(self._waiting, aggregates) if rows]
        for message_id in first:
            await self._change(message_id, due_at=self.tables.clock())

    async def hush(self, aggregate: Aggregate) -> None:
        """Let nothing that waits of it be looked at, but the first."""
        await self.transaction.statement("hush")
        for row in self._waiting(aggregate)[1:]:
            await self._change(row.message.id, only=State.WAITING, due_at=None)

    async def park(self, aggregate: Aggregate) -> None:
        """Park everything that waits of it."""
        await self.transaction.statement("park")
        for row in self._waiting(aggregate):
            await self._change(row.message.id, only=State.WAITING, state=State.PARKED, cause=BEHIND, due_at=None)

    def _waiting(self, aggregate: Aggregate) -> list[InboxRow]:
        rows = self.tables.inbox.rows(self.transaction)
        its = [
            row for row in rows if row.state is State.WAITING and row.message.sequence and row.aggregate == aggregate
        ]
        return sorted(its, key=lambda row: row.message.sequence)

    async def _change(self, message_id: UUID, *, only: State | None = None, **changes: object) -> None:
        """Update one row, its condition judged anew once its lock is there."""
        transaction, table = self.transaction, self.tables.inbox
        if table.get(transaction, message_id) is None:
            return
        await table.lock(transaction, message_id)
        row = table.get(transaction, message_id)
        if row is not None and (only is None or row.state is only):
            table.put(transaction, message_id, replace(row, **changes))  # type: ignore[arg-type]  # its fields

    def _kept(self, row: InboxRow) -> Kept:
        now = self.tables.clock()
        due = 0.0 if row.due_at is None else row.due_at - now
        together = row.cause == TOGETHER
        return Kept(
            message=row.message,
            attempts=row.attempts,
            age=now - row.received_at,
            due=due,
            together=together,
            unfinished=together or (row.attempts > 0 and not row.cause),
        )


class MemoryInbox:
    """What one process of a consumer sees of it."""

    def __init__(self, tables: InboxTables, host: Host) -> None:
        self.tables = tables
        self.host = host

    def turn(self) -> AbstractAsyncContextManager[Turn]:
        """Begin a transaction; committed when its block ends well, undone otherwise."""
        return _Block(self)

    def open(self, transaction: Transaction) -> Turn:
        """Return what can be done in a transaction."""
        return MemoryTurn(self.tables, transaction)

    async def due(self, most: int) -> Sequence[Due]:
        """Return aggregates of which something is to be looked at now, and single messages that have no sequence."""
        transaction = self.tables.database.begin(self.host)
        try:
            await transaction.statement("due")
            now = self.tables.clock()
            rows = [row for row in self.tables.of(State.WAITING) if row.due_at is not None and row.due_at <= now]
            rows.sort(key=lambda row: (row.due_at or 0.0, row.message.id.int))
            found = [(row.aggregate, None if row.message.sequence else row.message.id) for row in rows]
            return list(dict.fromkeys(found))[:most]
        finally:
            transaction.end(keep=False)

    async def redrive(self, tried: Callable[[InboxRow], Message]) -> None:
        """Let everything that is parked be tried again, as the message that `tried` makes of it."""
        parked = self.tables.of(State.PARKED)
        for aggregate in sorted({row.aggregate for row in parked}):
            self.host.reach("redrive.before")
            transaction = self.tables.database.begin(self.host)
            turn = MemoryTurn(self.tables, transaction)
            try:
                known = await turn.progress([aggregate])
                for row in parked:
                    if row.aggregate == aggregate:
                        await self._try_again(transaction, row, tried(row))
                known[aggregate].parked, known[aggregate].waiting = False, True
                await turn.advance(known)
                await transaction.commit()
            finally:
                transaction.end(keep=False)
            self.host.reach("redrive.after")

    async def _try_again(self, transaction: Transaction, row: InboxRow, message: Message) -> None:
        table = self.tables.inbox
        if message.id != row.message.id:
            await table.lock(transaction, row.message.id)
            table.put(transaction, row.message.id, replace(row, state=State.DONE))
        await table.lock(transaction, message.id)
        again = replace(row, message=message, state=State.WAITING, attempts=0, due_at=self.tables.clock())
        table.put(transaction, message.id, again)

    async def stow(self, received: Sequence[Received]) -> None:
        """Keep what is no event."""
        self.tables.stowed.extend(received)


class _Block(AbstractAsyncContextManager[Turn]):
    def __init__(self, inbox: MemoryInbox) -> None:
        self._inbox = inbox

    @override
    async def __aenter__(self) -> Turn:
        self._transaction = self._inbox.tables.database.begin(self._inbox.host)
        return self._inbox.open(self._transaction)

    @override
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transaction.finish(well=kind is None)


def _progress(row: Heard) -> Progress:
    return Progress(last=row.last, baseline=row.baseline, waiting=row.waiting, parked=row.parked)
