"""What matters of PostgreSQL: transactions at READ COMMITTED, locks that block, crashes that undo.

Each statement sees what is committed when it begins, and what its own transaction wrote. Who writes a row that another
transaction has written waits for that one's end. Rows become visible in the order of the commits, whatever their ids.
"""

import asyncio
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from arnia.errors import Unavailable

if TYPE_CHECKING:
    from tests.simulation.effects import Effect

__all__ = ["Database", "Host", "Table", "Transaction"]

K = TypeVar("K")
V = TypeVar("V")
AWAY = "The database is not there."


class Host(Protocol):
    """Who runs statements: a simulated process, or a test."""

    @property
    def name(self) -> str: ...

    async def enter(self, place: str) -> None:
        """Wait as long as a statement takes."""

    def reach(self, point: str) -> None:
        """Come by a place."""


class Table(Generic[K, V]):
    """Rows by their key."""

    def __init__(self) -> None:
        self.committed: dict[K, V] = {}
        self._written: dict[Transaction, dict[K, V]] = {}
        self._locks: dict[K, Transaction] = {}

    def get(self, transaction: "Transaction", key: K) -> V | None:
        """Return a row as `transaction` sees it now."""
        written = self._written.get(transaction)
        if written is not None and key in written:
            return written[key]
        return self.committed.get(key)

    def rows(self, transaction: "Transaction") -> Iterable[V]:
        """Return all rows as `transaction` sees them now."""
        written = self._written.get(transaction)
        return {**self.committed, **written}.values() if written else list(self.committed.values())

    async def lock(self, transaction: "Transaction", key: K) -> None:
        """Wait until no other transaction has written this, and hold it to the end."""
        while (owner := self._locks.get(key)) is not None and owner is not transaction:
            await transaction.wait_for(owner)
        self._locks[key] = transaction
        transaction.touch(self)

    def try_lock(self, transaction: "Transaction", key: K) -> bool:
        """Hold this to the end, unless another transaction does."""
        owner = self._locks.setdefault(key, transaction)
        if owner is transaction:
            transaction.touch(self)
        return owner is transaction

    def put(self, transaction: "Transaction", key: K, row: V) -> None:
        """Write what is locked."""
        if self._locks.get(key) is not transaction:
            message = f"{key} is written without its lock"
            raise AssertionError(message)
        self._written.setdefault(transaction, {})[key] = row

    def end(self, transaction: "Transaction", *, keep: bool) -> None:
        """Let go of everything."""
        written = self._written.pop(transaction, None)
        if keep and written:
            self.committed.update(written)
        for key in [key for key, owner in self._locks.items() if owner is transaction]:
            del self._locks[key]


class Database:
    """A server with the tables of one service.

    Attributes:
        away: Whether it takes no statements.
        effects: What handlers did, in the order of the commits.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.away = False
        self.advisory: dict[object, Transaction] = {}
        self.open: list[Transaction] = []
        self.effects: list[Effect] = []

    def begin(self, host: Host) -> "Transaction":
        """Begin a transaction of `host`."""
        return Transaction(self, host)

    def crash(self) -> None:
        """Undo all that is open, and be away."""
        self.away = True
        for transaction in list(self.open):
            transaction.end(keep=False)

    def cut(self, host: Host) -> None:
        """Undo what `host` has open: its connections are gone."""
        for transaction in [each for each in self.open if each.host is host]:
            transaction.end(keep=False)


class Transaction:
    """One transaction.

    Attributes:
        effects: What it adds to the effects.
        over: Whether it is committed or undone.
    """

    def __init__(self, database: Database, host: Host) -> None:
        self.database = database
        self.host = host
        self.over = False
        self.effects: list[Effect] = []
        self._tables: list[Table[object, object]] = []
        self._waiting_for: Transaction | None = None
        self._blocked: asyncio.Future[None] | None = None
        self._waiters: list[asyncio.Future[None]] = []
        self._advisory: list[object] = []
        database.open.append(self)

    async def statement(self, name: str) -> None:
        """Begin a statement, or say that the database is not there."""
        await self.host.enter(name)
        if self.over or self.database.away:
            raise Unavailable(AWAY)

    def touch(self, table: Table[K, V]) -> None:
        """Remember what to tell at the end."""
        if table not in self._tables:
            self._tables.append(table)  # type: ignore[arg-type]  # only `end` is called

    def lock_advisory(self, key: object) -> bool:
        """Take an advisory lock to the end, unless another transaction has it."""
        owner = self.database.advisory.setdefault(key, self)
        if owner is self:
            self._advisory.append(key)
        return owner is self

    async def wait_for(self, owner: "Transaction") -> None:
        """Wait for the end of another transaction; of two that wait for each other, one is undone."""
        if any(each is self for each in _chain(owner)):
            self.end(keep=False)
            message = "deadlock detected"
            raise Unavailable(message)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        owner._waiters.append(future)
        self._waiting_for, self._blocked = owner, future
        try:
            await future
        finally:
            self._waiting_for = self._blocked = None
        if self.over:
            raise Unavailable(AWAY)

    async def commit(self) -> None:
        """Keep everything, at once."""
        if not self._tables and not self.effects and not self._advisory:
            if self.over:
                raise Unavailable(AWAY)
            self.end(keep=True)
            return
        await self.statement("commit")
        self.end(keep=True)
        # From here on it is kept, whether or not anybody learns of it.
        self.host.reach("answer.commit")

    def end(self, *, keep: bool) -> None:
        """Keep everything or nothing, and let go of the locks."""
        if self.over:
            return
        self.over = True
        self.database.open.remove(self)
        for table in self._tables:
            table.end(self, keep=keep)
        for key in self._advisory:
            del self.database.advisory[key]
        if keep:
            self.database.effects.extend(self.effects)
        for waiter in (*self._waiters, self._blocked):
            if waiter is not None and not waiter.done():
                waiter.set_result(None)

    async def finish(self, *, well: bool) -> None:
        """Commit, or undo."""
        try:
            if well:
                await self.commit()
        finally:
            self.end(keep=False)


def _chain(owner: Transaction) -> Iterator[Transaction]:
    following: Transaction | None = owner
    while following is not None:
        yield following
        following = following._waiting_for
