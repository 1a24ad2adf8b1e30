"""An upstream that misbehaves by path, on a real socket, and counts what reaches it."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Twice: 1\r\nX-Twice: 2\r\n"


@dataclass
class Wire:
    """What the upstream saw."""

    url: str = ""
    connections: int = 0
    open: int = 0
    requests: list[bytes] = field(default_factory=list)
    release: asyncio.Event = field(default_factory=asyncio.Event)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        self.writers.append(writer)
        try:
            while await self._one(reader, writer):
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        self.requests.append(head)
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        body = await reader.readexactly(length)
        return await self._behave(head.split()[1].partition(b"?")[0], head + body, writer)

    async def _behave(self, path: bytes, whole: bytes, writer: asyncio.StreamWriter) -> bool:
        match path:
            case b"/hang":
                await self.release.wait()
            case b"/reset":
                raw = writer.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
                return False
            case b"/close":
                return False
            case b"/garbage":
                writer.write(b"NOPE\r\n\r\n")
                return False
            case b"/slow-body":
                writer.write(HEAD + b"Content-Length: 10\r\n\r\nab")
                await writer.drain()
                await self.release.wait()
            case b"/truncated":
                writer.write(HEAD + b"Content-Length: 10\r\n\r\nab")
                return False
            case b"/cut-chunks":
                writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n")
                return False
            case b"/large":
                writer.write(HEAD + b"Content-Length: 200000\r\n\r\n" + b"x" * 200_000)
            case b"/large-chunks":
                writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"ffff\r\n" + b"x" * 65_535 + b"\r\n")
                writer.write((b"ffff\r\n" + b"x" * 65_535 + b"\r\n") * 4 + b"0\r\n\r\n")
            case b"/chunks":
                writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")
            case b"/redirect":
                writer.write(b"HTTP/1.1 302 Found\r\nLocation: /echo\r\nContent-Length: 0\r\n\r\n")
            case b"/none":
                writer.write(b"HTTP/1.1 204 No Content\r\nX-Version: 3\r\n\r\n")
            case b"/slow":
                await asyncio.sleep(0.02)
                writer.write(HEAD + b"Content-Length: 2\r\n\r\n{}")
            case _:
                writer.write(HEAD + b"Content-Length: %d\r\n\r\n" % len(whole) + whole)
        return True


@asynccontextmanager
async def wire() -> AsyncIterator[Wire]:
    """Run such an upstream."""
    upstream = Wire()
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    upstream.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield upstream
    finally:
        upstream.release.set()
        server.close()
        for writer in upstream.writers:
            writer.transport.abort()
