"""One database transaction with the events that belong to it."""

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Final, NoReturn, Protocol, Self

from arnia.chassis.connections import Connection, Row
from arnia.chassis.events import Event
from arnia.chassis.faults import FAULTS, translate, unanswered
from arnia.chassis.outbox import SEQUENCE_AND_STORE, batch, event_headers, single, with_event
from arnia.chassis.statements import Statement
from arnia.chassis.traces import Trace
from arnia.errors import DeadlineExceeded, InternalError, Unavailable

__all__ = ["Connection", "Lender", "Row", "Session"]

COMMIT_PATIENCE: Final = 5.0
"""Seconds that a COMMIT may take beyond the deadline: once it is sent, only its answer tells what was kept."""


class Lender(Protocol):
    """Where a session borrows its connection."""

    async def acquire(self, deadline: float | None) -> Connection:
        """Return a connection, or raise `Unavailable` when there is none before `deadline`."""

    async def give_back(self, connection: Connection, *, unfinished: bool) -> None:
        """Take `connection` back; roll back first when it is `unfinished`."""

    def admit(self, event: Event) -> None:
        """Refuse an event that the service does not declare: raise `TypeError`."""

    def emitted(self) -> None:
        """Take notice that events were stored, and are committed."""


class Session:
    """One database transaction with its buffered events.

    No connection is taken before the first statement. A `read_only` session sends no BEGIN: each of its statements
    stands alone and sees what is committed when it runs, unless the session holds a snapshot; one that writes is
    refused. Only the boundary of a request calls `commit` and `rollback`; a program without such a boundary writes
    `async with database.session(...) as session`, which calls them.
    """

    def __init__(self, lender: Lender, *, read_only: bool, deadline: float | None, trace: Trace | None = None) -> None:
        self._lender = lender
        self._read_only = read_only
        self._deadline = deadline
        self.trace = trace
        """Where in a trace what is emitted from now on belongs."""
        self._events: list[tuple[Event, bytes, Mapping[str, str]]] = []
        self._connection: Connection | None = None
        self._begin_with = "BEGIN" if not read_only else ""
        self._begun = False
        self._running = False
        self._over = False
        self._kept_alone = False

    @property
    def in_doubt(self) -> bool:
        """Whether a change that needs no COMMIT is kept, or was interrupted: then only the server knows of it."""
        return self._kept_alone or (self._running and not self._begun and not self._read_only)

    async def fetch_one(self, statement: Statement, /, **parameters: object) -> Row | None:
        """Return the first row of `statement`, or None."""
        arguments = statement.arguments(parameters)
        connection = await self._ready(statement)
        try:
            self._running = True
            answer = await connection.fetchrow(statement.sql, *arguments, timeout=self._remaining())
            self._running = False
        except FAULTS as error:
            self._fail(error)
        return answer

    async def fetch_all(self, statement: Statement, /, **parameters: object) -> list[Row]:
        """Return all rows of `statement`; it should carry a LIMIT."""
        arguments = statement.arguments(parameters)
        connection = await self._ready(statement)
        try:
            self._running = True
            answer = await connection.fetch(statement.sql, *arguments, timeout=self._remaining())
            self._running = False
        except FAULTS as error:
            self._fail(error)
        return answer

    async def execute(self, statement: Statement, /, **parameters: object) -> int:
        """Run `statement` and return how many rows it touched."""
        arguments = statement.arguments(parameters)
        connection = await self._ready(statement)
        try:
            self._running = True
            tag = await connection.execute(statement.sql, *arguments, timeout=self._remaining())
            self._running = False
        except FAULTS as error:
            self._fail(error)
        count = tag.rpartition(" ")[2]
        return int(count) if count.isdecimal() else 0

    def emit(self, event: Event, /) -> None:
        """Keep `event` until the commit, which stores it together with the change; a rollback forgets it.

        Raises:
            ContentTooLarge: It is larger than what a broker takes.
            TypeError: The service does not declare that it emits such an event.
        """
        self._check_open()
        self.require_transaction()
        self._lender.admit(event)
        self._events.append((event, event.payload(), event_headers(self.trace, self._deadline)))

    def hold_snapshot(self) -> None:
        """Let every statement of this read-only session see the state that its first one sees.

        It costs a BEGIN and a COMMIT, so a session of one statement does better without.

        Raises:
            RuntimeError: The session may write (then lock what must not change), or has run a statement already.
        """
        self._check_open()
        if not self._read_only or (self._connection is not None and not self._begun):
            message = "only a read-only session holds a snapshot, and from its first statement on"
            raise RuntimeError(message)
        self._begin_with = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

    def require_transaction(self) -> None:
        """Refuse to go on in a read-only session: it has no transaction that could keep or hold anything.

        Raises:
            RuntimeError: The session is read-only.
        """
        if self._read_only:
            message = "this needs a transaction, and a read-only session has none"
            raise RuntimeError(message)

    async def execute_emitting(self, statement: Statement, event: Event, /, **parameters: object) -> Row | None:
        """Run `statement` and store `event` when it returned a row: one statement, one round trip.

        As the first statement of a session it needs no transaction around it and **is committed when this returns**:
        let it be the last thing that a command does. Later in a session it is part of the transaction.
        """
        self._lender.admit(event)
        arguments = statement.arguments(parameters)
        arguments += single(event, event_headers(self.trace, self._deadline))
        if self._begun or self._events:
            connection = await self._ready(statement)
        else:
            connection = await self._alone(statement)
        try:
            self._running = True
            answer = await connection.fetchrow(with_event(statement), *arguments, timeout=self._remaining())
            self._running = False
            self._kept_alone = answer is not None and not self._begun
            if self._kept_alone:
                self._lender.emitted()
        except FAULTS as error:
            self._fail(error, final=not self._begun)
        return answer

    async def commit(self) -> None:
        """Store the buffered events, end the transaction, and give the connection back whatever happens.

        Raises:
            Unavailable: Also when the server does not answer the COMMIT: then the outcome is not known, and its detail
                says so.
        """
        self._check_open()
        told = bool(self._events)
        try:
            if told:
                await self._store_events()
            if self._begun:
                await self._end()
            if told:
                self._lender.emitted()
        finally:
            await self._leave()

    async def rollback(self) -> None:
        """Undo everything, forget the events, and give the connection back; does nothing when the session is over."""
        if not self._over:
            await self._leave()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and not self._over:
            await self.commit()
        else:
            await self.rollback()

    async def _ready(self, statement: Statement) -> Connection:
        """Return the connection, inside a transaction unless each statement stands alone."""
        if self._begun and self._connection is not None:
            return self._connection
        connection = await self._alone(statement)
        if self._begin_with:
            await self._begin(connection)
        return connection

    async def _alone(self, statement: Statement) -> Connection:
        """Return the connection as it is."""
        self._check_open()
        if self._read_only and statement.writes:
            message = f"a read-only session cannot run {statement.sql}"
            raise RuntimeError(message)
        if self._connection is None:
            self._remaining()
            self._connection = await self._borrow()
        return self._connection

    async def _borrow(self) -> Connection:
        connection = await self._lender.acquire(self._deadline)
        if self._over or self._connection is not None:
            # Kept, it would never come back: another task uses this session, or used it up, while this one waited.
            await self._lender.give_back(connection, unfinished=False)
            message = "a session serves one task at a time: do not gather statements of one session"
            raise RuntimeError(message)
        return connection

    async def _begin(self, connection: Connection) -> None:
        # Noted before it is sent: were this cancelled half-way, the server may have begun, and must be told to stop.
        self._begun = True
        try:
            await connection.execute(self._begin_with, timeout=self._remaining())
        except FAULTS as error:
            answer = translate(error, lost=self._lost())
            await self._leave()
            raise (answer or error) from error

    async def _store_events(self) -> None:
        if self._connection is None:
            self._connection = await self._borrow()
        arguments = batch(self._events)
        try:
            self._running = True
            await self._connection.execute(SEQUENCE_AND_STORE, *arguments, timeout=self._remaining())
            self._running = False
        except FAULTS as error:
            self._fail(error, final=not self._begun)

    async def _end(self) -> None:
        if self._connection is None:
            return
        patience = (self._remaining() or 0.0) + COMMIT_PATIENCE
        try:
            tag = await self._connection.execute("COMMIT", timeout=patience)
        except FAULTS as error:
            self._fail(error, final=not self._read_only)
        # To the COMMIT of a transaction in which a statement failed, PostgreSQL answers ROLLBACK, and no error.
        self._begun = False
        if tag != "COMMIT":
            message = "a statement of this transaction failed and its error was swallowed: nothing was kept"
            raise InternalError(message)

    async def _leave(self) -> None:
        connection, self._connection = self._connection, None
        unfinished, self._begun = self._begun or self._running, False
        self._over = True
        self._events.clear()
        if connection is not None:
            await self._lender.give_back(connection, unfinished=unfinished)

    def _remaining(self) -> float | None:
        if self._deadline is None:
            return None
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise DeadlineExceeded
        return remaining

    def _check_open(self) -> None:
        if self._over:
            message = "this session is over: it was committed or rolled back"
            raise RuntimeError(message)

    def _lost(self) -> bool:
        return self._connection is None or self._connection.is_closed()

    def _fail(self, error: Exception, *, final: bool = False) -> NoReturn:
        """Raise what a caller should be told.

        Args:
            error: One of `FAULTS`.
            final: Whether what failed would have been kept at once: a COMMIT, or a change without a transaction.
        """
        if final and unanswered(error, lost=self._lost()):
            message = "the database did not answer: it is not known whether the change was kept"
            raise Unavailable(message) from error
        raise (translate(error, lost=self._lost()) or error) from error
