"""The one pool of connections that a service process has."""

import asyncio
import time
from collections.abc import Callable
from typing import Final, Protocol, Self

import asyncpg
import orjson
from pydantic import SecretStr

from arnia.chassis.connections import Connection, Connections
from arnia.chassis.events import Event
from arnia.chassis.faults import FAULTS, translate
from arnia.chassis.session import Session
from arnia.chassis.traces import Trace
from arnia.chassis.waiting import Waiting
from arnia.errors import Unavailable

__all__ = ["Database", "DatabaseOptions"]

START_PATIENCE: Final = 30.0
"""Seconds that a starting service waits for a database that is not up yet."""
LOAN_PATIENCE: Final = 10.0
"""Seconds that a request without a deadline waits for a connection."""
CONNECT_PATIENCE: Final = 5.0
CLOSE_PATIENCE: Final = 5.0
STATEMENTS_KEPT: Final = 1000
"""Prepared statements that each connection keeps."""
JSONB_VERSION: Final = b"\x01"


class DatabaseOptions(Protocol):
    """What of a service's settings a database needs."""

    @property
    def database_url(self) -> SecretStr:
        """`postgresql://role:password@host:port/name`."""

    @property
    def database_pool_size(self) -> int:
        """The most connections that this process ever has."""

    @property
    def database_statement_timeout_ms(self) -> int:
        """The longest that any statement may run, whatever the deadline of its caller."""


class Database:
    """A bounded pool of connections to one PostgreSQL database.

    Use `await Database.open(settings)`, then `session()` for each request, then `close()`. Connections carry no state
    from one use to the next, so that nothing has to be reset in between: only transactions and locks that end with them
    are used.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self.hint = asyncio.Event()
        """Set whenever events were committed."""
        self.emits: frozenset[type[Event]] | None = None
        """What the service declares that it emits; None where nobody said."""

    @classmethod
    async def open(cls, options: DatabaseOptions, *, service: str = "arnia", patience: float = START_PATIENCE) -> Self:
        """Return a database that answers; waits up to `patience` seconds for one that is still starting.

        Raises:
            OutsideError: When it does not answer in time, or refuses the role, its password or the name.
        """
        settings = {
            "application_name": service,
            "statement_timeout": str(options.database_statement_timeout_ms),
            "timezone": "UTC",
            "jit": "off",
        }

        async def connect() -> Connection:
            connection = await asyncpg.connect(
                options.database_url.get_secret_value(),
                timeout=CONNECT_PATIENCE,
                statement_cache_size=STATEMENTS_KEPT,
                max_cached_statement_lifetime=0,
                server_settings=settings,
            )
            try:
                await _teach_json(connection)
            except BaseException:
                # Nobody knows of it yet: whoever stops waiting here would leave it open for ever.
                connection.terminate()
                raise
            return connection

        database = cls(Connections(connect, options.database_pool_size))
        await database._wait(Waiting(options.database_url.get_secret_value(), patience))
        return database

    @property
    def in_use(self) -> int:
        """How many connections are lent now."""
        return self._connections.in_use

    @property
    def waiting(self) -> int:
        """How many sessions wait for a connection now."""
        return self._connections.waiting

    def session(self, *, read_only: bool, deadline: float | None = None, trace: Trace | None = None) -> Session:
        """Return a session; it takes a connection when its first statement runs.

        Args:
            read_only: Whether it only reads: then no transaction is opened.
            deadline: When its caller stops waiting, as `time.monotonic()` counts.
            trace: The request whose place in a trace its events carry, as W3C Trace Context has it.
        """
        return Session(self, read_only=read_only, deadline=deadline, trace=trace)

    async def ping(self, *, timeout: float = 1.0) -> None:  # noqa: ASYNC109 - passed on as the deadline of one statement
        """Return when the database answers.

        Raises:
            Unavailable: When it does not within `timeout` seconds.
        """
        connection = await self.acquire(time.monotonic() + timeout)
        unfinished = True
        try:
            await connection.execute("SELECT 1", timeout=timeout)
            unfinished = False
        except FAULTS as error:
            message = "the database does not answer"
            raise Unavailable(message) from error
        finally:
            await self.give_back(connection, unfinished=unfinished)

    async def close(self) -> None:
        """Wait a little for sessions in flight, then close every connection."""
        await self._connections.close(CLOSE_PATIENCE)

    async def acquire(self, deadline: float | None) -> Connection:
        """Lend a connection to a session.

        Raises:
            Unavailable: When all are lent until `deadline`, or a new one cannot be opened.
        """
        patience = LOAN_PATIENCE if deadline is None else deadline - time.monotonic()
        try:
            return await self._connections.borrow(patience)
        except FAULTS as error:
            raise (translate(error, lost=True) or error) from error

    async def give_back(self, connection: Connection, *, unfinished: bool) -> None:
        """Take a connection back; finishes even when the task that calls this is cancelled."""
        await self._connections.take_back(connection, unfinished=unfinished)

    def admit(self, event: Event) -> None:
        """Refuse an event that the service does not declare: nobody would carry it.

        Raises:
            TypeError: The service does not declare it.
        """
        if self.emits is not None and type(event) not in self.emits:
            message = f"{type(event).__name__} is not declared: give it to create_app(events=...)"
            raise TypeError(message)

    def emitted(self) -> None:
        """Take notice that events were stored, and are committed."""
        self.hint.set()

    async def _wait(self, waiting: Waiting) -> None:
        while True:
            try:
                await self.ping()
            except Unavailable as error:
                await waiting.go_on(error.__cause__ or error)
            else:
                waiting.end()
                return


async def _teach_json(connection: Connection) -> None:
    # Bytes are JSON already: an event's payload and a stored answer are serialised once, by Pydantic.
    for name in ("jsonb", "json"):
        prefix = JSONB_VERSION if name == "jsonb" else b""
        await connection.set_type_codec(
            name,
            schema="pg_catalog",
            format="binary",
            encoder=_encoder(prefix),
            decoder=_decoder(len(prefix)),
        )


def _encoder(prefix: bytes) -> Callable[[object], bytes]:
    def encode(value: object) -> bytes:
        return prefix + (value if isinstance(value, bytes) else orjson.dumps(value, default=str))

    return encode


def _decoder(skipped: int) -> Callable[[bytes], object]:
    def decode(octets: bytes) -> object:
        return orjson.loads(memoryview(octets)[skipped:])

    return decode
