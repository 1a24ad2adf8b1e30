"""A token endpoint on a real socket: client credentials and token exchange, and what it was asked."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qs


@dataclass
class TokenEndpoint:
    """Issues `token-1`, `token-2` and so on.

    Attributes:
        seconds: How long they live, as it says.
        status: What it answers; 200 issues a token.
        may_answer: It thinks for as long as this is not set.
        connections: How many are open.
    """

    seconds: float = 60.0
    status: int = 200
    error: str = "invalid_client"
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    connections: int = 0
    asked: list[dict[str, str]] = field(default_factory=list)
    clients: list[str] = field(default_factory=list)
    port: int = 0
    _server: asyncio.Server | None = None
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/token"

    async def start(self) -> None:
        """Answer; after a stop, at the same port again."""
        self.may_answer.set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Answer no more."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        self.connections += 1
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await self._answer(reader, writer)
        self.connections -= 1

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        fields = (line.partition(":") for line in lines[1:])
        headers = {name.lower(): value.strip() for name, _, value in fields}
        raw = await reader.readexactly(int(headers["content-length"]))
        form = parse_qs(raw.decode(), strict_parsing=True)
        self.asked.append({name: values[0] for name, values in form.items()})
        self.clients.append(base64.b64decode(headers["authorization"].removeprefix("Basic ")).decode())
        number = len(self.asked)
        await self.may_answer.wait()
        document: dict[str, object] = {"error": self.error}
        if self.status == 200:
            document = {"access_token": f"token-{number}", "token_type": "Bearer", "expires_in": self.seconds}
        body = json.dumps(document).encode()
        head = [f"HTTP/1.1 {self.status} X", "content-type: application/json", f"content-length: {len(body)}"]
        writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        await writer.drain()


@asynccontextmanager
async def token_endpoint() -> AsyncIterator[TokenEndpoint]:
    """Run such an endpoint."""
    endpoint = TokenEndpoint()
    await endpoint.start()
    try:
        yield endpoint
    finally:
        await endpoint.stop()
