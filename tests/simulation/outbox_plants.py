"""Relays and outboxes as they are usually built, and why they should not be."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from tests.simulation.database import Transaction
from tests.simulation.memory_broker import MemoryBroker, Wire
from tests.simulation.memory_outbox import MemoryClaim, MemoryOutbox, OutboxRow, OutboxTables, in_order
from tests.simulation.processes import Process
from tests.simulation.story import Wiring
from typing_extensions import override

from arnia.chassis.messages import Message
from arnia.errors import Unavailable

__all__ = [
    "CursorRelay",
    "MarkBeforePublish",
    "NewIdOnRetry",
    "OneStatement",
    "PublishWithoutConfirm",
    "SkipLocked",
    "SwallowedDoubt",
]


class CursorRelay(Wiring):
    """Reads what is behind the last id that it sent: what commits late with an earlier id is never read."""

    def __init__(self) -> None:
        self.last = 0

    @override
    def outbox(self, tables: OutboxTables, process: Process) -> MemoryOutbox:
        wiring = self

        class Outbox(MemoryOutbox):
            @override
            async def choose(self, transaction: Transaction, most: int) -> Sequence[Message]:
                await transaction.statement("lock")
                if not transaction.lock_advisory("relay"):
                    return ()
                await transaction.statement("read")
                behind = [row.message for row in tables.outbox.rows(transaction) if row.message.id.int > wiring.last]
                return sorted(behind, key=lambda message: message.id.int)[:most]

            @override
            def open(self, transaction: Transaction, messages: Sequence[Message]) -> MemoryClaim:
                return _Cursor(tables, transaction, messages, wiring)

        return Outbox(tables, process)


class _Cursor(MemoryClaim):
    def __init__(
        self, tables: OutboxTables, transaction: Transaction, messages: Sequence[Message], wiring: CursorRelay
    ) -> None:
        super().__init__(tables, transaction, messages)
        self._wiring = wiring

    @override
    async def mark(self, messages: Sequence[Message]) -> None:
        await super().mark(messages)
        self._wiring.last = max(message.id.int for message in messages)


class SkipLocked(Wiring):
    """Lets each relay take rows that no other has locked: two of them send the same aggregate at the same time."""

    @override
    def outbox(self, tables: OutboxTables, process: Process) -> MemoryOutbox:
        class Outbox(MemoryOutbox):
            @override
            async def choose(self, transaction: Transaction, most: int) -> Sequence[Message]:
                await transaction.statement("claim")
                mine: list[OutboxRow] = []
                for row in self.candidates(transaction, most):
                    if len(mine) < most and tables.outbox.try_lock(transaction, row.message.id):
                        again = tables.outbox.get(transaction, row.message.id)
                        if again is not None and again.unsent:
                            mine.append(again)
                return in_order(mine)

        return Outbox(tables, process)


class OneStatement(Wiring):
    """Locks in the statement that reads: what it read is older than its locks."""

    @override
    def outbox(self, tables: OutboxTables, process: Process) -> MemoryOutbox:
        class Outbox(MemoryOutbox):
            @override
            async def choose(self, transaction: Transaction, most: int) -> Sequence[Message]:
                await transaction.statement("claim")
                seen = self.candidates(transaction, most)
                await transaction.statement("lock")
                mine = self.lock(transaction, seen)
                return in_order(row for row in seen if row.thing in mine)[:most]

        return Outbox(tables, process)


class MarkBeforePublish(Wiring):
    """Marks what it is about to send, so that nobody else sends it; and then dies."""

    @override
    def outbox(self, tables: OutboxTables, process: Process) -> MemoryOutbox:
        class Outbox(MemoryOutbox):
            @override
            async def choose(self, transaction: Transaction, most: int) -> Sequence[Message]:
                messages = await super().choose(transaction, most)
                first = tables.database.begin(process)
                try:
                    await MemoryClaim(tables, first, messages).mark(messages)
                    await first.commit()
                finally:
                    first.end(keep=False)
                return messages

        return Outbox(tables, process)


class NewIdOnRetry(Wiring):
    """Gives a message another id when it is sent again: nobody can tell that it is the same."""

    def __init__(self) -> None:
        self.tried: set[UUID] = set()

    @override
    def outbox(self, tables: OutboxTables, process: Process) -> MemoryOutbox:
        wiring = self

        class Outbox(MemoryOutbox):
            @override
            def open(self, transaction: Transaction, messages: Sequence[Message]) -> MemoryClaim:
                return _Renaming(tables, transaction, messages, wiring)

        return Outbox(tables, process)


class _Renaming(MemoryClaim):
    def __init__(
        self, tables: OutboxTables, transaction: Transaction, messages: Sequence[Message], wiring: NewIdOnRetry
    ) -> None:
        again = [message.id in wiring.tried for message in messages]
        wiring.tried.update(message.id for message in messages)
        sent = [
            replace(message, id=UUID(int=message.id.int ^ (1 << 127))) if tried else message
            for message, tried in zip(messages, again, strict=True)
        ]
        super().__init__(tables, transaction, sent)
        self._own = {new.id: old for new, old in zip(sent, messages, strict=True)}

    @override
    async def mark(self, messages: Sequence[Message]) -> None:
        await super().mark([self._own[message.id] for message in messages])


class PublishWithoutConfirm(Wiring):
    """Takes a message for sent once it is handed to the client, which sends it when it gets to it."""

    @override
    def broker(self, wire: Wire, process: Process) -> MemoryBroker:
        class Broker(MemoryBroker):
            @override
            async def publish(self, messages: Sequence[Message]) -> None:
                if not process.name.startswith("relay"):
                    await super().publish(messages)
                    return
                process.spawn(self._send(messages))

            async def _send(self, messages: Sequence[Message]) -> None:
                try:
                    await super().publish(messages)
                except Unavailable:
                    wire.world.note(process.name, "nobody reads this fault")

        return Broker(wire, process)


class SwallowedDoubt(Wiring):
    """Takes a publication that broke off for one that arrived."""

    @override
    def broker(self, wire: Wire, process: Process) -> MemoryBroker:
        class Broker(MemoryBroker):
            @override
            async def publish(self, messages: Sequence[Message]) -> None:
                try:
                    await super().publish(messages)
                except Unavailable:
                    wire.world.note(process.name, "the fault is swallowed")

        return Broker(wire, process)
