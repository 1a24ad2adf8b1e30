"""The outbox in memory: the store that relays see, and what a service does that emits."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Final
from uuid import UUID

from tests.simulation.database import Database, Host, Table, Transaction
from typing_extensions import override

from arnia.chassis.messages import Message
from arnia.chassis.relay import Claim

__all__ = ["LOOK", "MemoryClaim", "MemoryOutbox", "OutboxRow", "OutboxTables"]

LOOK: Final = 4
Thing = tuple[str, UUID]


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A row of `arnia_outbox`."""

    message: Message
    sent: bool = False
    refused: bool = False

    @property
    def thing(self) -> Thing:
        """What it is about."""
        return self.message.aggregate_type, self.message.aggregate_id

    @property
    def unsent(self) -> bool:
        """Whether it is still to be sent."""
        return not self.sent and not self.refused


class OutboxTables:
    """`arnia_outbox` and `arnia_sequences`."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.outbox: Table[UUID, OutboxRow] = Table()
        self.sequences: Table[Thing, int] = Table()

    async def emit(self, transaction: Transaction, messages: Sequence[Message]) -> list[Message]:
        """Number and store events, as the one statement of the chassis does; return them as they are stored."""
        await transaction.statement("emit")
        things = sorted({(message.aggregate_type, message.aggregate_id) for message in messages})
        for thing in things:
            await self.sequences.lock(transaction, thing)
        stored = []
        for message in messages:
            thing = message.aggregate_type, message.aggregate_id
            number = (self.sequences.get(transaction, thing) or 0) + 1
            self.sequences.put(transaction, thing, number)
            numbered = replace(message, sequence=number)
            await self.outbox.lock(transaction, message.id)
            self.outbox.put(transaction, message.id, OutboxRow(numbered))
            stored.append(numbered)
        return stored

    @property
    def unsent(self) -> list[OutboxRow]:
        """What is committed and still to be sent."""
        return [row for row in self.outbox.committed.values() if row.unsent]


class MemoryClaim:
    """What one turn of a relay may send."""

    def __init__(self, tables: OutboxTables, transaction: Transaction, messages: Sequence[Message]) -> None:
        self.messages = messages
        self.transaction = transaction
        self._tables = tables

    async def mark(self, messages: Sequence[Message]) -> None:
        """Remember that these were sent."""
        await self._change(messages, "mark", sent=True)

    async def refuse(self, messages: Sequence[Message], reason: str) -> None:
        """Remember that these can never be sent."""
        await self._change(messages, "refuse", refused=True)

    async def _change(
        self, messages: Sequence[Message], name: str, *, sent: bool = False, refused: bool = False
    ) -> None:
        await self.transaction.statement(name)
        table = self._tables.outbox
        for message in messages:
            await table.lock(self.transaction, message.id)
            row = table.get(self.transaction, message.id)
            if row is not None:
                table.put(
                    self.transaction, message.id, replace(row, sent=row.sent or sent, refused=row.refused or refused)
                )


class MemoryOutbox:
    """What one relay sees of it."""

    def __init__(self, tables: OutboxTables, host: Host) -> None:
        self.tables = tables
        self.host = host

    def claim(self, most: int) -> AbstractAsyncContextManager[Claim]:
        """Return a claim on up to `most` messages; committed when its block ends well, undone otherwise."""
        return _Block(self, most)

    def open(self, transaction: Transaction, messages: Sequence[Message]) -> MemoryClaim:
        """Return what a turn sees of its transaction."""
        return MemoryClaim(self.tables, transaction, messages)

    async def choose(self, transaction: Transaction, most: int) -> Sequence[Message]:
        """Return what this turn sends: lock in one statement, read in the next."""
        await transaction.statement("claim")
        mine = self.lock(transaction, self.candidates(transaction, most))
        if not mine:
            return ()
        await transaction.statement("read")
        rows = [row for row in self.tables.outbox.rows(transaction) if row.unsent and row.thing in mine]
        return in_order(rows)[:most]

    def candidates(self, transaction: Transaction, most: int) -> list[OutboxRow]:
        """Return what is oldest of all that waits, without what is stuck behind something that was refused."""
        rows = list(self.tables.outbox.rows(transaction))
        stuck = {row.thing for row in rows if row.refused and not row.sent}
        waiting = sorted((row for row in rows if row.unsent), key=lambda row: row.message.id.int)
        return [row for row in waiting if row.thing not in stuck][: most * LOOK]

    def lock(self, transaction: Transaction, rows: Iterable[OutboxRow]) -> set[Thing]:
        """Lock what these are about, as far as nobody else has."""
        things = dict.fromkeys(row.thing for row in rows)
        return {thing for thing in things if transaction.lock_advisory(("relay", thing))}


class _Block(AbstractAsyncContextManager[Claim]):
    def __init__(self, outbox: MemoryOutbox, most: int) -> None:
        self._outbox = outbox
        self._most = most

    @override
    async def __aenter__(self) -> Claim:
        self._transaction = self._outbox.tables.database.begin(self._outbox.host)
        try:
            messages = await self._outbox.choose(self._transaction, self._most)
        except BaseException:
            self._transaction.end(keep=False)
            raise
        return self._outbox.open(self._transaction, messages)

    @override
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transaction.finish(well=kind is None)


def in_order(rows: Iterable[OutboxRow]) -> list[Message]:
    """Return the messages of `rows`, those of each aggregate in the order of their sequence."""
    return [row.message for row in sorted(rows, key=lambda row: (row.thing[1].int, row.message.sequence))]
