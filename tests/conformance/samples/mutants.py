"""Ways to break a service that keeps every rule: an ASGI application around it that lies about one thing."""

import base64
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Change = Callable[["Told"], None]
Ask = Callable[[dict[str, Any]], None]


@dataclass
class Told:
    """An answer on its way, and what it answers."""

    scope: dict[str, Any]
    status: int
    headers: dict[str, str]
    body: bytes
    count: int = 0
    sent: bytes = b""

    @property
    def document(self) -> Any:
        """The body, parsed; None when it is no JSON."""
        return json.loads(self.body) if self.body and "json" in self.headers.get("content-type", "") else None

    def tell(self, document: object) -> None:
        """Answer with another document."""
        self.body = json.dumps(document).encode()
        self.headers["content-length"] = str(len(self.body))


@dataclass
class Mutant:
    """An application that changes what is asked, what is told, or both."""

    app: ASGIApp
    ask: Ask | None = None
    tell: Change | None = None
    counter: "itertools.count[int]" = field(default_factory=itertools.count)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        asked = dict(scope)
        if self.ask is not None:
            self.ask(asked)
        start: Message = {}
        chunks: list[bytes] = []

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                chunks.append(message.get("body", b""))

        sent: list[bytes] = []

        async def hear() -> Message:
            message = await receive()
            sent.append(message.get("body", b""))
            return message

        await self.app(asked, hear, keep)
        pairs = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in start["headers"]}
        told = Told(dict(scope), start["status"], pairs, b"".join(chunks), next(self.counter), b"".join(sent))
        if self.tell is not None:
            self.tell(told)
        headers = [(name.encode(), value.encode("latin-1")) for name, value in told.headers.items()]
        await send({"type": "http.response.start", "status": told.status, "headers": headers})
        await send({"type": "http.response.body", "body": told.body})


def deaf_to(*names: str) -> Ask:
    """Ignore the request headers `names`."""
    ignored = {name.encode() for name in names}

    def ask(scope: dict[str, Any]) -> None:
        scope["headers"] = [pair for pair in scope["headers"] if pair[0] not in ignored]

    return ask


def deaf_to_query(*names: str) -> Ask:
    """Ignore the query parameters `names`, or all of them when none is given."""

    def ask(scope: dict[str, Any]) -> None:
        parts = scope["query_string"].split(b"&")
        kept = [part for part in parts if names and part.partition(b"=")[0].decode() not in names]
        scope["query_string"] = b"&".join(kept)

    return ask


class TakingAllForOne:
    """Take every caller for the first `owner` that came, save `but` those subjects: nothing is anybody's own."""

    def __init__(self, owner: str, *but: str) -> None:
        self._owner = owner
        self._but = but
        self._believed: tuple[bytes, bytes] | None = None

    def __call__(self, scope: dict[str, Any]) -> None:
        """Put one token in the place of another."""
        sent = next((pair for pair in scope["headers"] if pair[0] == b"authorization"), (b"", b""))
        subject = subject_of(sent[1])
        if subject == self._owner:
            self._believed = self._believed or sent
        elif self._believed is not None and subject and subject not in self._but:
            scope["headers"] = [self._believed if pair == sent else pair for pair in scope["headers"]]


def subject_of(authorization: bytes) -> str:
    """Return the subject of a token, which nobody verifies here; empty where it is none."""
    return str(claims_of(authorization).get("sub", ""))


def scopes_of(authorization: bytes) -> list[str]:
    """Return the scopes of a token, which nobody verifies here."""
    return str(claims_of(authorization).get("scope", "")).split()


def claims_of(authorization: bytes) -> dict[str, Any]:
    """Return the claims of a token, which nobody verifies here; none where it is no token."""
    parts = authorization.split(b".")
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + b"==")) if len(parts) == 3 else None
    except (ValueError, RecursionError):
        claims = None
    return claims if isinstance(claims, dict) else {}


def silent_about(*names: str) -> Change:
    """Leave out the response headers `names`."""

    def tell(told: Told) -> None:
        for name in names:
            told.headers.pop(name, None)

    return tell


def saying(name: str, value: str) -> Change:
    """Set the response header `name`, where it is told."""

    def tell(told: Told) -> None:
        told.headers[name] = value

    return tell


def instead_of(wanted: int, status: int) -> Change:
    """Answer `status` where `wanted` would be right."""

    def tell(told: Told) -> None:
        if told.status == wanted:
            told.status = status

    return tell


def without(*names: str) -> Change:
    """Leave the members `names` out of every document."""

    def tell(told: Told) -> None:
        document = told.document
        if isinstance(document, dict):
            told.tell({name: value for name, value in document.items() if name not in names})

    return tell


def with_document(change: Callable[[dict[str, Any]], None], *, status: int = 200) -> Change:
    """Change the documents that are answered with `status`."""

    def tell(told: Told) -> None:
        document = told.document
        if told.status == status and isinstance(document, dict):
            change(document)
            told.tell(document)

    return tell
