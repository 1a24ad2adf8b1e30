"""An upstream on a real socket that answers as a test tells it, and remembers what it was asked."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

ANSWER = {"name": "rose", "height": 0.5, "latin": "rosa"}


@dataclass(frozen=True)
class Seen:
    """One request, as it arrived."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Say:
    """One answer; `after` seconds."""

    status: int = 200
    document: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    after: float = 0.0

    def raw(self) -> bytes:
        document = ANSWER if self.document is None else self.document
        body = b"" if self.status in {204, 304} else json.dumps(document).encode()
        head = {"content-type": "application/json", "content-length": str(len(body)), **self.headers}
        lines = [f"HTTP/1.1 {self.status} X", *(f"{name}: {value}" for name, value in head.items())]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass
class Scripted:
    """Says what is in `script`, one after the other, and then `always`."""

    url: str = ""
    port: int = 0
    script: deque[Say] = field(default_factory=deque)
    always: Say = field(default_factory=Say)
    seen: list[Seen] = field(default_factory=list)
    connections: set[asyncio.StreamWriter] = field(default_factory=set)
    opened: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.add(writer)
        self.opened += 1
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                seen = await _read(reader)
                self.seen.append(seen)
                say = self.script.popleft() if self.script else self.always
                await asyncio.sleep(say.after)
                writer.write(say.raw())
                await writer.drain()
        self.connections.discard(writer)
        writer.close()

    def __len__(self) -> int:
        return len(self.seen)


async def _read(reader: asyncio.StreamReader) -> Seen:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    method, target, _ = lines[0].split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Seen(method, target, headers, body)


@asynccontextmanager
async def scripted() -> AsyncIterator[Scripted]:
    """Run such an upstream."""
    upstream = Scripted()
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    upstream.port = server.sockets[0].getsockname()[1]
    upstream.url = f"http://127.0.0.1:{upstream.port}"
    try:
        yield upstream
    finally:
        server.close()
        for writer in list(upstream.connections):
            writer.transport.abort()
        await asyncio.sleep(0)
