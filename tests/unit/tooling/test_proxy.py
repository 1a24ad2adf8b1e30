"""The proxy tears frames as a dying peer does: half of one arrives, and neither end is told in good order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from arnia.conventions import LOOPBACK
from arnia.testing.proxy import Fault, Proxy

FRAME = b"<0123456789>"


@dataclass
class Echo:
    """A server that sends back each frame of twelve bytes that it has whole.

    Attributes:
        heard: All that arrived.
        ended: How its connections ended: with RST, or not.
    """

    heard: bytes = b""
    ended: asyncio.Queue[bool] = field(default_factory=asyncio.Queue)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection."""
        try:
            while piece := await reader.read(65_536):
                self.heard += piece
                writer.write(piece[: len(piece) // len(FRAME) * len(FRAME)])
        except ConnectionResetError:
            await self.ended.put(True)
        else:
            await self.ended.put(False)
        finally:
            writer.close()


@dataclass
class Line:
    """A connection of a client through the proxy."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, what: bytes) -> None:
        """Send all of it at once."""
        self.writer.write(what)
        await self.writer.drain()

    async def rest(self) -> tuple[bytes, bool]:
        """Return all that arrives until the connection ends, and whether that is by RST."""
        found = b""
        try:
            while piece := await self.reader.read(65_536):
                found += piece
        except ConnectionResetError:
            return found, True
        return found, False


@pytest.fixture
async def echo() -> Echo:  # made where a loop runs
    """Give the server; `lines` runs it."""
    return Echo()


@asynccontextmanager
async def lines(echo: Echo) -> AsyncIterator[tuple[Proxy, Line]]:
    """Run the echo, a proxy before it, and a connection that has said one frame and heard it."""
    server = await asyncio.start_server(echo.serve, LOOPBACK, 0)
    async with server, Proxy(server.sockets[0].getsockname()[1]) as proxy:
        line = Line(*await asyncio.open_connection(LOOPBACK, proxy.port))
        await line.say(FRAME)
        assert await line.reader.readexactly(len(FRAME)) == FRAME
        try:
            yield proxy, line
        finally:
            line.writer.close()


@pytest.mark.parametrize("frames", range(1, 6))
async def test_a_torn_frame_arrives_by_half_and_both_ends_are_reset(echo: Echo, frames: int) -> None:
    """However many frames of one length are sent at once, one is torn, those before it come, and both ends see RST."""
    async with lines(echo) as (proxy, line):
        proxy.fault = Fault.TEAR
        echo.heard = b""
        await line.say(FRAME * frames)
        answer, reset = await line.rest()
        assert reset
        assert await echo.ended.get()
        assert (FRAME * frames).startswith(echo.heard)
        assert 0 < len(echo.heard) < len(FRAME * frames)
        assert len(echo.heard) % len(FRAME)
        assert (FRAME * frames).startswith(answer)


async def test_a_torn_answer_arrives_by_half_and_both_ends_are_reset(echo: Echo) -> None:
    """What is sent arrives whole, half of what comes back does, and both ends see RST."""
    async with lines(echo) as (proxy, line):
        proxy.fault = Fault.TEAR_ANSWER
        await line.say(FRAME * 2)
        assert await line.rest() == ((FRAME * 2)[: len(FRAME) - 1], True)
        assert await echo.ended.get()
        assert echo.heard == FRAME * 3


async def test_of_a_single_byte_nothing_arrives(echo: Echo) -> None:
    """What cannot be torn is withheld."""
    async with lines(echo) as (proxy, line):
        proxy.fault = Fault.TEAR
        await line.say(FRAME[:1])
        assert await line.rest() == (b"", True)
        assert await echo.ended.get()
        assert echo.heard == FRAME


async def test_a_healed_proxy_lets_new_connections_pass(echo: Echo) -> None:
    """A fault ends with the connections that suffered from it."""
    async with lines(echo) as (proxy, line):
        proxy.fault = Fault.TEAR
        await line.say(FRAME)
        await line.rest()
        proxy.heal()
        again = Line(*await asyncio.open_connection(LOOPBACK, proxy.port))
        await again.say(FRAME)
        assert await again.reader.readexactly(len(FRAME)) == FRAME
        again.writer.close()
