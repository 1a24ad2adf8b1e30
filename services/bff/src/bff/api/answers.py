"""How every view is answered, whatever its shape: its links, its entity tag, and what is not kept by anybody."""

import hashlib
from typing import TypeVar
from urllib.parse import urlencode
from uuid import UUID

from pydantic import BaseModel

from arnia.chassis.links import Link, Links
from arnia.chassis.replies import Reply, ok
from bff.models.views import Overview
from bff.schemas.queries import PageQuery

V = TypeVar("V", bound=BaseModel)


def whole(view: V, overview: Overview) -> Reply[V]:
    """Answer with `view`; one that lacks a part has no entity tag and is not to be kept: the next may have it."""
    if overview.missing:
        return ok(view, stored=False)
    return ok(view, etag=hashlib.blake2b(view.model_dump_json(by_alias=True).encode(), digest_size=12).hexdigest())


def view_links(collection: str, delivery_id: UUID) -> Links:
    """Return the relations of one delivery's view."""
    return {"self": Link(href=f"{collection}/{delivery_id}"), "collection": Link(href=collection)}


def page_links(collection: str, query: PageQuery, cursor: str | None) -> Links:
    """Return the relations of a page: itself, the first one, and the next one where there is one."""
    limit = query.model_dump(exclude_defaults=True, include={"limit"})
    found = {"self": Link(href=_href(collection, query.model_dump(exclude_defaults=True)))}
    found["first"] = Link(href=_href(collection, limit))
    if cursor is not None:
        found["next"] = Link(href=_href(collection, {**limit, "cursor": cursor}))
    return found


def _href(path: str, parts: dict[str, object]) -> str:
    return f"{path}?{urlencode(parts)}" if parts else path
