"""What a route answers: a view and the headers that go with it.

A route declares `-> Reply[DeliveryView]`; from that annotation come its documentation and its response model, and the
type checker holds the two together. The bytes are made here, once, before the transaction is committed.
"""

from typing import Any, Generic, TypeVar

from pydantic import BaseModel
from starlette.responses import Response

from arnia.chassis import links
from arnia.chassis.links import Resource

__all__ = ["Reply", "created", "no_content", "ok"]

V = TypeVar("V", bound=BaseModel | None)


class Reply(Response, Generic[V]):
    """An answer whose body is one view, already serialised."""

    def __init__(
        self, view: V, *, status: int, etag: str | None = None, location: str | None = None, stored: bool = True
    ) -> None:
        self.view = view
        self.status_code = status
        self.background = None
        self.body = b"" if self.view is None else _serialise(self.view)
        headers: list[tuple[bytes, bytes]] = [(b"cache-control", b"private, no-cache" if stored else b"no-store")]
        if self.view is not None:
            headers.append((b"content-type", b"application/json"))
            headers.append((b"content-length", str(len(self.body)).encode()))
        if etag is not None:
            headers.append((b"etag", f'"{etag}"'.encode()))
        if location is not None:
            headers.append((b"location", links.reference(location).encode()))
        if isinstance(view, Resource) and view.links:
            headers.append((b"link", links.header(view.links).encode()))
        self.raw_headers = headers


def _serialise(view: BaseModel) -> bytes:
    serialised: bytes = view.__pydantic_serializer__.to_json(view, by_alias=True)
    return serialised


def ok(view: V, *, etag: str | None = None, stored: bool = True) -> Reply[V]:
    """Answer 200 with `view`; `etag` is the opaque part of its entity tag.

    What is not to be `stored`, since it is not the whole truth, is kept by no cache on the way.
    """
    return Reply(view, status=200, etag=etag, stored=stored)


def created(view: V, *, location: str, etag: str | None = None) -> Reply[V]:
    """Answer 201: `view` now exists at `location`."""
    return Reply(view, status=201, etag=etag, location=location)


def no_content(*, etag: str | None = None) -> Reply[Any]:
    """Answer 204: done, and there is nothing to say; `etag` is that of the resource as it is now."""
    return Reply(None, status=204, etag=etag)
