"""Keyset collections: opaque cursors, signed, and bound to the caller, filter and sort that they were made for."""

import base64
import binascii
import hashlib
import hmac
from typing import Annotated, Final
from urllib.parse import quote, urlencode

import orjson
from fastapi import Depends
from pydantic import ConfigDict, Field
from starlette.requests import Request

from arnia.chassis.context import current
from arnia.chassis.integers import Bounded
from arnia.chassis.links import Link, Links
from arnia.errors import InvalidContent, Violation

__all__ = ["CollectionQuery", "CurrentCursors", "Cursors", "Position"]

Position = tuple[str | int | float | bool | None, ...]
"""Where a page ends: the values of its last row's sort columns, the unique one last, as JSON can carry them."""

_SIGNATURE_BYTES: Final = 16
_PATH_CHARACTERS: Final = "/-._~:@!$&'()*+,;="


class CollectionQuery(Bounded):
    """Query of a collection. Subclass it: add the filters, and narrow `sort` to a `Literal` of what is allowed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: int = Field(default=20, ge=1, le=100, description="Most items on a page.")
    cursor: str | None = Field(default=None, max_length=1024, description="Where to go on, from a page's `next` link.")
    sort: str = Field(default="created_at", description="Order; a leading - means descending.")


class Cursors:
    """Makes and reads the cursors of one collection, for one caller: `subject` names them."""

    def __init__(self, key: bytes, path: str, subject: str = "") -> None:
        self._key = key
        self._path = path
        self._subject = subject

    def position(self, query: CollectionQuery) -> Position | None:
        """Return where the page that `query` asks for begins; None for the first.

        Raises:
            InvalidContent: the cursor was not made here for this caller, filter and sort.
        """
        if query.cursor is None:
            return None
        try:
            sealed = base64.b64decode(query.cursor.encode() + b"=" * (-len(query.cursor) % 4), b"-_", validate=True)
        except (binascii.Error, ValueError):
            sealed = b""
        signature, payload = sealed[:_SIGNATURE_BYTES], sealed[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._sign(query, payload)) or not payload:
            violation = Violation(
                detail="The cursor does not belong to this collection, filter and sort: start again without it.",
                code="cursor",
                parameter="cursor",
            )
            raise InvalidContent("The cursor is not valid.", violations=[violation])
        position: list[str | int | float | bool | None] = orjson.loads(payload)
        return tuple(position)

    def links(self, query: CollectionQuery, following: Position | None) -> Links:
        """Return a page's links: itself, the first page, and the next one if rows are left."""
        parts = query.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        links = {"self": Link(href=self._href(parts))}
        parts.pop("cursor", None)
        links["first"] = Link(href=self._href(parts))
        if following is not None:
            payload = orjson.dumps(following)
            sealed = base64.urlsafe_b64encode(self._sign(query, payload) + payload).rstrip(b"=").decode()
            links["next"] = Link(href=self._href({**parts, "cursor": sealed}))
        return links

    def _href(self, parts: dict[str, object]) -> str:
        return f"{self._path}?{urlencode(parts, doseq=True)}" if parts else self._path

    def _sign(self, query: CollectionQuery, payload: bytes) -> bytes:
        bound = query.model_dump(mode="json", exclude={"cursor", "limit"})
        message = orjson.dumps([self._path, self._subject, bound], option=orjson.OPT_SORT_KEYS) + payload
        return hmac.digest(self._key, message, hashlib.sha256)[:_SIGNATURE_BYTES]


async def _cursors(request: Request) -> Cursors:
    context = current(request)
    path = quote(request.scope["path"], safe=_PATH_CHARACTERS)
    return Cursors(context.runtime.cursor_key, path, context.principal.subject)


CurrentCursors = Annotated[Cursors, Depends(_cursors)]
