"""One page of a collection, and how a cursor carries where it ends."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar
from uuid import UUID

from arnia.chassis.cursors import CollectionQuery, Cursors, Position
from arnia.chassis.links import Link, Links

Entity = TypeVar("Entity")


class Mark(NamedTuple):
    """Where a page ends: the value that it is sorted by and, between equal ones, the identity."""

    key: datetime | str
    id: UUID


def begin(query: CollectionQuery, cursors: Cursors) -> Mark | None:
    """Return where the page begins that `query` asks for; None for the first. The cursor's signature vouches for it."""
    position = cursors.position(query)
    if position is None:
        return None
    key, identity = (str(part) for part in position)
    return Mark(datetime.fromisoformat(key) if query.sort.removeprefix("-") == "created_at" else key, UUID(identity))


def lead_on(query: CollectionQuery, cursors: Cursors, last: Mark | None) -> Links:
    """Return a page's links; `last` is where it ends, or None when nothing follows."""
    links = cursors.links(query, None if last is None else _position(last))
    return {**links, "create": Link(href=links["first"].href.partition("?")[0], method="POST")}


def cut(found: Sequence[Entity], limit: int) -> tuple[Sequence[Entity], Entity | None]:
    """Return what a page shows of `found`, which holds one more than asked for, and the last one if more follow."""
    shown = found[:limit]
    return shown, shown[-1] if len(found) > limit else None


def _position(mark: Mark) -> Position:
    return mark.key.isoformat() if isinstance(mark.key, datetime) else mark.key, str(mark.id)
