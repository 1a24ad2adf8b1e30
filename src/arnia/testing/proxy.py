"""A TCP proxy that breaks connections in the ways in which networks and dying processes do.

```python
async with Proxy(port) as proxy:
    proxy.fault = Fault.HANG
    ...
    proxy.heal()
```

A fault holds for connections that are open and for those to come, until it is healed.
"""

import asyncio
import socket
import struct
from contextlib import suppress
from enum import StrEnum
from types import TracebackType
from typing import Final, Self

from arnia.conventions import LOOPBACK

__all__ = ["Fault", "Proxy"]

PIECE: Final = 65_536
CUT_AFTER: Final = 40
"""Bytes of an answer that pass before it is truncated: within the head of any."""
TORN_SECONDS: Final = 0.02
"""Between half a piece and the reset: who is told of the reset first may never look at what came before it."""


class Fault(StrEnum):
    """What is wrong with the connections."""

    NONE = "none"
    REFUSE = "refuse"
    """Connections are reset, new ones at once."""
    RESET = "reset"
    """The connection is reset as soon as the client sends."""
    TEAR = "tear"
    """Half of what the client sends arrives, within a frame of any protocol; then both ends are reset."""
    TEAR_ANSWER = "tear-answer"
    """Half of an answer arrives; then both ends are reset."""
    HANG = "hang"
    """What is sent arrives, and no answer comes back."""
    HALF_OPEN = "half-open"
    """The connection stands, and nothing arrives anywhere: the other machine is gone."""
    TRUNCATE = "truncate"
    """The connection is closed within the answer."""
    SLOW_CLOSE = "slow-close"
    """The connection is closed after the request, without an answer, when `seconds` have passed."""
    LATENCY = "latency"
    """Every answer comes `seconds` later."""


class Proxy:
    """Forwards connections to `port`.

    Attributes:
        fault: What is wrong at the moment.
        seconds: How long what takes time takes.
        connections: How many have been taken.
        port: Where it listens.
    """

    def __init__(self, target: int) -> None:
        self.fault = Fault.NONE
        self.seconds = 0.2
        self.connections = 0
        self.port = 0
        self._target = target
        self._server: asyncio.Server | None = None
        self._healed = asyncio.Event()
        self._serving: set[asyncio.Task[None]] = set()
        self._ways: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where it listens, for HTTP."""
        return f"http://{LOOPBACK}:{self.port}"

    def heal(self) -> None:
        """Let everything pass again; what was held back is lost, and its connections end."""
        self.fault = Fault.NONE
        self._healed.set()
        self._healed = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        for way in self._ways:
            way.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        if task is not None:
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)
        if self.fault is Fault.REFUSE:
            _reset(writer)
            return
        try:
            inner_reader, inner_writer = await asyncio.open_connection(LOOPBACK, self._target)
        except OSError:
            _reset(writer)
            return
        ways = {
            asyncio.create_task(self._send(reader, inner_writer, writer)),
            asyncio.create_task(self._answer(inner_reader, writer, inner_writer)),
        }
        self._ways |= ways
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        self._ways -= ways
        inner_writer.close()
        writer.close()

    async def _send(
        self, reader: asyncio.StreamReader, onward: asyncio.StreamWriter, back: asyncio.StreamWriter
    ) -> None:
        with suppress(ConnectionError):
            while piece := await reader.read(PIECE):
                match self.fault:
                    case Fault.RESET | Fault.REFUSE:
                        _reset(back)
                        return
                    case Fault.TEAR:
                        await _tear(piece, onward, back)
                        return
                    case Fault.HALF_OPEN:
                        await self._healed.wait()
                        return
                    case Fault.SLOW_CLOSE:
                        await asyncio.sleep(self.seconds)
                        return
                    case _:
                        onward.write(piece)
                        await onward.drain()

    async def _answer(
        self, reader: asyncio.StreamReader, back: asyncio.StreamWriter, onward: asyncio.StreamWriter
    ) -> None:
        with suppress(ConnectionError):
            while piece := await reader.read(PIECE):
                match self.fault:
                    case Fault.HANG | Fault.HALF_OPEN:
                        await self._healed.wait()
                        return
                    case Fault.TRUNCATE:
                        back.write(piece[: min(CUT_AFTER, len(piece) - 1)])
                        await back.drain()
                        return
                    case Fault.TEAR_ANSWER:
                        await _tear(piece, back, onward)
                        return
                    case Fault.LATENCY:
                        await asyncio.sleep(self.seconds)
                    case _:
                        pass
                back.write(piece)
                await back.drain()


async def _tear(piece: bytes, there: asyncio.StreamWriter, here: asyncio.StreamWriter) -> None:
    # One byte less than half, or two frames of one length would be parted where the second begins.
    there.write(piece[: (len(piece) - 1) // 2])
    await there.drain()
    await asyncio.sleep(TORN_SECONDS)
    _reset(there)
    _reset(here)


def _reset(writer: asyncio.StreamWriter) -> None:
    raw: socket.socket | None = writer.get_extra_info("socket")
    if raw is not None:
        # Lingering for no time is how a socket is closed with RST instead of FIN.
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
