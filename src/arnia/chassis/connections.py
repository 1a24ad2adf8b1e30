"""A pool of connections with a hard bound, first come first served.

asyncpg's own pool runs a task for each release and wraps each connection in a proxy, together more than half of what a
short statement costs; and the proxy of a connection that died cannot be asked anything any more.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, TypeAlias

import asyncpg

from arnia.chassis.faults import FAULTS
from arnia.errors import Unavailable

__all__ = ["Connection", "Connections", "Row"]

Row: TypeAlias = asyncpg.Record
if TYPE_CHECKING:  # generic in its stubs only
    Connection: TypeAlias = asyncpg.Connection[Row]
else:
    Connection = asyncpg.Connection
Waiter: TypeAlias = asyncio.Future[Connection | None]

CLEANING_PATIENCE: Final = 5.0
"""Seconds that a connection has to come clean after an interrupted statement, before it is cut instead."""
RETURN_PATIENCE: Final = 0.2
"""Seconds for which who gives a connection back waits for that; the edge leaves a service 0.5 s beyond the deadline."""


class Connections:
    """At most `size` connections, opened when they are needed and lent in the order of asking.

    A connection that is closed, by either side, is forgotten when it is met, and its place is free for a new one.
    """

    def __init__(self, connect: Callable[[], Awaitable[Connection]], size: int) -> None:
        self._connect = connect
        self._size = size
        self._places = 0
        self._idle: list[Connection] = []
        self._lent: set[Connection] = set()
        self._waiters: deque[Waiter] = deque()
        self._cleanings: set[asyncio.Task[None]] = set()
        self._closing = False

    @property
    def in_use(self) -> int:
        """How many are lent now, or being opened or cleaned."""
        return self._places - len(self._idle)

    @property
    def waiting(self) -> int:
        """How many ask for a connection and have none."""
        return sum(not waiter.done() for waiter in self._waiters)

    async def borrow(self, patience: float) -> Connection:
        """Return a connection that nobody else has; give it to `take_back` whatever happens.

        Raises:
            Unavailable: None is free, and no new one opens, within `patience` seconds.
            OSError, asyncpg.PostgresError: A new one cannot be opened.
        """
        if self._closing:
            message = "the service is stopping"
            raise Unavailable(message)
        connection = self._waiting_for_use()
        if connection is None:
            try:
                async with asyncio.timeout(patience):
                    connection = await self._open_or_wait()
            except TimeoutError as error:
                message = "no connection to the database in time: all are in use, or a new one does not open"
                raise Unavailable(message) from error
        self._lent.add(connection)
        return connection

    async def take_back(self, connection: Connection, *, unfinished: bool) -> None:
        """Take `connection` back, rolled back first when `unfinished`.

        A caller who is cancelled does not stop this; where the server says nothing it goes on without the caller, who
        has an answer to give.
        """
        if not unfinished or connection.is_closed():
            self._pass_on(connection)
            return
        cleaning = asyncio.create_task(self._clean(connection))
        self._cleanings.add(cleaning)
        cleaning.add_done_callback(self._cleanings.discard)
        await asyncio.wait([cleaning], timeout=RETURN_PATIENCE)

    async def close(self, patience: float) -> None:
        """Lend no more, wait up to `patience` seconds for what is lent, and close everything."""
        self._closing = True
        for waiter in self._waiters:
            waiter.cancel()
        try:
            async with asyncio.timeout(patience):
                while self._lent:  # noqa: ASYNC110 - the last seconds of a process; not worth an event
                    await asyncio.sleep(0.01)
                for connection in self._idle:
                    await connection.close()
        except TimeoutError:
            for connection in (*self._lent, *self._idle):
                connection.terminate()

    def _waiting_for_use(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
            self._places -= 1
        return None

    async def _open_or_wait(self) -> Connection:
        while True:
            if self._places < self._size:
                return await self._open()
            connection = await self._wait()
            if connection is not None:
                return connection

    async def _open(self) -> Connection:
        self._places += 1
        try:
            return await self._connect()
        except BaseException:
            self._vacate()
            raise

    async def _wait(self) -> Connection | None:
        """Wait for a connection, or for None: a place has become free."""
        waiter: Waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            # It may have been given something in the same instant as it gave up.
            if waiter.done() and not waiter.cancelled():
                self._undo(waiter.result())
            raise

    def _undo(self, given: Connection | None) -> None:
        if given is None:
            self._wake()
        else:
            self._pass_on(given)

    async def _clean(self, connection: Connection) -> None:
        try:
            async with asyncio.timeout(CLEANING_PATIENCE):
                await connection.execute("ROLLBACK")
        except FAULTS:
            connection.terminate()
        finally:
            self._pass_on(connection)

    def _pass_on(self, connection: Connection) -> None:
        self._lent.discard(connection)
        if connection.is_closed():
            self._vacate()
            return
        waiter = self._first_waiter()
        if waiter is None:
            self._idle.append(connection)
        else:
            waiter.set_result(connection)

    def _vacate(self) -> None:
        self._places -= 1
        self._wake()

    def _wake(self) -> None:
        waiter = self._first_waiter()
        if waiter is not None:
            waiter.set_result(None)

    def _first_waiter(self) -> Waiter | None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                return waiter
        return None
