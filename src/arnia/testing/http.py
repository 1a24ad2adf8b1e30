"""Requests and answers as plain data, and the shortest way to an ASGI application: no client that tidies up.

A test of a server's manners has to send what no client library would: a header twice, a path that is not normalised,
a body in pieces. So a `Call` is what the server shall see, to the byte.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self
from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Message

__all__ = ["Answer", "AsgiClient", "Call", "Lifespan", "call"]

LIFESPAN_SECONDS: Final = 60.0

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Call:
    """One request.

    Attributes:
        target: The path, percent-encoded, with its query.
        chunks: The body as it arrives; more than one is a body without a Content-Length.
    """

    method: str
    target: str
    headers: Pairs = ()
    chunks: tuple[bytes, ...] = ()

    def having(self, name: str, value: str) -> "Call":
        """Return the same request with the header `name`, in lower case, set to `value`."""
        others = tuple(pair for pair in self.headers if pair[0] != name)
        return replace(self, headers=(*others, (name, value)))

    def __str__(self) -> str:
        sent = b"".join(self.chunks)[:200]
        return f"{self.method} {self.target[:200]} {dict(self.headers)} {sent!r}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Pairs = ()
    body: bytes = b""
    read: int = field(default=0, compare=False)
    """How many pieces of the request's body the application took before it answered."""

    def header(self, name: str) -> str | None:
        """Return the values of header `name`, joined as RFC 9110 allows, or None."""
        found = [value for key, value in self.headers if key == name.lower()]
        return ", ".join(found) if found else None

    def json(self) -> Any:
        """Return the body, parsed."""
        return json.loads(self.body)

    @property
    def media_type(self) -> str:
        """The media type of the body, without parameters."""
        return (self.header("content-type") or "").partition(";")[0].strip()

    def __str__(self) -> str:
        return f"{self.status} {dict(self.headers)} {self.body[:500]!r}"


def call(
    method: str,
    target: str,
    *,
    headers: Mapping[str, str] | None = None,
    document: object = None,
    body: bytes | None = None,
    media_type: str = "application/json",
) -> Call:
    """Return a request with `document` as its JSON body, or `body` as it is, and the headers that go with it."""
    raw = json.dumps(document).encode() if document is not None else body
    given = {name.lower(): value for name, value in (headers or {}).items()}
    if raw is not None:
        given = {"content-type": media_type, "content-length": str(len(raw)), **given}
    return Call(method, target, tuple(given.items()), () if raw is None else (raw,))


class AsgiClient:
    """Sends calls to an ASGI application in this process, with `token` where they have no Authorization of their own.

    An empty Authorization is one: it stands for a caller without any.
    """

    def __init__(self, app: ASGIApp, token: str = "") -> None:
        self._app = app
        self._token = token

    async def send(self, request: Call) -> Answer:
        """Return the application's answer to `request`."""
        if self._token and not any(name == "authorization" for name, _ in request.headers):
            request = request.having("authorization", f"Bearer {self._token}")
        waiting: list[Message] = _body_messages(request.chunks)
        start: Message = {}
        body: list[bytes] = []
        read = 0

        async def receive() -> Message:
            nonlocal read
            if waiting:
                read += 1
                return waiting.pop(0)
            await asyncio.get_running_loop().create_future()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                body.append(message.get("body", b""))

        await self._app(_scope(request), receive, send)
        headers = tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in start["headers"])
        return Answer(start["status"], headers, b"".join(body), read)


def _body_messages(chunks: Sequence[bytes]) -> list[Message]:
    pieces = chunks or (b"",)
    last = len(pieces) - 1
    return [{"type": "http.request", "body": piece, "more_body": at < last} for at, piece in enumerate(pieces)]


def _scope(request: Call) -> dict[str, Any]:
    path, _, query = request.target.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": unquote_to_bytes(path).decode("utf-8", "replace"),
        "raw_path": path.encode("latin-1", "replace"),
        "query_string": query.encode("latin-1", "replace"),
        "root_path": "",
        "headers": list(_raw(request.headers)),
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 80),
        "state": {},
    }


def _raw(headers: Pairs) -> Iterable[tuple[bytes, bytes]]:
    if not any(name.lower() == "host" for name, _ in headers):
        yield b"host", b"testserver"
    for name, value in headers:
        yield name.lower().encode("latin-1", "replace"), value.encode("latin-1", "replace")


class Lifespan(AbstractAsyncContextManager["Lifespan"]):
    """Runs the lifespan of an ASGI application around a block.

    Raises:
        RuntimeError: the application's start or stop failed, or took longer than a minute.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._from_app: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
        self._task = asyncio.ensure_future(self._run(scope))
        await self._step("startup")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._step("shutdown")
        if self._task is not None:
            await self._task

    async def _run(self, scope: dict[str, Any]) -> None:
        await self._app(scope, self._to_app.get, self._from_app.put)

    async def _step(self, name: str) -> None:
        await self._to_app.put({"type": f"lifespan.{name}"})
        async with asyncio.timeout(LIFESPAN_SECONDS):
            answer = await self._from_app.get()
        if answer["type"] != f"lifespan.{name}.complete":
            raise RuntimeError(f"the {name} of the application failed: {answer.get('message', 'no reason given')}")
