"""A connection to RabbitMQ that is made when it is needed, and made again when it is gone."""

import asyncio
import logging
from collections.abc import Awaitable
from contextlib import suppress
from typing import Final, TypeVar

from aio_pika import Connection
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.connection import make_url
from aio_pika.exceptions import CONNECTION_EXCEPTIONS

from arnia.errors import Unavailable

__all__ = ["GONE", "RECONNECT_SECONDS", "Line", "away", "bounded"]

CONNECT_SECONDS: Final = 3.0
HEARTBEAT_SECONDS: Final = 10
"""A server that says nothing for about three times as long is gone, as is a client for the server."""
PART_SECONDS: Final = 2.0
RECONNECT_SECONDS: Final = 0.2
GONE: Final = (*CONNECTION_EXCEPTIONS, TimeoutError)
"""What the library raises when the connection, or the channel, ends under somebody's hands."""

T = TypeVar("T")


class Line:
    """One connection; a broken one is replaced by whoever needs it next."""

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._name = name
        self._connection: AbstractConnection | None = None
        self._lock = asyncio.Lock()
        self._closed = False
        for library in ("aiormq", "aio_pika"):  # they tell of each fault what its exception tells too
            logging.getLogger(library).setLevel(logging.CRITICAL)

    @property
    def up(self) -> bool:
        """Whether the server is there, as far as anybody knows."""
        return self._connection is not None and self._connection.connected.is_set()

    async def channel(self) -> AbstractChannel:
        """Return a new channel, on a connection that lives.

        Raises:
            Unavailable: The server is not there.
        """
        try:
            connection = await self.connect()
            return await bounded(connection.channel(on_return_raises=True), CONNECT_SECONDS)
        except GONE as error:
            raise away() from error

    async def connect(self) -> AbstractConnection:
        """Return the connection, a new one if need be; raises what the library raises."""
        async with self._lock:
            if self._closed:
                raise away()
            if self._connection is None or not self.up:
                await self._part()
                self._connection = await self._connected()
            return self._connection

    async def drop(self) -> None:
        """Give the connection up: nobody knows what it is good for."""
        async with self._lock:
            await self._part()

    async def close(self) -> None:
        """Part for good."""
        self._closed = True
        await self.drop()

    async def _connected(self) -> AbstractConnection:
        connection = Connection(make_url(self._url, heartbeat=HEARTBEAT_SECONDS, name=self._name))
        try:
            await bounded(connection.connect(timeout=CONNECT_SECONDS), CONNECT_SECONDS + 1)
        except BaseException:
            await connection.close()  # or it complains when it is forgotten
            raise
        return connection

    async def _part(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*GONE):
                await bounded(connection.close(), PART_SECONDS)


async def bounded(work: Awaitable[T], seconds: float) -> T:
    """Return what `work` returns; a cancellation that is the library's and not ours is a fault like any other.

    Raises:
        TimeoutError: It takes longer than `seconds`, or was cancelled from within.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait((task,), timeout=seconds)
    finally:
        given_up = not task.done() and task.cancel()
    if given_up or task.cancelled():
        message = "no answer from the message broker"
        raise TimeoutError(message)
    return task.result()


def away() -> Unavailable:
    """Return what to raise when the broker is not there."""
    detail = "The message broker cannot be reached, or did not answer in time."
    return Unavailable(detail)
